"""Limits: how much a client may ask for before it is refused."""

import re
from dataclasses import dataclass

from understudy.errors import BadRequest
from understudy.operations.json_bodies import UNREADABLE
from understudy.text import counted

PYTHONS = 1000  # levels: how deep Python's own calls go, and so, nearly, its reader of JSON
PIECE = re.compile(rb"([^][{}]*)([][{}]|\Z)")


@dataclass(frozen=True)
class Limits:
    """What one client, and all together, may take.

    Args:
        body: bytes of a request's body.
        head: bytes of its line and headers.
        seconds: that a request may take to come in, head and body; for which a client may read nothing of its answer;
            and in which one that has closed its side of the connection must be answered.
        connections: that may be open at a time.
        depth: levels of lists and objects within each other in a body. The default refuses nothing that Python 3.11
            can read, which gives up by itself some fifty levels before, as a real server's does.
        items: of one list or object in a body; it may have as many lists and objects, all together.
    """

    body: int = 8 * 2**20
    head: int = 2**16
    seconds: float = 30.0
    connections: int = 1000
    depth: int = PYTHONS
    items: int = 100_000

    def check(self, body: bytes) -> None:
        """See whether a body is one that may be read.

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
            elif len(commas) > 1:  # else it is no JSON, and whoever reads it has the words for that
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
    """JSON without the texts in it, and so without the brackets and commas that stand there."""
    return b"".join(body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
