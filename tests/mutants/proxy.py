"""A reverse proxy that changes one behaviour, and is transparent otherwise."""

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.mutants.exchange import Answer, Request, is_same_answer
from tests.mutants.known.vocabulary import QUERIES
from tests.mutants.mutant import Behaviour, BrokenServer
from tests.mutants.origin import Inside, Remote, forwardable

BASE = "/api"
READS = f"(GET|HEAD|OPTIONS) .*|{QUERIES}"
SHOWN = "/requests-that-showed-the-mutant"  # the path of their number, below no API


class Proxy:
    """An ASGI application before a correct server; `behaviour` handles a request.

    At the path SHOWN, it returns the number of requests so far in which the behaviour made a difference.

    Args:
        reads: a regular expression for the operations that change nothing.
    """

    def __init__(self, origin: Remote | Inside, behaviour: Behaviour, reads: str = READS) -> None:
        self._origin = origin
        self._behaviour = behaviour
        self._reads = reads
        self._memory: dict[Any, Any] = {}
        self._shown = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] == "websocket":
            await self._origin.stream(scope, receive, send)
            return
        if scope["path"] == SHOWN:
            answer = Answer(200, httpx.Headers(), json.dumps(self._shown).encode())
        else:
            answer = await self._answer(request_of(scope, await body_of(receive)))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers.raw})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, request: Request) -> Answer:
        asked: list[tuple[Request, Answer]] = []

        async def ask(other: Request) -> Answer:
            answer = await self._origin.ask(other)
            asked.append((other, answer))
            return answer

        answer = await self._behaviour(request, BrokenServer(ask, self._memory))
        self._shown += await self._is_different(request, answer, asked)
        return answer

    async def _is_different(self, request: Request, answer: Answer, asked: Sequence[tuple[Request, Answer]]) -> bool:
        """Whether other changes are made than the request itself, or another answer is given to it."""
        changes = [other for other, _ in asked if not other.is_a(self._reads)]
        if changes != ([] if request.is_a(self._reads) else [request]):
            return True
        own = [correct for other, correct in asked if other == request]
        try:
            correct = own[0] if own else await self._origin.ask(request)
        except httpx.TransportError:  # there may be no server behind a behaviour that answers by itself
            return True
        return not is_same_answer(answer, correct)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._origin.close()
        await send({"type": "lifespan.shutdown.complete"})


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


def server_of(proxy: Proxy) -> uvicorn.Server:
    """A silent HTTP server for a proxy, which adds nothing to responses."""
    config = uvicorn.Config(
        proxy,
        log_config=None,
        log_level="error",
        access_log=False,
        lifespan="on",
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def listen() -> tuple[socket.socket, str]:
    """A free port, and the URL of the API there."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}{BASE}"


@contextmanager
def proxied(api: str, behaviour: Behaviour) -> Iterator[str]:
    """A proxy before the API at a URL, in a thread; its URL."""
    listener, url = listen()
    with listener:
        server = server_of(Proxy(Remote(api.removesuffix(BASE)), behaviour))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join()
