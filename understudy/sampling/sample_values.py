"""Sample values from rows, by table and field."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from understudy.contract.contract import Place

Row = Mapping[str, Any]
TEXT, NUMBER = "text", "number"


class Samples:
    """The values that rows have had, to draw from.

    Args:
        randomness: the random generator.
        otherwise: the values to draw from where no value of a field is known.
    """

    def __init__(self, randomness: random.Random, otherwise: "Samples | None" = None) -> None:
        self._random = randomness
        self._otherwise = otherwise
        self._values: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self._alike: dict[str, list[Any]] = defaultdict(list)
        self._usual: dict[tuple[str, str], list[Any]] = defaultdict(list)

    def learn(self, schema: Place, rows: Iterable[Row]) -> None:
        """Add the values of rows (JSON, as the API returns them) of the table of a row schema."""
        table, parts = schema.value["x-table"], list(schema.properties.items())
        for row in rows:
            for name, part in parts:
                for path, value in leaves(name, row.get(name)):
                    self._values[table, path].append(value)
                    self._alike[kind_of(part) if isinstance(value, str) else NUMBER].append(value)
                    if "x-references" in part.value:
                        self._values[part.value["x-references"], "id"].append(value)

    def usual(self, table: str, fields: Iterable[str]) -> list[Any]:
        """The usual values of some fields, from the contract (`x-usual`)."""
        return [value for field in fields for value in self._usual[table, field]]

    def expect(self, schema: Place) -> None:
        """Add the usual values of a row schema."""
        for path, usual in usuals(schema, ""):
            self._usual[schema.value["x-table"], path] = usual

    def note(self, table: str, fields: Iterable[str], value: Any) -> None:
        """Add a known value of one of some fields of a table."""
        for field in fields:
            self._values[table, field].append(value)

    def seen(self, table: str, fields: Iterable[str]) -> list[Any]:
        """The distinct values of some fields, in the order in which they were seen."""
        found = list(dict.fromkeys(value for field in fields for value in self._values[table, field]))
        return found if found or self._otherwise is None else self._otherwise.seen(table, fields)

    def alike(self, place: Place) -> list[Any]:
        """The distinct values of any field of the same kind as the schema at `place`."""
        return list(dict.fromkeys(self._alike[kind_of(place)]))

    def draw(self, place: Place, table: str, fields: Iterable[str]) -> Any:
        """A value for the schema at `place`: mostly one of `fields`, sometimes another of its kind.

        None if no value of the kind is known.
        """
        words = [word for word in place.value.get("enum", ()) if word is not None]
        pool = [value for field in fields for value in self._values[table, field]]
        if not pool and self._otherwise is not None:
            return self._otherwise.draw(place, table, fields)
        if words:
            pool = words if self._chance(0.3) else [value for value in pool if value in words] or words
        elif not pool or self._chance(0.15):
            pool = self._alike[kind_of(place)] or pool
        return self._random.choice(pool) if pool else None

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def usuals(schema: Place, way: str) -> Iterator[tuple[str, list[Any]]]:
    """The usual values of fields, with the paths of the fields."""
    for name, part in schema.entries("properties"):
        yield f"{way}{name}", part.value.get("x-usual", [])
        yield from usuals(part, f"{way}{name}.")


def kind_of(place: Place) -> str:
    """The kind of a schema's texts: their format, if they have one."""
    return str(place.value.get("format", TEXT))


def leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    """The texts and numbers in a field, with their paths; the items of a list share one."""
    if isinstance(value, dict):
        return [leaf for name, part in value.items() for leaf in leaves(f"{path}.{name}", part)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(path, item)]
    return [] if value is None or isinstance(value, bool) else [(path, value)]
