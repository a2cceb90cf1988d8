"""Columns of tables, and steps from rows to related rows."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from understudy.values import key_of

Read = Callable[[Mapping[str, Any]], "Hashable | list[Hashable]"]
"""Returns the key of a row: a list of keys for a list, None if nothing is set."""


class Column(NamedTuple):
    """The first of some fields that is set; or, if `joined`, the texts of all of them with a space between.

    Rows are sorted by one field after the other where the fields are taken `together`.

    Each name is a field; or an object field, a dot and a name in the object ("created_by.id"), which may have dots.
    """

    names: tuple[str, ...]
    joined: bool = False
    together: bool = False

    def reader(self) -> Read:
        """A function from a row to its key in this column."""
        if self.together:
            ways = [name.split(".", 1) for name in self.names]
            return lambda row: tuple(sortable(first_set(row, [way])) for way in ways)
        if self.joined or len(self.names) > 1 or "." in self.names[0]:
            value = self.value_reader()
            return lambda row: key_of(value(row))
        name = self.names[0]
        return lambda row: key_of(row[name])

    def value_reader(self) -> Callable[[Mapping[str, Any]], Any]:
        """A function from a row to its value in this column."""
        if self.joined:
            return lambda row: " ".join(row[name] for name in self.names)
        ways = [name.split(".", 1) for name in self.names]
        return lambda row: first_set(row, ways)

    @property
    def words(self) -> str:
        """A description of the column."""
        return (" and " if self.joined else " or ").join(self.names)


def first_set(row: Mapping[str, Any], ways: Iterable[Iterable[str]]) -> Any:
    for way in ways:
        value: Any = row
        for part in way:
            value = None if value is None else value.get(part)
        if value is not None:
            return value
    return None


def sortable(value: Any) -> tuple[Hashable, ...]:
    """The form of a value in a key of several values: null sorts before all others, as in SQLite."""
    return () if value is None else (key_of(value),)


ID = Column(("id",))


class Step(NamedTuple):
    """From a row to the rows of `table` that are related to it.

    `column` has ids: in the source table, those of `table`'s rows; or, if the step goes `back`, in `table`, those of
    the source rows.
    """

    table: str
    column: Column
    back: bool = False
