"""Inputs, as the bytes that are sent, and what is sent with them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import sleep

CLOSED = 0  # instead of a status: the connection is closed without a response
REFUSED = 400
FILTER, COUNT = "/api/artifacts/filter", "/api/artifacts/count"
ARTIFACTS, FLOWS = "/api/artifacts/", "/api/flows/"
SOMEBODY = "361da9d2-0452-4701-8ff6-70cfbe9b744c"
NOBODY = "00000000-0000-4000-8000-000000000000"
KIND = "content-type: application/json"

Pieces = bytes | Callable[[], Iterable[bytes]]
"""What is sent; where it is much, it is made only then."""


@dataclass(frozen=True)
class Input:
    """One input.

    `statuses` are the allowed ones; CLOSED if the connection may be closed instead. A rejection has a reason, in
    JSON except where Starlette uses plain text: for files and for CORS.
    """

    name: str
    statuses: tuple[int, ...]
    pieces: Pieces
    says_json: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def is_head(self) -> bool:
        """Whether it is a HEAD request, whose response has no body."""
        return isinstance(self.pieces, bytes) and self.pieces.startswith(b"HEAD ")

    def sent(self) -> Iterator[bytes]:
        yield from (self.pieces,) if isinstance(self.pieces, bytes) else self.pieces()


def row(name: str, status: int | tuple[int, ...], pieces: Pieces, *, says_json: bool = True) -> Input:
    return Input(name, status if isinstance(status, tuple) else (status,), pieces, says_json)


def head(method: str, target: str, *headers: str) -> bytes:
    lines = (f"{method} {target} HTTP/1.1", "host: localhost", "connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")


def get(target: str, *headers: str) -> bytes:
    return head("GET", target, *headers)


def post(target: str, body: str | bytes, *headers: str, method: str = "POST", kind: str = KIND) -> bytes:
    raw = body.encode("utf-8") if isinstance(body, str) else body
    return head(method, target, kind, f"content-length: {len(raw)}", *headers) + raw


def framed(frame: str, body: bytes, target: str = FILTER) -> bytes:
    """A request with the given header for its body's length."""
    return head("POST", target, KIND, *frame.split("|")) + body


def chunk(data: bytes, size: str | None = None) -> bytes:
    return b"%s\r\n%s\r\n" % (f"{len(data):x}".encode() if size is None else size.encode(), data)


def dripped(data: bytes, seconds: float, first: bytes = b"", times: int = 1) -> Callable[[], Iterator[bytes]]:
    """One piece at once, and then the bytes of another one by one, repeated, with a pause before each."""

    def pieces() -> Iterator[bytes]:
        yield first
        for place in range(len(data)):
            sleep(seconds)
            yield data[place : place + 1] * times

    return pieces
