"""Limits of requests and connections."""

import re
from dataclasses import dataclass

from understudy.errors import BadRequest
from understudy.operations.json_bodies import UNREADABLE
from understudy.text import counted

PYTHONS = 1000  # levels: Python's recursion limit, and so, nearly, that of its JSON parser
PIECE = re.compile(rb"([^][{}]*)([][{}]|\Z)")


@dataclass(frozen=True)
class Limits:
    """Limits of a client's requests, and of all connections.

    Args:
        body: the bytes of a request body.
        head: the bytes of a request line and its headers.
        seconds: the timeout for receiving a request, head and body; for a client that reads nothing of its response;
            and for responding to a client that has closed its side of the connection.
        connections: the number of open connections.
        depth: the nesting depth of a body. The default refuses nothing that Python 3.11 can parse; its parser fails
            some fifty levels earlier, as a real server's does.
        items: the length of a list or object in a body, and the number of lists and objects.
    """

    body: int = 8 * 2**20
    head: int = 2**16
    seconds: float = 30.0
    connections: int = 1000
    depth: int = PYTHONS
    items: int = 100_000

    def check(self, body: bytes) -> None:
        """Check a body against the limits.

        Raises:
            BadRequest: it is nested too deep, or has a list or object that is too long, or too many of them.
        """
        # Most bodies are too short to break a limit, or have too few brackets and commas.
        if len(body) <= min(self.depth, self.items):
            return
        if body.count(b"[") + body.count(b"{") > min(self.depth, self.items) or body.count(b",") >= self.items:
            self._check_closely(body)

    def _check_closely(self, body: bytes) -> None:
        commas = [0]  # of each list and object that is open
        openings = 0
        for piece in PIECE.finditer(without_texts(body)):
            commas[-1] += piece[1].count(b",")
            if commas[-1] >= self.items:
                raise BadRequest(f"A list or object of the body has more than {counted(self.items, 'items')}.")
            if piece[2] in (b"[", b"{"):
                openings += 1
                commas.append(0)
            elif len(commas) > 1:  # else it is not JSON, which the parser reports
                commas.pop()
            if len(commas) > self.depth + 1:
                raise BadRequest(self._too_deep)
            if openings > self.items:
                raise BadRequest(f"The body has more lists and objects than the limit of {self.items}.")

    @property
    def _too_deep(self) -> str:
        if self.depth >= PYTHONS:
            return UNREADABLE
        return f"The body is nested deeper than {counted(self.depth, 'levels')}."


def without_texts(body: bytes) -> bytes:
    """JSON without its strings, and so without the brackets and commas in them."""
    return b"".join(body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
