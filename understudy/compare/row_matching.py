"""Pairing the rows of two servers by their content."""

import json
from collections import ChainMap, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.compare.id_mapping import IdMapping, translated
from understudy.contract.contract import Place
from understudy.sampling.moving_fields import moving_in, without
from understudy.sampling.sample_values import Row

Known = tuple[dict[str, str], dict[str, str]]
"""The paired ids of the first and of the second server, each with the first's."""


@dataclass(frozen=True)
class Listing:
    """All rows of a table on two servers, without the fields that change with time.

    `ids` and `times` are the fields that each server generates; those of an object in a row as "object.field".
    """

    table: str
    ids: Sequence[str]
    times: Sequence[str]
    rows: tuple[Sequence[Row], Sequence[Row]]

    @classmethod
    def of(cls, schema: Place, first: Sequence[Row], second: Sequence[Row]) -> "Listing":
        formats = dict(formats_in(schema))
        ids = [name for name, form in formats.items() if form == "uuid"]
        times = [name for name, form in formats.items() if form == "date-time"]
        moving = frozenset(moving_in(schema))
        rows = without(moving, list(first)), without(moving, list(second))
        return cls(schema.value["x-table"], ids, times, rows)

    def alike(self, known: Known) -> Collection[tuple[list[Row], list[Row]]]:
        """The rows of each server with equal content, the oldest first, except those whose ids are all known."""
        groups: dict[str, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
        for side, names in enumerate(known):
            for row in sorted(self.rows[side], key=self.age):
                if not names.keys() >= set(self.ids_of(row).values()):
                    groups[self.content(row, names)][side].append(row)
        return groups.values()

    def age(self, row: Row) -> list[str]:
        """The times of a row, for sorting. Without the Z, whole seconds sort before fractions."""
        return [str(value_at(row, name)).rstrip("Z") for name in self.times]

    def content(self, row: Row, names: dict[str, str]) -> str:
        """The content of a row, with the first server's ids, and with placeholders for times and unknown ids."""
        unknown = {id_: name for name, id_ in self.ids_of(row).items()}
        content = translated(row, ChainMap(names, unknown))
        for name in self.times:
            if value_at(row, name) is not None:
                way, _, last = name.rpartition(".")
                value_at(content, way)[last] = name
        return json.dumps(content, sort_keys=True)

    def ids_of(self, row: Row) -> dict[str, str]:
        values = {name: value_at(row, name) for name in self.ids}
        return {name: str(value) for name, value in values.items() if value is not None}

    def pair(self, first: Row, second: Row, known: Known) -> None:
        """Pair two rows, unless ids that are known by now contradict it."""
        if self.content(first, known[0]) == self.content(second, known[1]):
            theirs = self.ids_of(second)
            for name, ours in self.ids_of(first).items():
                known[0][ours] = known[1][theirs[name]] = ours

    def alone(self, known: Known) -> tuple[list[str], list[str]]:
        """The ids of the rows that only the first and only the second server has."""
        first, second = known
        ids = [[str(row["id"]) for row in rows] for rows in self.rows]
        return [id_ for id_ in ids[0] if id_ not in first], [id_ for id_ in ids[1] if id_ not in second]

    def pairs(self, there: Mapping[str, str]) -> list[tuple[Row, Row]]:
        """The rows that both servers have."""
        others = {str(row["id"]): row for row in self.rows[1]}
        theirs = [others.get(there.get(str(row["id"]), "")) for row in self.rows[0]]
        return [(ours, other) for ours, other in zip(self.rows[0], theirs, strict=True) if other is not None]

    def times_of(self, theirs: Row, ours: Row) -> Iterator[tuple[str, str, tuple[Any, Any]]]:
        """The times of a row, and of the objects in it that have an id, on the second and the first server.

        Each has the id on the first server of the row or object, and its field, before it.
        """
        for name in self.times:
            way, _, last = name.rpartition(".")
            pair = value_at(theirs, name), value_at(ours, name)
            if None not in pair and "id" in value_at(ours, way):
                yield str(value_at(ours, way)["id"]), last, pair


def formats_in(schema: Place, way: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a row that have a format, and the format; those of an object in it as "object.field"."""
    for name, part in schema["properties"].items():
        if "format" in part.value:
            yield f"{way}{name}", part.value["format"]
        elif "properties" in part.value:
            yield from formats_in(part, f"{way}{name}.")


def value_at(row: Any, name: str) -> Any:
    """The value of a field of a row, or of one of its objects; None without one."""
    for part in filter(None, name.split(".")):
        row = row.get(part) if isinstance(row, dict) else None
    return row


def mapping_of(listings: Sequence[Listing]) -> IdMapping:
    """The mapping that follows from rows with equal content, and the rows without a partner."""
    _, back = known = paired(listings)
    there = {ours: theirs for theirs, ours in back.items()}
    pairs = [(listing, *pair) for listing in listings for pair in listing.pairs(there)]
    times: dict[str, dict[str, tuple[Any, Any]]] = {}
    for listing, ours, theirs in pairs:
        for id_, name, pair in listing.times_of(theirs, ours):
            times.setdefault(id_, {})[name] = pair
    own = {name for _, ours, theirs in pairs for name, value in ours.items() if theirs.get(name) != value}
    alone = {listing.table: listing.alone(known) for listing in listings}
    return IdMapping(there, back, times, own, {table: ids for table, ids in alone.items() if any(ids)})


def paired(listings: Sequence[Listing]) -> Known:
    """Pair rows with equal content, the least ambiguous first, until nothing new is learned."""
    known: Known = {}, {}
    while any(learned(listings, known, ambiguity) for ambiguity in range(3)):
        pass
    return known


def learned(listings: Sequence[Listing], known: Known, ambiguity: int) -> bool:
    """Pair the groups of an ambiguity by age. Returns whether anything new was learned."""
    before = len(known[0])
    for listing in listings:
        for first, second in listing.alike(known):
            if ambiguity_of(first, second) == ambiguity:
                for pair in zip(first, second, strict=False):
                    listing.pair(*pair, known)
    return len(known[0]) > before


def ambiguity_of(first: Sequence[Row], second: Sequence[Row]) -> int:
    """How ambiguous a group is: 0 for a single pair, 1 if both sides have as many rows, else 2."""
    return 2 if len(first) != len(second) else int(len(first) > 1)
