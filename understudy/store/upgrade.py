"""Upgrading rows of another version of the contract to this one."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic_core import ValidationError

from understudy.contract.catalog import RowSchema
from understudy.text import counted

EXTRA = "extra_forbidden"  # pydantic's name for a field that is not in the schema


class Upgrade:
    """Fits rows to the contract, and counts what that drops.

    A field that the contract does not have is dropped. A field that a row does not have gets its default, or null if
    the contract allows it. Nothing else is changed.
    """

    def __init__(self) -> None:
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._unserved: Counter[str] = Counter()

    def row(self, schema: RowSchema, text: str) -> tuple[dict[str, Any], list[str]]:
        """The row in a JSON text, and the names of the dropped fields.

        Raises:
            pydantic_core.ValidationError: it is not a row of the table, even without unknown fields.
        """
        try:
            return schema.parse(text), []
        except ValidationError as error:
            fixed, dropped = self.fixed(schema, text, error)
            if not dropped:
                raise
        return schema.parse(fixed), dropped

    def fixed(self, schema: RowSchema, text: str, error: ValidationError) -> tuple[str, list[str]]:
        """The JSON of a row without its unknown fields, and their names; unchanged if it has none.

        References to other rows by name are not dropped.
        """
        extra = [each["loc"] for each in error.errors(include_url=False) if each["type"] == EXTRA]
        ways = [way for way in extra if way[0] not in schema.by_name]
        if not ways:
            return text, []
        value = json.loads(text)
        if not all(drop(value, way) for way in ways):
            return text, []
        return json.dumps(value), [".".join(map(str, way)) for way in ways]

    def count(self, table: str, fields: list[str]) -> None:
        """Count the fields that were dropped from a row."""
        self._dropped.update((table, field) for field in fields)

    def leave(self, table: str) -> None:
        """Count a row of a table that the contract does not have."""
        self._unserved[table] += 1

    def warnings(self) -> Iterator[str]:
        """One line for each kind of loss."""
        for (table, field), count in sorted(self._dropped.items()):
            yield f"{table}: the contract has no field `{field}`; it is dropped from {counted(count, 'rows')}"
        for table, count in sorted(self._unserved.items()):
            yield f"{table}: the contract has no such table; kept in the file, but not served: {counted(count, 'rows')}"


def drop(value: Any, way: tuple[int | str, ...]) -> bool:
    """Delete the field at a path in a value. Returns whether it was there."""
    try:
        for part in way[:-1]:
            value = value[part]
        del value[way[-1]]
    except (LookupError, TypeError):  # pydantic's path includes the union members that it has tried
        return False
    return True
