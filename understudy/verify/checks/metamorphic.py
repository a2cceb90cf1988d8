"""Relations between the responses to several bodies, each checked as a rule about one part of a filter."""

from collections.abc import Callable
from functools import partial

from understudy.reports.verdict import Rule
from understudy.sampling.answers import named
from understudy.text import counted
from understudy.verify.check_results import Broken
from understudy.verify.filtered_rows.expected_rows import Bounds
from understudy.verify.filtered_rows.row_sets import NO_ROWS, RowSet, rows
from understudy.verify.filtered_rows.selected_ids import Filters, Ids, SelectedIds

ALL_ROWS: Filters = {}


class MetamorphicRelations:
    """Checks relations.

    `distinguishing_bodies` are the bodies that select some rows and not others.

    Args:
        selected: the rows that the operations return for filters.
        subject: the part of a body that the relations are about.
    """

    def __init__(self, selected: SelectedIds, subject: str) -> None:
        self.selected = selected
        self._subject = subject
        self.distinguishing_bodies: list[Filters] = []

    def ids(self, filters: Filters) -> Ids:
        """The ids of the rows that filters select."""
        ids = self.selected.whole(filters)
        if (
            filters not in self.distinguishing_bodies
            and frozenset() < ids < self.selected.every()
            and self._asks(filters, ids)
        ):
            self.distinguishing_bodies.append(filters)
        return ids

    def _asks(self, filters: Filters, ids: Ids) -> bool:
        """Whether filters make a difference: they do not select all rows that have such a related row."""
        return ids != self.selected.whole({name: {} for name in filters})

    def equal(self, rule: Rule, filters: Filters, expected: RowSet) -> None:
        """Check that `filters` select exactly the expected rows."""
        self.between(rule, filters, expected, expected)

    def at_least(self, rule: Rule, filters: Filters, least: RowSet) -> None:
        self.between(rule, filters, least, rows(ALL_ROWS))

    def at_most(self, rule: Rule, filters: Filters, most: RowSet) -> None:
        self.between(rule, filters, NO_ROWS, most)

    def between(self, rule: Rule, filters: Filters, least: RowSet, most: RowSet) -> None:
        sources = least.sources if least == most else least.sources + most.sources
        self.within(rule, filters, lambda: Bounds(least.ids(self.ids), most.ids(self.ids)), *sources)

    def within(self, rule: Rule, filters: Filters, expected: Callable[[], Bounds], *sources: Filters) -> None:
        """Check that `filters` select at least and at most the expected rows, which other requests return."""
        lists = self.selected.selection.lists
        check = partial(self._outside, filters, expected, sources)
        self.selected.context.results.hold(rule, lists.label, self._subject, check)

    def _outside(self, filters: Filters, expected: Callable[[], Bounds], sources: tuple[Filters, ...]) -> Broken | None:
        bounds, lists = expected(), self.selected.selection.lists
        if bounds.least == bounds.most:
            self.selected.confirms(filters, bounds.least)
        ids = self.ids(filters)
        if bounds.least <= ids <= bounds.most:
            return None
        requests = [lists.request(self.selected.scoped(body)) for body in (*sources, filters)]
        return Broken(tuple(requests), number_of(bounds), difference_of_ids(ids, bounds))


def number_of(bounds: Bounds) -> str:
    least, most = len(bounds.least), len(bounds.most)
    return counted(most, "rows") if least == most else f"{least} to {counted(most, 'rows')}"


def difference_of_ids(ids: Ids, bounds: Bounds) -> str:
    """How the selected rows differ from the expected ones."""
    missing, added = sorted(bounds.least - ids), sorted(ids - bounds.most)
    parts = [counted(len(ids), "rows")]
    parts += [f"without {named(missing)}"] if missing else []
    parts += [f"with {named(added)}"] if added else []
    return ", ".join(parts)
