"""A plain client that keeps its connection, so that what is measured is the server."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError

TIMEOUT = 300.0  # seconds; a real server takes long over a large set


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any = None

    @property
    def content(self) -> bytes:
        return b"" if self.method == "GET" else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """Asks one server.

    Raises:
        OSError, http.client.HTTPException: it cannot be asked.
    """

    def __init__(self, port: int, prefix: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self._prefix = prefix

    def ask(self, request: Request) -> Answer:
        """The answer to a request; on a new connection where the server has closed the one that lay idle."""
        try:
            return self._asked(request)
        except (BrokenPipeError, ConnectionResetError):  # the second is what no answer at all is told as, too
            self.close()
            return self._asked(request)

    def _asked(self, request: Request) -> Answer:
        content = request.content
        headers = {"Content-Type": "application/json"} if content else {}
        start = time.perf_counter()
        self._connection.request(request.method, self._prefix + request.path, content or None, headers)
        response = self._connection.getresponse()
        answer = response.read()
        return Answer(response.status, answer, time.perf_counter() - start)

    def expect(self, request: Request) -> Answer:
        """An answer that is no error.

        Raises:
            BenchError: it is one, or there is none.
        """
        try:
            answer = self.ask(request)
        except (OSError, http.client.HTTPException) as error:
            raise BenchError(f"{request.method} {request.path} got no answer ({error!r})") from None
        if not 200 <= answer.status < 300:
            raise BenchError(f"{request.method} {request.path} was answered with {answer.status}: {told(answer)}")
        return answer

    def close(self) -> None:
        self._connection.close()


def told(answer: Answer) -> str:
    return answer.content[:200].decode(errors="replace").replace("\n", " ")


@contextmanager
def client(port: int, prefix: str) -> Iterator[Client]:
    one = Client(port, prefix)
    try:
        yield one
    finally:
        one.close()
