"""Rows of another version of the contract: they are kept as far as this version has room for them."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic_core import ValidationError

from understudy.contract.catalog import RowSchema
from understudy.text import counted

EXTRA = "extra_forbidden"  # pydantic's name for a field that is not in the schema


class Upgrade:
    """Makes rows what the contract has, and counts what that drops.

    A field that the contract does not have is dropped; one that a row does not have takes its default,
    or null where it may. Nothing else is changed.
    """

    def __init__(self) -> None:
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._unserved: Counter[str] = Counter()

    def row(self, schema: RowSchema, text: str) -> tuple[dict[str, Any], list[str]]:
        """The row in a JSON text, and the names of the fields that it had to lose.

        Raises:
            pydantic_core.ValidationError: it is no row of the table, whatever it loses.
        """
        try:
            return schema.parse(text), []
        except ValidationError as error:
            mended, dropped = self.mended(schema, text, error)
            if not dropped:
                raise
        return schema.parse(mended), dropped

    def mended(self, schema: RowSchema, text: str, error: ValidationError) -> tuple[str, list[str]]:
        """The JSON of a row without the fields for which it was refused, and their names; as it is without any.

        Names by which it refers to other rows stay.
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
        """Count the fields that a row has lost."""
        self._dropped.update((table, field) for field in fields)

    def leave(self, table: str) -> None:
        """Count a row of a table that the contract does not have."""
        self._unserved[table] += 1

    def warnings(self) -> Iterator[str]:
        """What was dropped, a line each."""
        for (table, field), count in sorted(self._dropped.items()):
            yield f"{table}: the contract has no field `{field}`, which is dropped from {counted(count, 'rows')}"
        for table, count in sorted(self._unserved.items()):
            yield f"{table}: the contract has no such table; kept in the file, but not served: {counted(count, 'rows')}"


def drop(value: Any, way: tuple[int | str, ...]) -> bool:
    """Delete a field at a way into a value; whether there is one."""
    try:
        for part in way[:-1]:
            value = value[part]
        del value[way[-1]]
    except (LookupError, TypeError):  # the way goes through the kinds of value that pydantic has tried
        return False
    return True
