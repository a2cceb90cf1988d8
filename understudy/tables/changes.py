"""Changes of rows, to be stored or undone."""

from collections.abc import Callable
from typing import NamedTuple


class Change(NamedTuple):
    """The JSON of a row before and after a change; empty if the row does not exist."""

    table: str
    row: int
    before: bytes
    after: bytes


Record = Callable[[Change], object]
"""Called with each change, after it was made."""


def unrecorded(change: Change) -> None:
    """For tables whose changes are not recorded."""
