"""The rows of a table by the keys of one column."""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from heapq import nlargest, nsmallest
from itertools import islice
from typing import Any, NamedTuple

from pyroaring import BitMap

Key = Any
"""What `Column.key` makes of a row: a hashable that sorts among its like, a list of them, or None."""

EMPTY = BitMap()


class Built(NamedTuple):
    """What questions have made an index build: the rows by key, all rows in order."""

    by_key: dict[Hashable, BitMap] | None = None
    order: "array[int] | None" = None


NOTHING = Built()


class Index:
    """Answers which rows have a key, and in which order they stand.

    `keys[row]` is the key of each row of `live`. Both belong to the table, which says so here when a
    row comes (`add`, after) or goes (`discard`, before). What a question needs is built when it is
    first asked and kept right from then on.
    """

    def __init__(self, keys: Sequence[Key], live: BitMap, built: Built = NOTHING) -> None:
        self._keys = keys
        self._live = live
        self._by_key, self._order = built

    def built(self) -> Built:
        """A copy of what has been built, for an index of a copy of the rows."""
        by_key = None if self._by_key is None else {key: rows.copy() for key, rows in self._by_key.items()}
        return Built(by_key, None if self._order is None else self._order[:])

    def add(self, row: int) -> None:
        if self._by_key is not None:
            for key in elements(self._keys[row]):
                self._by_key.setdefault(key, BitMap()).add(row)
        if self._order is not None:
            place = self._place(row)
            self._order.insert(place, row)

    def discard(self, row: int) -> None:
        if self._by_key is not None:
            for key in elements(self._keys[row]):
                rows = self._by_key[key]
                rows.discard(row)
                if not rows and key is not None:
                    del self._by_key[key]
        if self._order is not None:
            del self._order[self._place(row)]

    # ------------------------------------------------------------------ by key

    @property
    def by_key(self) -> dict[Hashable, BitMap]:
        """The rows of each key that some row has, those without a key under None."""
        if self._by_key is None:
            found: defaultdict[Hashable, list[int]] = defaultdict(list, {None: []})
            rows = self._live.to_array()
            for row, key in zip(rows, map(self._keys.__getitem__, rows), strict=True):
                if isinstance(key, list):
                    for element in elements(key):
                        found[element].append(row)
                else:
                    found[key].append(row)
            self._by_key = {key: BitMap(rows) for key, rows in found.items()}
        return self._by_key

    @property
    def nulls(self) -> BitMap:
        return self.by_key[None]

    @property
    def filled(self) -> BitMap:
        return self._live - self.nulls

    def rows(self, key: Hashable) -> BitMap:
        """The rows of a key; none for None, which is no key."""
        return EMPTY if key is None else self.by_key.get(key, EMPTY)

    def any_of(self, keys: Iterable[Hashable]) -> BitMap:
        return BitMap.union(EMPTY, *map(self.rows, keys))

    def where(self, holds: Callable[[Any], bool]) -> BitMap:
        """The rows of each key for which `holds` is true."""
        return BitMap.union(EMPTY, *(rows for key, rows in self.by_key.items() if key is not None and holds(key)))

    # ---------------------------------------------------------------- in order

    @property
    def order(self) -> "array[int]":
        """All rows from the smallest key to the largest, as SQL sorts: those without a key first.

        Rows of the same key stand by their number.
        """
        if self._order is None:
            rows, key = self._live.to_array(), self._keys.__getitem__
            nulls = [row for row in rows if key(row) is None] if None in self._keys else []
            filled = [row for row in rows if key(row) is not None] if nulls else rows
            self._order = array("I", [*nulls, *sorted(filled, key=key)])
        return self._order

    def _rank(self, row: int) -> tuple[bool, Key, int]:
        key = self._keys[row]
        return (False, 0, row) if key is None else (True, key, row)

    def _place(self, row: int) -> int:
        return bisect_left(self.order, self._rank(row), key=self._rank)

    def _place_of_first_key(self) -> int:
        return bisect_left(self.order, (True,), key=self._is_filled)

    def _is_filled(self, row: int) -> tuple[bool]:
        return (self._keys[row] is not None,)

    def up_to(self, key: Key) -> BitMap:
        """The rows whose key is at most `key`."""
        end = bisect_right(self.order, (True, key, float("inf")), key=self._rank)
        return BitMap(self.order[self._place_of_first_key() : end])

    def starting_at(self, key: Key) -> BitMap:
        """The rows whose key is at least `key`."""
        return BitMap(self.order[bisect_left(self.order, (True, key, -1), key=self._rank) :])

    def page(self, rows: BitMap, descending: bool, offset: int, limit: int) -> list[int]:
        """Some of `rows` in this order, or from its end.

        Where `rows` are many, the order is walked until the page is full; where they are few, they
        are sorted: whichever is less work. A step of a walk takes a tenth of what it takes to sort
        a row.
        """
        wanted = offset + limit
        if not rows or offset >= len(rows) or limit == 0:
            return []
        if len(rows) == len(self._live):
            count = len(self.order)
            return (
                list(self.order[max(0, count - wanted) : count - offset])[::-1]
                if descending
                else list(self.order[offset:wanted])
            )
        if wanted * len(self._live) <= 10 * len(rows) ** 2:
            walk = reversed(self.order) if descending else iter(self.order)
            return list(islice(filter(rows.__contains__, walk), offset, wanted))
        first = nlargest if descending else nsmallest
        return first(wanted, rows, key=self._rank)[offset:]


class Ids(Index):
    """The index of a column in which each row has a key of its own, by which `find` knows it already."""

    def __init__(
        self, keys: Sequence[Key], live: BitMap, find: Callable[[Key], int | None], built: Built = NOTHING
    ) -> None:
        super().__init__(keys, live, built)
        self._find = find

    @property
    def nulls(self) -> BitMap:
        return EMPTY

    def rows(self, key: Hashable) -> BitMap:
        row = self._find(key)
        return EMPTY if row is None or row not in self._live else BitMap([row])


def elements(key: Key) -> Iterable[Hashable]:
    """The keys that a row is found under: None for an empty list, each element once."""
    if not isinstance(key, list):
        return (key,)
    return dict.fromkeys(key) if key else (None,)
