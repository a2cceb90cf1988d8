"""Rows as objects for assertions."""

from collections.abc import Mapping
from typing import Any

SHOWN = ("name", "key", "event", "message", "state_name", "type")  # fields that say most of a row, where it has them


class Record:
    """A row: its fields are attributes, and so are the fields of its objects. `values` is the row as a mapping.

    Two records are equal if their rows are.
    """

    __slots__ = ("table", "values")

    def __init__(self, table: str, values: Mapping[str, Any]) -> None:
        self.table = table
        self.values = dict(values)

    def __getattr__(self, field: str) -> Any:
        if field in Record.__slots__ or field not in self.values:
            raise AttributeError(f"a row of {self.table} has no `{field}`; it has {', '.join(self.values)}")
        return attribute(self.table, self.values[field])

    def __getitem__(self, field: str) -> Any:
        return attribute(self.table, self.values[field])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and (self.table, self.values) == (other.table, other.values)

    __hash__ = None  # type: ignore[assignment] # its values can change

    def __repr__(self) -> str:
        parts = [repr(self.values[name]) for name in SHOWN if isinstance(self.values.get(name), str)]
        return f"<{self.table} {' '.join(parts) or self.values.get('id')}>"

    def has(self, fields: Mapping[str, Any]) -> bool:
        """Whether it has some values. An id may be a `UUID`."""
        return all(name in self.values and self.values[name] in (value, str(value)) for name, value in fields.items())


def attribute(table: str, value: Any) -> Any:
    return Record(table, value) if isinstance(value, dict) else value
