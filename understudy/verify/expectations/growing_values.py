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
        self._growing: dict[str, bool] = {}  # whether a schema has such a field, by its path

    def smaller(self, schema: Place | None, body: Any) -> tuple[str, float, float] | None:
        """The first field of a response that is smaller than before: its name, its former value and its value."""
        if schema is None or not self._has_any(schema):
            return None
        for field, value in growing(schema, body):
            largest = self._largest.setdefault(field, value)
            if value < largest:
                return field[1], largest, value
            self._largest[field] = value
        return None

    def _has_any(self, schema: Place) -> bool:
        """Whether a schema has such a field anywhere, which few have: the values of others are not walked through."""
        if schema.path not in self._growing:
            self._growing[schema.path] = False  # also for the schemas in it that contain it
            parts = [part for _, part in schema.entries("properties")]
            parts += [schema["items"]] if "items" in schema.value else []
            self._growing[schema.path] = any("x-grows" in each.value or self._has_any(each) for each in parts)
        return self._growing[schema.path]


def growing(schema: Place, value: Any) -> Iterator[tuple[Field, float]]:
    """The numbers in a value that only grow, including those of rows in lists and in other rows."""
    if isinstance(value, list) and "items" in schema.value:
        for item in value:
            yield from growing(schema.items_schema, item)
    if not isinstance(value, dict):
        return
    for name, part in schema.properties.items():
        if part.value.get("x-grows") and "id" in value and isinstance(value.get(name), int | float):
            yield (str(value["id"]), name), value[name]
        else:
            yield from growing(part, value.get(name))
