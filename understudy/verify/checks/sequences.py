"""Rows of one name, created, changed and deleted in every order, with the same requests after each step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations
from typing import Any

from understudy.verify import rules
from understudy.verify.checks.listings import Listing
from understudy.verify.checks.metamorphic import MetamorphicRelations
from understudy.verify.checks.row_lifecycle import RowLifecycle, values_of
from understudy.verify.filtered_rows.selected_ids import Filters, SelectedIds
from understudy.verify.requests.created_rows import value_for
from understudy.verify.requests.endpoint import LIMIT, OFFSET, schema_of
from understudy.verify.requests.endpoint_map import Selection

ROWS = 3  # rows of one name: an oldest, a newest and one in between
SHORT = 2  # the size of the pages that are requested after each step

OLDEST_FIRST, *OTHER_ORDERS, NEWEST_FIRST = permutations(range(ROWS))

Body = dict[str, Any]


def check(lifecycle: RowLifecycle, full: Callable[[RowLifecycle], Body], orders: Iterable[Sequence[int]]) -> None:
    """Delete rows in some of the possible orders.

    If a name can be shared, the rows share it; otherwise it is used again after its row is deleted.
    """
    shared = {name: full(lifecycle)[name] for name in lifecycle.names}
    for order in orders:
        with lifecycle.context.results.scenario():
            go_through(lifecycle, full, shared, order)


def watch(lifecycle: RowLifecycle, full: Callable[[RowLifecycle], Body]) -> None:
    """Delete rows in one of these orders, and send the same requests after each step."""
    shared = {name: full(lifecycle)[name] for name in lifecycle.names}
    watched = Watch(lifecycle, {**full(lifecycle), **shared})
    watched.look()
    go_through(lifecycle, full, shared, lifecycle.context.random.choice(OTHER_ORDERS), watched.look)


def go_through(
    lifecycle: RowLifecycle,
    full: Callable[[RowLifecycle], Body],
    shared: Body,
    order: Sequence[int],
    look: Callable[[], object] = bool,
) -> None:
    """Create rows of one name, change one, and delete them in an order. `look` is called after each step."""
    ids = list(created(lifecycle, full, shared, look))
    changed(lifecycle, ids[order[0]] if order[0] < len(ids) else None, look)
    for index in order:
        if index < len(ids):
            lifecycle.delete(ids[index], look, by_filters=False)


def created(
    lifecycle: RowLifecycle, full: Callable[[RowLifecycle], Body], shared: Body, look: Callable[[], object]
) -> Iterator[str]:
    """Rows of one name; only the first one if names are unique."""
    for number in range(ROWS):
        body = full(lifecycle)
        row_id = lifecycle.create(
            {**body, **shared} if number == 0 or not lifecycle.is_unique else body, by_filters=False
        )
        if row_id is not None:
            look()
            yield row_id


def changed(lifecycle: RowLifecycle, row_id: str | None, look: Callable[[], object]) -> None:
    if lifecycle.updates is None or row_id is None:
        return
    parts = schema_of(lifecycle.updates.endpoint).entries("properties")
    body = {name: value_for(part, lifecycle.own.mark()) for name, part in parts}
    lifecycle.update(lifecycle.updates, row_id, body, by_filters=False)
    look()


class Watch:
    """Requests that stay the same during writes, while their responses change.

    Args:
        lifecycle: the rows that are written.
        body: the body of a created row, whose values the filters use.
    """

    def __init__(self, lifecycle: RowLifecycle, body: Mapping[str, Any]) -> None:
        self._lifecycle = lifecycle
        self._filters = list(self._asked(body))

    def look(self) -> None:
        """Check that each response is as the existing rows require."""
        if self._lifecycle.context.model.partial:
            return
        for selection in self._selections():
            self._sorted(selection)
        for filters in ({}, *self._filters):
            self._selected(filters)

    def _selections(self) -> Iterator[Selection]:
        """The selections of the table, and of the tables that are derived from it."""
        context = self._lifecycle.context
        for table, selection in context.endpoint_map.selections.items():
            rule = context.model.derived(table)
            if table == self._lifecycle.table or (rule is not None and rule.source == self._lifecycle.table):
                yield selection

    def _asked(self, body: Mapping[str, Any]) -> Iterator[Filters]:
        subject = self._lifecycle.subject
        for field_operator in subject.field_operators.values():
            values = values_of(body, field_operator.fields)
            if field_operator.filter == subject.selection.own and field_operator.operator == "any_" and values:
                yield field_operator.filters(values)

    def _sorted(self, selection: Selection) -> None:
        if selection.sort is None:
            return
        _, sort = selection.sort
        for word in sort.value["x-sorts"]:
            listing = Listing(self._lifecycle.context, selection, {}, word)
            listing.hold(rules.SORT, selection.lists, listing.is_sorted)
            listing.hold(rules.PAGINATION, selection.lists, listing.is_all)
        default = Listing(self._lifecycle.context, selection, {}, sort.value["default"])
        default.hold(rules.PAGE, selection.lists, partial(default.is_slice, {LIMIT: SHORT, OFFSET: SHORT}))
        if selection.pages is not None:
            last = max(1, -(-len(default.whole()) // SHORT))
            for number in (1, last):
                default.hold(rules.PAGE, selection.pages, partial(default.is_page, selection.pages, SHORT, number))

    def _selected(self, filters: Filters) -> None:
        subject = self._lifecycle.subject
        relations = MetamorphicRelations(subject.selected, "")
        relations.within(rules.FOUND, filters, partial(subject.expected_rows.bounds, filters))
        agree(subject.selected, filters)


def agree(selected: SelectedIds, filters: Filters) -> None:
    """Check that a count and a page agree with the list."""
    hold, selection = selected.context.results.hold, selected.selection
    if selection.counts is not None:
        hold(rules.COUNT, selection.counts.label, "", partial(selected.miscounted, selection.counts, filters))
    if selection.pages is not None:
        hold(rules.PAGE, selection.pages.label, "", partial(selected.mispaged, selection.pages, filters))
