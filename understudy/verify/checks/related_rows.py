"""Filters on related rows, compared with filters on the ids of these rows."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from understudy.reports.verdict import SEPARATOR
from understudy.sampling.random_requests import names_in
from understudy.verify import rules
from understudy.verify.check_results import Broken, Check
from understudy.verify.checks.metamorphic import difference_of_ids, number_of
from understudy.verify.filtered_rows.expected_rows import Bounds, merged
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.field_operators import FieldOperator

MOST = 100  # the maximum number of ids in a request
TOGETHER = 8  # rows to check with two filters


def check(subjects: Mapping[str, TableUnderTest]) -> None:
    """Check the rule about related rows, wherever responses show their ids."""
    for subject in subjects.values():
        check_together(subject)
        for name, part in subject.selection.filters.items():
            table = part.value["x-filters"]
            if name == subject.selection.own or subject.id_operator(name) is None:
                continue
            if table in subjects:
                check_listed(subject, name, subjects[table])
            for witness in subjects.values():
                for other in pointers(witness, table):
                    if witness is not subject:
                        check_seen(subject, name, witness, other)


def check_together(subject: TableUnderTest) -> None:
    """Check that two filters that both lead to one related row are about the same row."""
    for name in subject.selection.filters:
        for other, field_operator in onward(subject, name):
            hold(subject, other, {}, partial(together, subject, name, other, field_operator))


def onward(subject: TableUnderTest, name: str) -> Iterator[tuple[str, FieldOperator]]:
    """The filters whose path is one step longer than that of another filter, and the filter that leads back."""
    here = subject.expected_rows.steps(name)
    for other in subject.selection.filters:
        steps = subject.expected_rows.steps(other)
        if len(steps) == len(here) + 1 and steps[:-1] == here and steps[-1].back and here:
            for field_operator in subject.field_operators.values():
                if (
                    field_operator.filter == other
                    and field_operator.operator == "any_"
                    and field_operator.fields == steps[-1].column.names
                ):
                    yield other, field_operator


def together(subject: TableUnderTest, name: str, other: str, field_operator: FieldOperator) -> Broken | None:
    """Check both filters with half of the known ids and one further row, against the further filter alone."""
    randomness = subject.selected.context.random
    ids, further = (subject.known_ids(each) for each in (name, other))
    for row_id in randomness.sample(further, k=min(TOGETHER, len(further))):
        half = randomness.sample(ids, k=min(len(ids) // 2, MOST))
        both = merged(by_ids(subject, name, half), by_ids(subject, other, [row_id]))
        alone = merged(by_ids(subject, other, [row_id]), field_operator.filters(half))
        broken = differing(subject, both, alone, subject, by_ids(subject, other, [row_id]))
        if broken is not None:
            return broken
    return None


def pointers(subject: TableUnderTest, table: str) -> Iterator[str]:
    """The filters on related rows whose ids are in the selected rows."""
    for name, part in subject.selection.filters.items():
        if part.value["x-filters"] == table and subject.reference(name) is not None:
            yield name


def check_listed(subject: TableUnderTest, name: str, related: TableUnderTest) -> None:
    """Check with related rows that can be listed, by the same filter on the rows themselves."""
    if related.selected.known is not None:
        return  # some of its rows are looked at
    for body in subject.distinguishing(name):
        hold(subject, name, body[name], partial(listed, subject, name, related, body[name]))


def listed(subject: TableUnderTest, name: str, related: TableUnderTest, value: Any) -> Broken | None:
    source = {related.selection.own: value}
    ids = sorted(related.selected.whole(source))
    return None if len(ids) > MOST else differing(subject, {name: value}, by_ids(subject, name, ids), related, source)


def check_seen(subject: TableUnderTest, name: str, witness: TableUnderTest, other: str) -> None:
    """Check with related rows whose ids are in the rows of another table."""
    for body in (body for body in witness.distinguishing(other) if "id" not in body[other]):
        hold(subject, name, body[other], partial(seen, subject, name, witness, other, body[other]))


def seen(subject: TableUnderTest, name: str, witness: TableUnderTest, other: str, value: Any) -> Broken | None:
    source = {other: value}
    some = sorted(references(witness, other, {other: {}}))[:MOST]
    ids = sorted(references(witness, other, source) & set(some))
    among = merged({name: value}, by_ids(subject, name, some))
    return differing(subject, among, by_ids(subject, name, ids), witness, source)


def references(subject: TableUnderTest, name: str, filters: Filters) -> set[str]:
    """The ids of the related rows that the selected rows refer to."""
    known = subject.selected.context.model.known[subject.selection.table]
    field = subject.reference(name) or ""
    shown = (known[row_id].get(field) for row_id in subject.selected.whole(filters) & known.keys())
    return {str(value) for value in shown if value is not None}


def by_ids(subject: TableUnderTest, name: str, ids: list[str]) -> Filters:
    return subject.field_operators[name, "id", "any_"].filters(ids)


def differing(
    subject: TableUnderTest, filters: Filters, through: Filters, related: TableUnderTest, source: Filters
) -> Broken | None:
    ids, expected = subject.selected.whole(filters), Bounds.exactly(subject.selected.whole(through))
    if ids == expected.least:
        return None
    lists, scoped = subject.selection.lists, subject.selected.scoped
    requests = related.selection.lists.request(source), lists.request(scoped(through)), lists.request(scoped(filters))
    return Broken(requests, number_of(expected), difference_of_ids(ids, expected))


def hold(subject: TableUnderTest, name: str, value: Any, check_one: Check) -> None:
    about = SEPARATOR.join(names_in({name: value}))
    subject.selected.context.results.hold(rules.RELATED_ROWS, subject.selection.lists.label, about, check_one)
