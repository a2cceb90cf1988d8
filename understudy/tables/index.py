"""The rows of a table by the keys of one column."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from itertools import chain, compress, groupby
from typing import Any, NamedTuple

from pyroaring import BitMap

from understudy.tables.order import Order, Stretches, after, beginning

Key = Any
"""The result of `Column.key`: a hashable and sortable value, a list of them, or None."""

Tie = Callable[[Iterable[int]], list[int]]
"""Puts rows in order."""

EMPTY = BitMap()


class Built(NamedTuple):
    """The parts of an index that have been built: the rows by key, and in order."""

    by_key: dict[Hashable, BitMap] | None = None
    stretches: Stretches | None = None


NOTHING = Built()


class Index:
    """Finds the rows of a key, and their order.

    `keys[row]` is the key of each row of `live`. Both belong to the table, which calls `add` after it has added a row,
    and `discard` before it removes one. The parts of an index are built on first use and then kept up to date.
    """

    def __init__(self, keys: Sequence[Key], live: BitMap, built: Built = NOTHING) -> None:
        self._keys = keys
        self._live = live
        self._by_key = built.by_key
        self._order = Order(keys, live, built.stretches)

    def built(self) -> Built:
        """A copy of the built parts, for an index of a copy of the rows."""
        by_key = None if self._by_key is None else {key: rows.copy() for key, rows in self._by_key.items()}
        return Built(by_key, self._order.built())

    def add(self, row: int) -> None:
        if self._by_key is not None:
            for key in elements(self._keys[row]):
                self._by_key.setdefault(key, BitMap()).add(row)
        self._order.add(row)

    def discard(self, row: int) -> None:
        if self._by_key is not None:
            for key in elements(self._keys[row]):
                rows = self._by_key[key]
                rows.discard(row)
                if not rows and key is not None:
                    del self._by_key[key]
        self._order.discard(row)

    # ------------------------------------------------------------------ by key

    @property
    def by_key(self) -> dict[Hashable, BitMap]:
        """The rows by key; those without a key under None."""
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
        """The rows of a key; empty for None, which is not a key."""
        return EMPTY if key is None else self.by_key.get(key, EMPTY)

    def any_of(self, keys: Iterable[Hashable]) -> BitMap:
        return BitMap.union(EMPTY, *map(self.rows, keys))

    @property
    def knows_keys(self) -> bool:
        """Whether the rows by key are built."""
        return self._by_key is not None

    def among(self, keys: Set[Key]) -> BitMap:
        """The rows whose key is one of many, in a column without lists. This scans all rows, and builds nothing."""
        rows = self._live.to_array()
        return BitMap(list(compress(rows, map(keys.__contains__, map(self._keys.__getitem__, rows)))))

    def where(self, holds: Callable[[Any], bool]) -> BitMap:
        """The rows of each key for which `holds` is true."""
        return BitMap.union(EMPTY, *(rows for key, rows in self.by_key.items() if key is not None and holds(key)))

    # ---------------------------------------------------------------- in order

    def up_to(self, key: Key) -> BitMap:
        """The rows whose key is at most `key`."""
        return self._order.before(after(key)) - self._order.before(after(None))

    def starting_at(self, key: Key) -> BitMap:
        """The rows whose key is at least `key`."""
        return self._live - self._order.before(beginning(key))

    def page(self, rows: BitMap, descending: bool, offset: int, limit: int, tie: Tie | None = None) -> list[int]:
        """A page of `rows` in ascending or descending order of their keys.

        `tie` puts rows of one key in order. By default that is the order of their numbers, or the opposite one if the
        page is in descending order.
        """
        if not limit or offset >= len(rows):
            return []
        if tie is None:
            return self._order.page(rows, descending, offset, limit)
        return self._tied(rows, descending, offset, limit, tie)

    def _tied(self, rows: BitMap, descending: bool, offset: int, limit: int, tie: Tie) -> list[int]:
        """A page with rows of one key in another order. Those of its first and last key may be on other pages, too."""
        before = min(offset, 1)
        wider = self._order.page(rows, descending, offset - before, before + limit + 1)
        shown = wider[before : before + limit]
        key = self._keys.__getitem__
        groups = [list(group) for _, group in groupby(shown, key)]
        ordered = [tie(group) for group in groups]
        first, last = key(shown[0]), key(shown[-1])
        if key(wider[-1]) == last and wider[-1] != shown[-1]:
            ordered[-1] = tie(rows & self._order.at(last))[: len(groups[-1])]
        if key(wider[0]) == first and wider[0] != shown[0]:
            earlier = self._order.before(after(first) if descending else beginning(first))
            start = offset - (len(rows - earlier) if descending else len(rows & earlier))
            ordered[0] = tie(rows & self._order.at(first))[start : start + len(groups[0])]
        return list(chain.from_iterable(ordered))


class Ids(Index):
    """The index of a column with unique keys, by which `find` finds rows."""

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
    """The keys of a row: each distinct element of a list, None for an empty one."""
    if not isinstance(key, list):
        return (key,)
    return dict.fromkeys(key) if key else (None,)
