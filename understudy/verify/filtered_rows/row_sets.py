"""Sets of rows in terms of what bodies select: unions, intersections and differences."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from understudy.verify.filtered_rows.selected_ids import Filters, Ids

Ask = Callable[[Filters], Ids]


@dataclass(frozen=True)
class Term:
    """A set of rows. `sources` are the bodies that must be asked for it."""

    sources: tuple[Filters, ...]
    ids: Callable[[Ask], Ids]

    def __or__(self, other: "Term") -> "Term":
        return self._with(other, frozenset.__or__)

    def __and__(self, other: "Term") -> "Term":
        return self._with(other, frozenset.__and__)

    def __sub__(self, other: "Term") -> "Term":
        return self._with(other, frozenset.__sub__)

    def _with(self, other: "Term", combine: Callable[[Ids, Ids], Ids]) -> "Term":
        return Term(self.sources + other.sources, lambda ask: combine(self.ids(ask), other.ids(ask)))


NO_ROWS = Term((), lambda _: frozenset())


def rows(filters: Filters) -> Term:
    """What filters select."""
    return Term((filters,), lambda ask: ask(filters))


def union(terms: Iterable[Term]) -> Term:
    return reduce(or_, terms, NO_ROWS)
