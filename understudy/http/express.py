"""The short way of plain requests, which are most of them.

It leads past all rooms in which such a request is not changed, and finds its operation by its path
alone. Whatever it does not know for sure takes the long way, which answers the same.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.http.answers import encode, send_json
from understudy.http.middleware import Stage, refusal_of
from understudy.http.prefer import NAME as PREFER
from understudy.http.requests import read_body
from understudy.site import Site

PACKED_FROM = 500  # bytes, from which on an answer varies with what a client can unpack
VARY, VARY_IF_LONG = (b"vary", b"Origin"), (b"vary", b"Accept-Encoding, Origin")


class Express:
    """An ASGI application that answers plain requests for operations, and leaves all others to another."""

    def __init__(self, app: ASGIApp, site: Site, stage: Stage) -> None:
        self._app = app
        self._stage = stage
        self._routes = site.routes
        self._journal = site.journal
        self._faults = site.faults
        self._guard = site.guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_short = not self._faults.rules and is_plain(scope)
        found = self._routes.find(scope["method"], scope["path"]) if is_short else None
        if found is None:
            await self._app(scope, receive, send)
            return
        exchange = self._journal.begin(scope)
        headers = []
        try:
            self._guard.check(scope)
            body = await read_body(receive) if found.operation.reader.takes_body else b""
            exchange.asked(body)
            scope["path_params"] = found.arguments
            status, answer = await self._stage.answer(found.operation, scope, body)
        except Exception as error:  # noqa: BLE001 - as on the long way
            refusal = refusal_of(error, scope)
            status, answer, headers = refusal.status, encode(refusal.body), refusal.raw_headers
        exchange.answered(status, answer)
        await send_json(send, status, answer, [*headers, VARY if len(answer) < PACKED_FROM else VARY_IF_LONG])


def is_plain(scope: Scope) -> bool:
    """Whether nothing on the long way would change a request's answer: CORS, gzip, what it prefers."""
    if scope["type"] != "http":
        return False
    headers = dict(scope["headers"])
    return b"origin" not in headers and b"gzip" not in headers.get(b"accept-encoding", b"") and PREFER not in headers
