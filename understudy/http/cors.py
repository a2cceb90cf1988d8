"""Cross-origin requests (CORS): pages of all origins may send requests, as with the real server."""

from collections.abc import Awaitable
from functools import cached_property

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.http.responses import VARY_ORIGIN
from understudy.http.routing_table import ROUTE
from understudy.operations.request_headers import headers_of


class AnyOriginMiddleware:
    """Starlette's CORS middleware, skipped for requests for operations without an origin."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope.get(ROUTE) is not None and b"origin" not in headers_of(scope):
            scope[VARY_ORIGIN] = True
            return self.app(scope, receive, send)
        return (self._cors if scope["type"] == "http" else self.app)(scope, receive, send)

    @cached_property
    def _cors(self) -> ASGIApp:
        # A lazy import: the start of a server does not wait for it.
        from starlette.middleware.cors import CORSMiddleware  # noqa: PLC0415

        return CORSMiddleware(self.app, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
