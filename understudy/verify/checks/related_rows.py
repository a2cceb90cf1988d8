"""Filters over related rows, against asking for the ids of these rows first."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from understudy.reports.verdict import SEPARATOR
from understudy.sampling.random_requests import names_in
from understudy.verify import rules
from understudy.verify.check_results import Broken, Check
from understudy.verify.checks.metamorphic import apart, told
from understudy.verify.filtered_rows.expected_rows import Bounds, merged
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import Subject
from understudy.verify.requests.field_operators import Leaf

MOST = 100  # ids that are asked for at once
TOGETHER = 8  # rows that are asked for by two filters


def check(subjects: Mapping[str, Subject]) -> None:
    """Hold the rule about related rows, wherever their ids can be seen."""
    for subject in subjects.values():
        check_together(subject)
        for name, part in subject.selection.filters.items():
            table = part.value["x-filters"]
            if name == subject.selection.own or subject.id_leaf(name) is None:
                continue
            if table in subjects:
                check_listed(subject, name, subjects[table])
            for witness in subjects.values():
                for other in pointers(witness, table):
                    if witness is not subject:
                        check_seen(subject, name, witness, other)


def check_together(subject: Subject) -> None:
    """Two filters that both lead through one row speak of the same row there."""
    for name in subject.selection.filters:
        for other, leaf in onward(subject, name):
            hold(subject, other, {}, partial(together, subject, name, other, leaf))


def onward(subject: Subject, name: str) -> Iterator[tuple[str, Leaf]]:
    """The filters whose way goes one step further than that of another, and how they ask where they came from."""
    here = subject.algebra.steps(name)
    for other in subject.selection.filters:
        steps = subject.algebra.steps(other)
        if len(steps) == len(here) + 1 and steps[:-1] == here and steps[-1].back and here:
            for leaf in subject.leaves.values():
                if leaf.filter == other and leaf.operator == "any_" and leaf.fields == steps[-1].column.names:
                    yield other, leaf


def together(subject: Subject, name: str, other: str, leaf: Leaf) -> Broken | None:
    """Rows of half of the ids that are known, and one further row: by both filters, and by the further one alone."""
    randomness = subject.answers.inspection.random
    ids, further = (subject.known_ids(each) for each in (name, other))
    for row_id in randomness.sample(further, k=min(TOGETHER, len(further))):
        half = randomness.sample(ids, k=min(len(ids) // 2, MOST))
        both = merged(by_ids(subject, name, half), by_ids(subject, other, [row_id]))
        alone = merged(by_ids(subject, other, [row_id]), leaf.filters(half))
        broken = differing(subject, both, alone, subject, by_ids(subject, other, [row_id]))
        if broken is not None:
            return broken
    return None


def pointers(subject: Subject, table: str) -> Iterator[str]:
    """The filters over rows of a table whose ids stand in the rows that are selected."""
    for name, part in subject.selection.filters.items():
        if part.value["x-filters"] == table and subject.reference(name) is not None:
            yield name


def check_listed(subject: Subject, name: str, related: Subject) -> None:
    """The related rows can be listed: by the same filter, where it is on the rows themselves."""
    for body in subject.told_by(name):
        hold(subject, name, body[name], partial(listed, subject, name, related, body[name]))


def listed(subject: Subject, name: str, related: Subject, value: Any) -> Broken | None:
    source = {related.selection.own: value}
    ids = sorted(related.answers.whole(source))
    return None if len(ids) > MOST else differing(subject, {name: value}, by_ids(subject, name, ids), related, source)


def check_seen(subject: Subject, name: str, witness: Subject, other: str) -> None:
    """The ids of the related rows can be seen in the rows of another table."""
    for body in (body for body in witness.told_by(other) if "id" not in body[other]):
        hold(subject, name, body[other], partial(seen, subject, name, witness, other, body[other]))


def seen(subject: Subject, name: str, witness: Subject, other: str, value: Any) -> Broken | None:
    source = {other: value}
    some = sorted(references(witness, other, {other: {}}))[:MOST]
    ids = sorted(references(witness, other, source) & set(some))
    among = merged({name: value}, by_ids(subject, name, some))
    return differing(subject, among, by_ids(subject, name, ids), witness, source)


def references(subject: Subject, name: str, filters: Filters) -> set[str]:
    """The ids of the related rows of what filters select."""
    known = subject.answers.inspection.model.known[subject.selection.table]
    field = subject.reference(name) or ""
    shown = (known[row_id].get(field) for row_id in subject.answers.whole(filters) & known.keys())
    return {str(value) for value in shown if value is not None}


def by_ids(subject: Subject, name: str, ids: list[str]) -> Filters:
    return subject.leaves[name, "id", "any_"].filters(ids)


def differing(subject: Subject, filters: Filters, through: Filters, related: Subject, source: Filters) -> Broken | None:
    ids, expected = subject.answers.whole(filters), Bounds.exactly(subject.answers.whole(through))
    if ids == expected.least:
        return None
    lists, scoped = subject.selection.lists, subject.answers.scoped
    requests = related.selection.lists.request(source), lists.request(scoped(through)), lists.request(scoped(filters))
    return Broken(requests, told(expected), apart(ids, expected))


def hold(subject: Subject, name: str, value: Any, check_one: Check) -> None:
    about = SEPARATOR.join(names_in({name: value}))
    subject.answers.inspection.ledger.hold(rules.THROUGH_IDS, subject.selection.lists.label, about, check_one)
