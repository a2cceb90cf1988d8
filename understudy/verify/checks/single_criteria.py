"""Each operator on each field, alone: against the known rows, or else against its own other answers."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from understudy.reports.verdict import SEPARATOR, State
from understudy.sampling.random_requests import names_in
from understudy.verify import rules
from understudy.verify.checks import operator_relations
from understudy.verify.checks.metamorphic import Relations
from understudy.verify.checks.operator_relations import Question
from understudy.verify.filtered_rows.expected_rows import Algebra, Bounds, merged
from understudy.verify.filtered_rows.row_sets import rows
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import Subject
from understudy.verify.requests.field_operators import Leaf
from understudy.verify.requests.operands import operands

PIECES = 4  # that a leaf is asked for that looks at one field or another
SOME = 2  # values that a leaf is asked for, beside the unusual ones
UNUSUAL: tuple[Callable[[str], object], ...] = (
    lambda text: not text.isascii() and text.swapcase() != text,
    lambda text: text != text.strip(),
    lambda text: "%" in text or "_" in text,
)


def check(subject: Subject, leaf: Leaf) -> None:
    """Hold the rules about one leaf, and say what is known of it for each operation that takes it."""
    answers, algebra = subject.answers, subject.algebra
    values = subject.discovery.values(leaf)
    some = list(dict.fromkeys([*unusual(values), *answers.inspection.random.sample(values, k=min(SOME, len(values)))]))
    relations = Relations(answers, leaf.subject)
    asks_for_nothing(leaf, relations, algebra)
    if leaf.operator == "not_any_" and "any_" in subject.discovery.siblings(leaf):
        both = merged(subject.discovery.siblings(leaf)["any_"].filters(some), leaf.filters(some[:1]))
        relations.within(rules.COMBINED, both, bounds(algebra, both))
    if leaf.is_ignored or all(algebra.is_known(leaf.filters(operand)) for operand in operands(leaf, some)):
        for operand in operands(leaf, some):
            relations.within(rules.CRITERION, leaf.filters(operand), bounds(algebra, leaf.filters(operand)))
    else:
        if leaf.is_either:
            for value in (*some, *pieces(subject, leaf)):
                either = partial(algebra.bounds_apart, leaf, value)
                relations.within(rules.CRITERION, leaf.filters(value), either)
        if leaf.operator == "is_null_":
            leads_on(subject, leaf, relations)
        single = algebra.is_single(leaf.filter)
        operator_relations.check(Question(relations, leaf, subject.discovery.siblings(leaf), some, single))
    telling = [body for body in relations.telling if leaf.is_asked(body)]
    subject.telling[leaf] = telling
    for endpoint in answers.selection.all:
        state = State.PASSED if telling else State.COVERED if some else State.UNREACHED
        answers.inspection.ledger.mark(leaf.cell(endpoint.label), leaf.subject, state)


def unusual(values: Sequence[Any]) -> Iterator[Any]:
    """The values that are the first to have something that servers mistake: other letters than ASCII, outer spaces,
    upper case, wildcards. At most one for each.
    """
    texts = [value for value in values if isinstance(value, str) and value]
    for is_unusual in UNUSUAL:
        yield from islice(filter(is_unusual, texts), 1)


def pieces(subject: Subject, leaf: Leaf) -> list[str]:
    """Beginnings of what stands in fields of the same name, in the rows that are known."""
    inspection = subject.answers.inspection
    seen = (inspection.samples.seen(table, leaf.fields) for table in sorted(inspection.model.tables))
    found = sorted({value[:2] for values in seen for value in values})
    return inspection.random.sample(found, k=min(PIECES, len(found)))


def leads_on(subject: Subject, leaf: Leaf, relations: Relations) -> None:
    """Where a reference is null, there is no row that it leads to."""
    here = subject.algebra.steps(leaf.filter)
    for name in subject.selection.filters:
        steps = subject.algebra.steps(name)
        if len(steps) == len(here) + 1 and steps[:-1] == here and steps[-1].column.names == leaf.fields:
            relations.at_most(rules.PARTITION, {name: {}}, rows(leaf.filters(False)))


def check_same(subject: Subject) -> None:
    """Hold that bodies that ask for the same, each in its way, select the same."""
    for body, other in subject.algebra.same():
        relations = Relations(subject.answers, SEPARATOR.join(names_in(other)))
        relations.equal(rules.CRITERION, other, rows(body))


def asks_for_nothing(leaf: Leaf, relations: Relations, algebra: Algebra) -> None:
    """What is null or empty, at each level above the operator, is as the contract reads it."""
    body: Filters = leaf.filters(None)
    for filters in (body, *emptied(body)):
        relations.within(rules.NOTHING_ASKED, filters, bounds(algebra, filters))


def emptied(filters: Filters) -> list[Filters]:
    """The bodies in which the objects around an operand are empty, and null, from the inside out."""
    ((name, part),) = filters.items()
    if not isinstance(part, dict):
        return []
    return [*({name: inner} for inner in emptied(part)), {name: {}}, {name: None}]


def bounds(algebra: Algebra, filters: Filters) -> Callable[[], Bounds]:
    return lambda: algebra.bounds(filters)
