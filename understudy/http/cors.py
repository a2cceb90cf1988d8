"""Cross-origin requests (CORS): pages of all origins may send requests, as with the real server."""

from collections.abc import Awaitable

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.http.responses import VARY_ORIGIN
from understudy.http.routing_table import ROUTE
from understudy.operations.request_headers import headers_of


class AnyOriginMiddleware(CORSMiddleware):
    """Starlette's CORS middleware, skipped for requests for operations without an origin."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override] # awaited all the same
        if scope.get(ROUTE) is not None and b"origin" not in headers_of(scope):
            scope[VARY_ORIGIN] = True
            return self.app(scope, receive, send)
        return super().__call__(scope, receive, send)
