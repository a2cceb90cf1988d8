"""What is loaded: rows of a table as JSON, with what names their places, and what can be wrong with them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pydantic_core import ValidationError

Numbered = Iterable[tuple[int, bytes | str]]
"""The JSON of rows, each after its position in the source."""


Mend = Callable[[int, Any, ValidationError], bytes | str]
"""The JSON to take for a row at a position, whose own was refused."""


def unmended(position: int, line: bytes | str, error: ValidationError) -> bytes | str:
    return line


class Source(NamedTuple):
    """Rows of one table. `place` names a position for people, such as "TABLE.jsonl, line 3"."""

    table: str
    rows: Numbered
    place: Callable[[int | None], str]
    mend: Mend = unmended


def held(source: Source) -> Source:
    """The same source, read now; what is wrong with it is said in its turn."""
    rows: list[tuple[int, bytes | str]] = []
    try:
        rows.extend(source.rows)
    except Unreadable as error:
        return source._replace(rows=broken_off(rows, error))
    return source._replace(rows=rows)


def broken_off(rows: Numbered, error: Exception) -> Numbered:
    yield from rows
    raise error


class Unreadable(Exception):
    """A source cannot be read any further. `position` is None where that is about all of it."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


class RowError(ValueError):
    """A row cannot be loaded. There are no reasons where it only refers to another one that cannot."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Clash(RowError):
    """A row cannot be loaded since another one with its id, or with its unique fields, is there already."""
