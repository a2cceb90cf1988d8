"""Sources of rows, and the errors of loading them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pydantic_core import ValidationError

Numbered = Iterable[tuple[int, bytes | str]]
"""The JSON of rows, each with its position in the source."""


Fix = Callable[[int, Any, ValidationError], bytes | str]
"""The JSON to use for a row at a position that was refused."""


def unchanged(position: int, line: bytes | str, error: ValidationError) -> bytes | str:
    return line


class Source(NamedTuple):
    """Rows of one table. `place` describes a position, such as "TABLE.jsonl, line 3"."""

    table: str
    rows: Numbered
    place: Callable[[int | None], str]
    fix: Fix = unchanged


def read_now(source: Source) -> Source:
    """The same source, read into memory. An error is raised at its place while the rows are used."""
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
    """A source cannot be read further. `position` is None if the whole source is meant."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


class RowError(ValueError):
    """A row cannot be loaded. It has no reasons if it only references another such row."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Clash(RowError):
    """A row cannot be loaded because another one has its id or its unique fields."""
