"""Changes of tables, to be stored or undone."""

from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple

from understudy.tables.rows import Rows


class Change(NamedTuple):
    """The JSON of a row before and after a change; empty if the row does not exist."""

    table: str
    row: int
    before: bytes
    after: bytes

    def by_row(self) -> "list[Change]":
        return [self]


class Replacement(NamedTuple):
    """All rows of a table, before and after they were replaced at once."""

    table: str
    before: Rows
    after: Rows

    def by_row(self) -> list[Change]:
        """The same as changes of rows."""
        pairs = enumerate(zip_longest(self.before.encoded, self.after.encoded, fillvalue=b""))
        differing = [(row, before, after) for row, (before, after) in pairs if before != after]
        # All are deleted before the first is added, since an id may have moved to another row.
        deleted = [Change(self.table, row, before, b"") for row, before, _ in differing if before]
        return deleted + [Change(self.table, row, b"", after) for row, _, after in differing if after]


Record = Callable[[Change | Replacement], object]
"""Called with each change, after it was made."""


def by_row(changes: list[Change]) -> Record:
    """Adds changes to a list, row by row."""
    return lambda change: changes.extend(change.by_row())


def unrecorded(change: Change | Replacement) -> None:
    """For tables whose changes are not recorded."""
