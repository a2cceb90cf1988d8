"""The rows of a table in the order of one column's keys."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from pyroaring import BitMap

Rank = tuple[Any, ...]
"""Where a row stands among others; a part of one stands before all that begin with it."""

LENGTH = 4096  # rows of a stretch; as many again, and it becomes two
SAMPLED = 16  # rows of each stretch that say where stretches end


class Stretch:
    """Rows that stand side by side in an order, by which they can be passed over together.

    `members`, the same rows as a bitmap, is made when it is first asked for. The rows are put in order
    among themselves just as late.
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
    """The stretches of an order, one behind the other.

    All of `parts[n]` stand before the rank `bounds[n]`, and none of `parts[n + 1]` does.
    """

    parts: list[Stretch]
    bounds: list[Rank]

    def number(self, rank: Rank) -> int:
        """The number of the stretch that a rank belongs to."""
        return bisect_right(self.bounds, rank)

    def divide(self, number: int, parts: Sequence[Stretch], bounds: Sequence[Rank]) -> None:
        """Put several stretches, and what is between them, in the place of one."""
        self.parts[number : number + 1] = parts
        self.bounds[number:number] = bounds

    def drop(self, number: int) -> None:
        """Take an empty stretch out, unless it is the only one."""
        if self.bounds:
            del self.parts[number], self.bounds[min(number, len(self.bounds) - 1)]

    def copy(self) -> "Stretches":
        return Stretches([part.copy() for part in self.parts], self.bounds.copy())


class Order:
    """Rows from the smallest key to the largest, as SQL sorts: those without a key first.

    Rows of the same key stand by their number. `keys[row]` is the key of each row of `live`. Both belong to
    the table, which says so here when a row comes (`add`, after) or goes (`discard`, before). The rows are
    dealt out to stretches when the order is first asked for.
    """

    def __init__(self, keys: Sequence[Any], live: BitMap, stretches: Stretches | None = None) -> None:
        self._keys = keys
        self._live = live
        self._made = stretches

    def built(self) -> Stretches | None:
        """A copy of what has been put in order, for an order of a copy of the rows."""
        return None if self._made is None else self._made.copy()

    @property
    def _stretches(self) -> Stretches:
        if self._made is None:
            self._made = self._dealt()
        return self._made

    def _dealt(self) -> Stretches:
        """All rows, dealt out by the keys of some that are about as far apart as a stretch is long."""
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
        """Make several stretches of one that has become too long."""
        if len(stretches.parts[number].rows) >= 2 * LENGTH:
            rows = self._sorted(stretches.parts[number])
            pieces = [rows[start : start + LENGTH] for start in range(0, len(rows), LENGTH)]
            bounds = [self.rank(piece[0]) for piece in pieces[1:]]
            stretches.divide(number, [Stretch(piece, is_sorted=True) for piece in pieces], bounds)

    def _sorted(self, stretch: Stretch) -> "array[int]":
        """The rows of a stretch, which are in order from now on."""
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
        """The rows that stand before a rank."""
        number = self._stretches.number(rank)
        stretch = self._stretches.parts[number]
        found = BitMap(self._sorted(stretch)[: self._place(stretch, rank)])
        return BitMap.union(found, *(passed.members for passed in self._stretches.parts[:number]))

    def page(self, rows: BitMap, descending: bool, offset: int, limit: int) -> list[int]:
        """Some of `rows` in this order, or from its end.

        Where they are few, they are sorted; where they are many, the stretches are passed that hold only
        what comes before the page.
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
        """Those of `rows` that are in a stretch, which are `count`, as far as they are wanted.

        They are met on a walk along the stretch, or sorted: whichever is less work. A step of a walk
        takes a tenth of what it takes to sort a row.
        """
        if wanted * len(stretch.rows) <= 10 * count**2:
            ordered = self._sorted(stretch)
            walk: Iterator[int] = reversed(ordered) if descending else iter(ordered)
            return filter(rows.__contains__, walk)
        return sorted(stretch.members & rows, key=self.rank, reverse=descending)

    def _place(self, stretch: Stretch, rank: Rank) -> int:
        return bisect_left(self._sorted(stretch), rank, key=self.rank)
