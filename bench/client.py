"""A plain client that keeps its connection, so that what is measured is the server."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from httptools import HttpParserError, HttpResponseParser

from bench.errors import BenchError

TIMEOUT = 300.0  # seconds; a real server takes long over a large set
PIECE = 2**16  # bytes read at once


@dataclass(frozen=True)
class Request:
    """A request. `others` are bodies that are sent in turn with the first one, where a load of requests is sent."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Any, ...] = ()

    @property
    def content(self) -> bytes:
        return b"" if self.method == "GET" else json.dumps(self.body).encode()

    @property
    def contents(self) -> bytes:
        """All bodies, a line each."""
        return b"\n".join([self.content, *(json.dumps(body).encode() for body in self.others)])

    def plain(self) -> "Request":
        """The same request without headers, whose response is not compressed."""
        return replace(self, headers={})


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.content)


class Reading:
    """One response, as httptools parses it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.complete = False

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.complete = True


class Client:
    """Sends requests to one server, with as little overhead as Python allows.

    Raises:
        OSError, HttpParserError: it cannot be reached.
    """

    def __init__(self, port: int, prefix: str) -> None:
        self._address = ("127.0.0.1", port)
        self._prefix = prefix
        self._connection: socket.socket | None = None

    def ask(self, request: Request) -> Answer:
        """The response to a request; on a new connection if the server has closed the idle one."""
        try:
            return self._request(request)
        except (BrokenPipeError, ConnectionResetError):
            self.close()
            return self._request(request)

    def _request(self, request: Request) -> Answer:
        message = self._message(request)
        reading = Reading()
        parser = HttpResponseParser(reading)
        start = time.perf_counter()
        connection = self._connected()
        connection.sendall(message)
        while not reading.complete:
            piece = connection.recv(PIECE)
            if not piece:
                raise ConnectionResetError("it hung up before the answer was complete")
            parser.feed_data(piece)
        seconds = time.perf_counter() - start
        if not parser.should_keep_alive():
            self.close()
        return Answer(parser.get_status_code(), b"".join(reading.pieces), seconds)

    def _message(self, request: Request) -> bytes:
        host, port = self._address
        lines = [f"{request.method} {self._prefix}{request.path} HTTP/1.1", f"Host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        if content := request.content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        return "\r\n".join([*lines, "", ""]).encode() + content

    def _connected(self) -> socket.socket:
        if self._connection is None:
            self._connection = socket.create_connection(self._address, TIMEOUT)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection

    def expect(self, request: Request) -> Answer:
        """A successful response.

        Raises:
            BenchError: it is an error, or there is no response.
        """
        try:
            answer = self.ask(request)
        except (OSError, HttpParserError) as error:
            raise BenchError(f"{request.method} {request.path} got no answer ({error!r})") from None
        return successful(request, answer)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def successful(request: Request, answer: Answer) -> Answer:
    """A successful response.

    Raises:
        BenchError: it is an error.
    """
    if not 200 <= answer.status < 300:
        raise BenchError(f"{request.method} {request.path} was answered with {answer.status}: {summary(answer)}")
    return answer


def summary(answer: Answer) -> str:
    return answer.content[:200].decode(errors="replace").replace("\n", " ")


@contextmanager
def client(port: int, prefix: str) -> Iterator[Client]:
    one = Client(port, prefix)
    try:
        yield one
    finally:
        one.close()
