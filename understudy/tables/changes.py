"""Changes: what became of rows, so that it can be kept elsewhere or undone."""

from collections.abc import Callable
from typing import NamedTuple


class Change(NamedTuple):
    """A row of a table, as the JSON of its answer, before and after; empty where it is not there."""

    table: str
    row: int
    before: bytes
    after: bytes


Record = Callable[[Change], object]
"""Is told of each change, after it was made."""


def unrecorded(change: Change) -> None:
    """For tables whose changes nobody asks about."""
