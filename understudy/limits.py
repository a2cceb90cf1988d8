"""Limits: how much a client may ask for before it is refused."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.errors import BadRequest


@dataclass(frozen=True)
class Limits:
    """What one client, and all together, may take.

    Args:
        body: bytes of a request's body.
        head: bytes of its line and headers.
        seconds: that a request may take to come in, head and body.
        connections: that may be open at a time.
        depth: levels of lists and objects within each other in a body.
        items: of one list in a body.
        snapshots: of all workspaces.
    """

    body: int = 8 * 2**20
    head: int = 2**16
    seconds: float = 30.0
    connections: int = 1000
    depth: int = 200
    items: int = 100_000
    snapshots: int = 100

    def check(self, body: bytes) -> None:
        """See whether a body is one that may be read.

        Raises:
            BadRequest: it is nested too deep, or has a list that is too long.
        """
        # Most bodies are too short to break a limit, or have too few brackets and commas.
        if len(body) <= self.depth:
            return
        if body.count(b"[") + body.count(b"{") > self.depth or body.count(b",") >= self.items:
            self._check_closely(body)

    def _check_closely(self, body: bytes) -> None:
        try:
            level = [json.loads(body)]
        except RecursionError:
            raise self._too_deep() from None
        except ValueError:
            return  # whoever reads it has the words for what is wrong
        for _ in range(self.depth):
            if not level:
                return
            if any(isinstance(value, list) and len(value) > self.items for value in level):
                raise BadRequest(f"A list of the body has more than {self.items} items.")
            level = [part for value in level for part in within(value)]
        if any(isinstance(value, list | dict) for value in level):
            raise self._too_deep()

    def _too_deep(self) -> BadRequest:
        return BadRequest(f"The body is nested deeper than {self.depth} levels.")


def within(value: Any) -> Iterable[Any]:
    """The lists and objects, and the rest, that a value holds."""
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
