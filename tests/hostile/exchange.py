"""Raw bytes as requests, and their responses."""

import json
import select
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Address = tuple[str, int]
PATIENCE = 8.0  # seconds for an answer
PIECE = 2**18  # bytes


@dataclass(frozen=True)
class Answer:
    """The first response on a connection. The status is 0 if it was closed without one."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def exchange(address: Address, pieces: Iterable[bytes], *, has_body: bool = True) -> Answer:
    """Send bytes on a new connection, until all are sent or a response arrives, and read the response.

    Raises:
        TimeoutError: there was no response, and the connection was not closed.
    """
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # a server may send a response before it closes
            send(connection, pieces)
        begun = time.monotonic()
        received = read(connection, has_body=has_body)
        seconds = time.monotonic() - begun
    return parsed(received, seconds)


def send(connection: socket.socket, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        for start in range(0, len(piece), PIECE):
            if select.select([connection], [], [], 0)[0]:
                return
            connection.sendall(piece[start : start + PIECE])


def read(connection: socket.socket, *, has_body: bool) -> bytes:
    received = b""
    while not is_complete(received, has_body=has_body):
        try:
            some = connection.recv(PIECE)
        except ConnectionResetError:
            break
        if not some:
            break
        received += some
        if received.startswith(b"HTTP/1.1 100 ") and b"\r\n\r\n" in received:
            received = received.partition(b"\r\n\r\n")[2]
    return received


def is_complete(received: bytes, *, has_body: bool) -> bool:
    first, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    headers = headers_in(first)
    if not has_body or first.split(b" ", 2)[1] in (b"204", b"304"):
        return True
    if "content-length" in headers:
        return len(body) >= int(headers["content-length"])
    return body.endswith(b"0\r\n\r\n")


def parsed(received: bytes, seconds: float) -> Answer:
    first, _, body = received.partition(b"\r\n\r\n")
    if not first.startswith(b"HTTP/1.1 "):
        return Answer(0, {}, received, seconds)
    return Answer(int(first.split(b" ", 2)[1]), headers_in(first), body, seconds)


def headers_in(first: bytes) -> dict[str, str]:
    lines = [line.partition(":") for line in first.decode("latin-1").split("\r\n")[1:]]
    return {name.lower(): value.strip() for name, _, value in lines}
