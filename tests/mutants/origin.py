"""The correct server behind a broken one: one that is reached over HTTP, or an application in this process."""

from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.mutants.exchange import Answer, Request

HOP_BY_HOP = ("connection", "expect", "keep-alive", "transfer-encoding")
KEEP_ALIVE = httpx.Limits(keepalive_expiry=4)  # seconds, fewer than uvicorn keeps a connection


class Remote:
    """A server at a scheme, host and port."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._transport = httpx.AsyncHTTPTransport(limits=KEEP_ALIVE)

    async def ask(self, request: Request) -> Answer:
        # This sends the path unchanged: httpx normalizes URLs.
        target = f"{request.base}{request.path}".encode("latin-1")
        forwarded = httpx.Request(
            request.method, self._site, headers=request.headers, content=request.body, extensions={"target": target}
        )
        response = await self._transport.handle_async_request(forwarded)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        return Answer(response.status_code, forwardable(response.headers), body)

    async def stream(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a stream: only requests are sent to another server."""
        await receive()
        await send({"type": "websocket.close"})

    async def close(self) -> None:
        await self._transport.aclose()


class Inside:
    """An ASGI application, called without a network."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def ask(self, request: Request) -> Answer:
        path, _, query = f"{request.base}{request.path}".partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": request.headers.raw,
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 123),
        }
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, send)
        start, *rest = messages
        body = b"".join(message.get("body", b"") for message in rest)
        return Answer(start["status"], httpx.Headers(start["headers"]), body)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def close(self) -> None:
        """Do nothing."""


def forwardable(headers: httpx.Headers) -> httpx.Headers:
    return httpx.Headers([(name, value) for name, value in headers.raw if name.decode().lower() not in HOP_BY_HOP])
