"""A reverse proxy that tells one lie, and is transparent otherwise."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.mutants.exchange import Answer, Request
from tests.mutants.lie import Behaviour, Liar

BASE = "/api"
HOP_BY_HOP = ("connection", "expect", "keep-alive", "transfer-encoding")
KEEP_ALIVE = httpx.Limits(keepalive_expiry=4)  # seconds, fewer than uvicorn keeps a connection


class Proxy:
    """An ASGI application before an honest server.

    Args:
        origin: the honest server's scheme, host and port.
        behaviour: what becomes of a request.
        transport: how the honest server is reached.
    """

    def __init__(self, origin: str, behaviour: Behaviour, transport: httpx.AsyncBaseTransport) -> None:
        self._origin = origin
        self._behaviour = behaviour
        self._transport = transport
        self._liar = Liar(self._ask)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        answer = await self._behaviour(request_of(scope, await body_of(receive)), self._liar)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers.raw})
        await send({"type": "http.response.body", "body": answer.body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._transport.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _ask(self, request: Request) -> Answer:
        # Only so is the path sent as it came: httpx tidies up URLs.
        target = f"{request.base}{request.path}".encode("latin-1")
        forwarded = httpx.Request(
            request.method, self._origin, headers=request.headers, content=request.body, extensions={"target": target}
        )
        response = await self._transport.handle_async_request(forwarded)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        return Answer(response.status_code, forwardable(response.headers), body)


def request_of(scope: Scope, body: bytes) -> Request:
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    path = target.removeprefix(BASE)
    base = target[: len(target) - len(path)]
    return Request(scope["method"], path, forwardable(httpx.Headers(scope["headers"])), body, base)


async def body_of(receive: Receive) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def forwardable(headers: httpx.Headers) -> httpx.Headers:
    return httpx.Headers([(name, value) for name, value in headers.raw if name.decode().lower() not in HOP_BY_HOP])


@contextmanager
def proxied(api: str, behaviour: Behaviour) -> Iterator[str]:
    """A proxy before the API at a URL, in a thread of its own; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(api.removesuffix(BASE), behaviour, httpx.AsyncHTTPTransport(limits=KEEP_ALIVE))
        server = uvicorn.Server(
            uvicorn.Config(
                proxy,
                log_config=None,
                log_level="error",
                access_log=False,
                lifespan="on",
                date_header=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}{BASE}"
        finally:
            server.should_exit = True
            thread.join()
