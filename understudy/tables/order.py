"""The rows of a table in the order of one column's keys."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from pyroaring import BitMap

Rank = tuple[Any, ...]
"""The position of a row among others. A prefix of a rank is before all ranks that begin with it."""

LENGTH = 4096  # rows of a stretch, which is split at twice as many
SAMPLED = 16  # rows sampled per stretch to find the bounds


def beginning(key: Any) -> Rank:
    """The rank before all rows of a key, or before those without one."""
    return (False,) if key is None else (True, key)


def after(key: Any) -> Rank:
    """The rank behind all rows of a key, or behind those without one."""
    return (True,) if key is None else (True, key, float("inf"))


class Stretch:
    """Adjacent rows in an order, which can be skipped together.

    `members`, the same rows as a bitmap, is built on first use. The rows within a stretch are sorted on first use too.
    """

    def __init__(self, rows: "array[int]", is_sorted: bool, members: BitMap | None = None) -> None:
        self.rows = rows
        self.is_sorted = is_sorted
        self._members = members

    @property
    def members(self) -> BitMap:
        if self._members is None:
            self._members = BitMap(self.rows)
        return self._members

    def insert(self, place: int, row: int) -> None:
        self.rows.insert(place, row)
        if self._members is not None:
            self._members.add(row)

    def remove(self, place: int) -> None:
        row = self.rows.pop(place)
        if self._members is not None:
            self._members.discard(row)

    def copy(self) -> "Stretch":
        return Stretch(self.rows[:], self.is_sorted, None if self._members is None else self._members.copy())


class Stretches(NamedTuple):
    """The stretches of an order.

    All rows of `parts[n]` are before the rank `bounds[n]`, and none of `parts[n + 1]` is.
    """

    parts: list[Stretch]
    bounds: list[Rank]

    def number(self, rank: Rank) -> int:
        """The number of the stretch that a rank belongs to."""
        return bisect_right(self.bounds, rank)

    def divide(self, number: int, parts: Sequence[Stretch], bounds: Sequence[Rank]) -> None:
        """Replace a stretch by several, with the bounds between them."""
        self.parts[number : number + 1] = parts
        self.bounds[number:number] = bounds

    def drop(self, number: int) -> None:
        """Remove an empty stretch, unless it is the only one."""
        if self.bounds:
            del self.parts[number], self.bounds[min(number, len(self.bounds) - 1)]

    def copy(self) -> "Stretches":
        return Stretches([part.copy() for part in self.parts], self.bounds.copy())


class Order:
    """Rows in ascending order of their keys, as SQL sorts: those without a key first.

    Rows of the same key are ordered by their number. `keys[row]` is the key of each row of `live`. Both belong to the
    table, which calls `add` after it has added a row, and `discard` before it removes one. The rows are distributed to
    stretches on first use.
    """

    def __init__(self, keys: Sequence[Any], live: BitMap, stretches: Stretches | None = None) -> None:
        self._keys = keys
        self._live = live
        self._made = stretches

    def built(self) -> Stretches | None:
        """A copy of the stretches, for an order of a copy of the rows."""
        return None if self._made is None else self._made.copy()

    @property
    def _stretches(self) -> Stretches:
        if self._made is None:
            self._made = self._distributed()
        return self._made

    def _distributed(self) -> Stretches:
        """Distribute all rows to stretches, whose bounds are keys of sampled rows."""
        rows, key = self._live.to_array(), self._keys.__getitem__
        sample = sorted(found for found in map(key, rows[:: LENGTH // SAMPLED]) if found is not None)
        pivots = list(dict.fromkeys(sample[SAMPLED::SAMPLED]))
        nulls, *filled = dealt = [array("I") for _ in range(len(pivots) + 2)]
        for row, found in zip(rows, map(key, rows), strict=True):
            (nulls if found is None else filled[bisect_right(pivots, found)]).append(row)
        bounds: list[Rank] = [(True,), *((True, pivot) for pivot in pivots)]
        stretches = Stretches([Stretch(part, is_sorted=False) for part in dealt], bounds)
        for number in reversed(range(len(dealt))):
            self._divide(stretches, number)
        return stretches

    def _divide(self, stretches: Stretches, number: int) -> None:
        """Split a stretch that has become too long."""
        if len(stretches.parts[number].rows) >= 2 * LENGTH:
            rows = self._sorted(stretches.parts[number])
            pieces = [rows[start : start + LENGTH] for start in range(0, len(rows), LENGTH)]
            bounds = [self.rank(piece[0]) for piece in pieces[1:]]
            stretches.divide(number, [Stretch(piece, is_sorted=True) for piece in pieces], bounds)

    def _sorted(self, stretch: Stretch) -> "array[int]":
        """Sort the rows of a stretch, and return them."""
        if not stretch.is_sorted:
            rows, key = sorted(stretch.rows), self._keys.__getitem__
            nulls = [row for row in rows if key(row) is None]
            filled = [row for row in rows if key(row) is not None]
            stretch.rows, stretch.is_sorted = array("I", [*nulls, *sorted(filled, key=key)]), True
        return stretch.rows

    def rank(self, row: int) -> Rank:
        key = self._keys[row]
        return (False, 0, row) if key is None else (True, key, row)

    # ------------------------------------------------------------------- write

    def add(self, row: int) -> None:
        if self._made is None:
            return
        rank = self.rank(row)
        number = self._made.number(rank)
        stretch = self._made.parts[number]
        stretch.insert(self._place(stretch, rank) if stretch.is_sorted else len(stretch.rows), row)
        self._divide(self._made, number)

    def discard(self, row: int) -> None:
        if self._made is None:
            return
        rank = self.rank(row)
        number = self._made.number(rank)
        stretch = self._made.parts[number]
        stretch.remove(self._place(stretch, rank) if stretch.is_sorted else stretch.rows.index(row))
        if not stretch.rows:
            self._made.drop(number)

    # -------------------------------------------------------------------- read

    def before(self, rank: Rank) -> BitMap:
        """The rows before a rank."""
        number = self._stretches.number(rank)
        stretch = self._stretches.parts[number]
        found = BitMap(self._sorted(stretch)[: self._place(stretch, rank)])
        return BitMap.union(found, *(passed.members for passed in self._stretches.parts[:number]))

    def at(self, key: Any) -> BitMap:
        """The rows of a key, or those without one."""
        return self.before(after(key)) - self.before(beginning(key))

    def page(self, rows: BitMap, descending: bool, offset: int, limit: int) -> list[int]:
        """A page of `rows` in this order, or in descending order.

        Few rows are sorted. For many rows, the stretches before the page are skipped.
        """
        if len(rows) * LENGTH <= len(self._live):
            return sorted(rows, key=self.rank, reverse=descending)[offset : offset + limit]
        page: list[int] = []
        stretches = self._stretches.parts
        for stretch in reversed(stretches) if descending else stretches:
            count = stretch.members.intersection_cardinality(rows)
            if offset < count:
                wanted = offset + limit - len(page)
                page += islice(self._in_order(stretch, rows, count, wanted, descending), offset, wanted)
                if len(page) == limit:
                    break
            offset = max(0, offset - count)
        return page

    def _in_order(self, stretch: Stretch, rows: BitMap, count: int, wanted: int, descending: bool) -> Iterable[int]:
        """The first `wanted` of the `count` rows of `rows` in a stretch, in order.

        They are found by a walk along the stretch, or sorted, whichever takes less. A step of the walk takes a tenth of
        the time to sort a row.
        """
        if wanted * len(stretch.rows) <= 10 * count**2:
            ordered = self._sorted(stretch)
            walk: Iterator[int] = reversed(ordered) if descending else iter(ordered)
            return filter(rows.__contains__, walk)
        return sorted(stretch.members & rows, key=self.rank, reverse=descending)

    def _place(self, stretch: Stretch, rank: Rank) -> int:
        return bisect_left(self._sorted(stretch), rank, key=self.rank)
