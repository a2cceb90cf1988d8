"""Sets of rows in terms of the rows that bodies select: unions, intersections and differences."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from understudy.verify.filtered_rows.selected_ids import Filters, Ids

Ask = Callable[[Filters], Ids]


@dataclass(frozen=True)
class RowSet:
    """A set of rows. `sources` are the bodies that must be requested for it."""

    sources: tuple[Filters, ...]
    ids: Callable[[Ask], Ids]

    def __or__(self, other: "RowSet") -> "RowSet":
        return self._with(other, frozenset.__or__)

    def __and__(self, other: "RowSet") -> "RowSet":
        return self._with(other, frozenset.__and__)

    def __sub__(self, other: "RowSet") -> "RowSet":
        return self._with(other, frozenset.__sub__)

    def _with(self, other: "RowSet", combine: Callable[[Ids, Ids], Ids]) -> "RowSet":
        return RowSet(self.sources + other.sources, lambda ask: combine(self.ids(ask), other.ids(ask)))


NO_ROWS = RowSet((), lambda _: frozenset())


def rows(filters: Filters) -> RowSet:
    """The rows that filters select."""
    return RowSet((filters,), lambda ask: ask(filters))


def union(terms: Iterable[RowSet]) -> RowSet:
    return reduce(or_, terms, NO_ROWS)
