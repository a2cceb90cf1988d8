"""Pairing the rows of two servers by their content."""

import json
from collections import ChainMap, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.compare.id_mapping import IdMapping, translated
from understudy.contract.contract import Place
from understudy.sampling.sample_values import Row

Known = tuple[dict[str, str], dict[str, str]]
"""The paired ids of the first and of the second server, each with the first's."""


@dataclass(frozen=True)
class Listing:
    """All rows of a table on two servers. `ids` and `times` are the fields that each server generates."""

    table: str
    ids: Sequence[str]
    times: Sequence[str]
    rows: tuple[Sequence[Row], Sequence[Row]]

    @classmethod
    def of(cls, schema: Place, first: Sequence[Row], second: Sequence[Row]) -> "Listing":
        formats = {name: part.value.get("format") for name, part in schema["properties"].items()}
        ids = [name for name, form in formats.items() if form == "uuid"]
        times = [name for name, form in formats.items() if form == "date-time"]
        return cls(schema.value["x-table"], ids, times, (first, second))

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
        return [str(row.get(name)).rstrip("Z") for name in self.times]

    def content(self, row: Row, names: dict[str, str]) -> str:
        """The content of a row, with the first server's ids, and with placeholders for times and unknown ids."""
        unknown = {id_: name for name, id_ in self.ids_of(row).items()}
        times = {name: name for name in self.times if row.get(name) is not None}
        return json.dumps({**translated(row, ChainMap(names, unknown)), **times}, sort_keys=True)

    def ids_of(self, row: Row) -> dict[str, str]:
        return {name: str(row[name]) for name in self.ids if row.get(name) is not None}

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

    def times_of(self, theirs: Row, ours: Row) -> dict[str, tuple[Any, Any]]:
        """By field, the times of a row on the second and the first server, if it has both."""
        times = {name: (theirs.get(name), ours.get(name)) for name in self.times}
        return {name: pair for name, pair in times.items() if None not in pair}


def mapping_of(listings: Sequence[Listing]) -> IdMapping:
    """The mapping that follows from rows with equal content, and the rows without a partner."""
    _, back = known = paired(listings)
    there = {ours: theirs for theirs, ours in back.items()}
    pairs = [(listing, *pair) for listing in listings for pair in listing.pairs(there)]
    times = {str(ours["id"]): listing.times_of(theirs, ours) for listing, ours, theirs in pairs}
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
