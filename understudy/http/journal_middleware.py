"""The middleware that writes requests and their responses into the journal."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.http.journal import EXCHANGE, Exchange, Headers, Journal, longer
from understudy.operations.request_headers import headers_of


class JournalMiddleware:
    """Records each request and its response, as it is sent."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope[EXCHANGE] = self._journal.begin(scope)
        recorder = Recorder(exchange, receive, send, has_body=has_body(scope))
        try:
            await self._app(scope, recorder.receive, recorder.send)
        finally:
            if not exchange.is_over:
                exchange.end()


def has_body(scope: Scope) -> bool:
    """Whether a request has a body (RFC 9112, section 6.3)."""
    headers = headers_of(scope)
    return b"content-length" in headers or b"transfer-encoding" in headers


class Recorder:
    """Passes the messages of a request on, and records them."""

    __slots__ = ("_exchange", "_has_more", "_headers", "_receive", "_send", "_status")

    def __init__(self, exchange: Exchange, receive: Receive, send: Send, *, has_body: bool) -> None:
        self._exchange = exchange
        self._receive = receive
        self._send = send
        self._has_more = has_body
        self._status = 0
        self._headers: Headers = ()

    async def receive(self) -> Message:
        message = await self._receive()
        self._has_more = message.get("more_body", False)
        self._exchange.record_body(longer(self._exchange.body, message.get("body", b"")))
        return message

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
            if self._has_more:
                return self._send_after_body(message)
        else:
            self._exchange.add_to_response(self._status, message.get("body", b""), self._headers)
            if not message.get("more_body", False):
                self._exchange.end()  # before the client has the whole response and can read the journal
        return self._send(message)

    async def _send_after_body(self, message: Message) -> None:
        """Send a response after the body of the request is recorded, which no operation has read."""
        while self._has_more:
            await self.receive()
        await self._send(message)
