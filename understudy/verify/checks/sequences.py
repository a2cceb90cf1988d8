"""Rows of one name created, changed and deleted in every order, and the same requests sent after each step."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import permutations
from typing import Any

from understudy.verify import rules
from understudy.verify.checks.listings import Listing
from understudy.verify.checks.metamorphic import Relations
from understudy.verify.checks.row_lifecycle import Life, values_of
from understudy.verify.filtered_rows.selected_ids import Answers, Filters
from understudy.verify.requests.created_rows import value_for
from understudy.verify.requests.endpoints import LIMIT, OFFSET, Selection, schema_of

ROWS = 3  # of one name, so that there is an oldest, a newest and one between them
SHORT = 2  # rows of the pages that are asked for after each step

Body = dict[str, Any]


def check(life: Life, full: Callable[[Life], Body]) -> None:
    """Live through every order in which rows can be deleted: the first with all that can be asked after each step.

    Where a name may be shared, the rows share it; where it may not, it is used again after its row is deleted.
    """
    orders = list(permutations(range(ROWS)))
    life.inspection.random.shuffle(orders)
    shared = {name: full(life)[name] for name in life.names}
    watch = Watch(life, {**full(life), **shared})
    for number, order in enumerate(orders):
        look: Callable[[], object] = watch.look if number == 0 else bool
        look()
        life.inspection.ledger.begin()
        ids = list(created(life, full, shared, look))
        changed(life, ids[order[0]] if order[0] < len(ids) else None, look)
        for index in order:
            if index < len(ids):
                life.delete(ids[index], look)


def created(life: Life, full: Callable[[Life], Body], shared: Body, look: Callable[[], object]) -> Iterator[str]:
    """Rows of one name, or the first of them only, where there can be one only."""
    for number in range(ROWS):
        body = full(life)
        row_id = life.create({**body, **shared} if number == 0 or not life.is_unique else body)
        if row_id is not None:
            look()
            yield row_id


def changed(life: Life, row_id: str | None, look: Callable[[], object]) -> None:
    if life.updates is None or row_id is None:
        return
    parts = schema_of(life.updates.endpoint).entries("properties")
    life.update(life.updates, row_id, {name: value_for(part, life.own.mark()) for name, part in parts})
    look()


class Watch:
    """Requests that stay the same whatever is written, with answers that do not.

    Args:
        life: of the rows that are written.
        body: a row that is created; its values are what is asked for.
    """

    def __init__(self, life: Life, body: Mapping[str, Any]) -> None:
        self._life = life
        self._filters = list(self._asked(body))

    def look(self) -> None:
        """Hold that each answer is what the rows that are there make it."""
        if self._life.inspection.model.partial:
            return
        for selection in self._selections():
            self._sorted(selection)
        for filters in ({}, *self._filters):
            self._selected(filters)

    def _selections(self) -> Iterator[Selection]:
        """Those of the table, and of the tables that are derived from it."""
        inspection = self._life.inspection
        for table, selection in inspection.surface.selections.items():
            rule = inspection.model.derived(table)
            if table == self._life.table or (rule is not None and rule.source == self._life.table):
                yield selection

    def _asked(self, body: Mapping[str, Any]) -> Iterator[Filters]:
        subject = self._life.subject
        for leaf in subject.leaves.values():
            values = values_of(body, leaf.fields)
            if leaf.filter == subject.selection.own and leaf.operator == "any_" and values:
                yield leaf.filters(values)

    def _sorted(self, selection: Selection) -> None:
        if selection.sort is None:
            return
        _, sort = selection.sort
        for word in sort.value["x-sorts"]:
            listing = Listing(self._life.inspection, selection, {}, word)
            listing.hold(rules.SORT, selection.lists, listing.is_sorted)
            listing.hold(rules.TILES, selection.lists, listing.is_all)
        default = Listing(self._life.inspection, selection, {}, sort.value["default"])
        default.hold(rules.PAGE, selection.lists, partial(default.is_slice, {LIMIT: SHORT, OFFSET: SHORT}))
        if selection.pages is not None:
            last = max(1, -(-len(default.whole()) // SHORT))
            for number in (1, last):
                default.hold(rules.PAGE, selection.pages, partial(default.is_page, selection.pages, SHORT, number))

    def _selected(self, filters: Filters) -> None:
        subject = self._life.subject
        relations = Relations(subject.answers, "")
        relations.within(rules.FOUND, filters, partial(subject.algebra.bounds, filters))
        agree(subject.answers, filters)


def agree(answers: Answers, filters: Filters) -> None:
    """Hold that a count and a page say what the list does."""
    hold, selection = answers.inspection.ledger.hold, answers.selection
    if selection.counts is not None:
        hold(rules.COUNT, selection.counts.label, "", partial(answers.miscounted, selection.counts, filters))
    if selection.pages is not None:
        hold(rules.PAGE, selection.pages.label, "", partial(answers.mispaged, selection.pages, filters))
