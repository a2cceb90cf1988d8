"""Values that only grow (`x-grows`): no later response may show a smaller value for the same row."""

from collections.abc import Iterator
from typing import Any

from understudy.contract.contract import Place

Field = tuple[str, str]
"""The id of a row, and the name of one of its fields."""


class GrowingValues:
    """Remembers the largest value of each such field."""

    def __init__(self) -> None:
        self._largest: dict[Field, float] = {}

    def smaller(self, schema: Place | None, body: Any) -> tuple[str, float, float] | None:
        """The first field of a response that is smaller than before: its name, its former value and its value."""
        for field, value in () if schema is None else growing(schema, body):
            largest = self._largest.setdefault(field, value)
            if value < largest:
                return field[1], largest, value
            self._largest[field] = value
        return None


def growing(schema: Place, value: Any) -> Iterator[tuple[Field, float]]:
    """The numbers in a value that only grow, including those of rows in lists and in other rows."""
    if isinstance(value, list) and "items" in schema.value:
        for item in value:
            yield from growing(schema["items"], item)
    if not isinstance(value, dict):
        return
    for name, part in schema.entries("properties"):
        if part.value.get("x-grows") and "id" in value and isinstance(value.get(name), int | float):
            yield (str(value["id"]), name), value[name]
        else:
            yield from growing(part, value.get(name))
