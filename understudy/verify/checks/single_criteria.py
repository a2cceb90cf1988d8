"""Each operator on each field, alone: against the known rows, or else against its own other answers."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from understudy.reports.verdict import SEPARATOR, State
from understudy.sampling.random_requests import names_in
from understudy.verify import rules
from understudy.verify.checks import operator_relations
from understudy.verify.checks.metamorphic import MetamorphicRelations
from understudy.verify.checks.operator_relations import Question
from understudy.verify.filtered_rows.expected_rows import Bounds, ExpectedRows, merged
from understudy.verify.filtered_rows.row_sets import rows
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operands import operands

PIECES = 4  # that a leaf is asked for that looks at one field or another
SOME = 2  # values that a leaf is asked for, beside the unusual ones
UNUSUAL: tuple[Callable[[str], object], ...] = (
    lambda text: not text.isascii() and text.swapcase() != text,
    lambda text: text != text.strip(),
    lambda text: "%" in text or "_" in text,
)


def check(subject: TableUnderTest, field_operator: FieldOperator) -> None:
    """Hold the rules about one leaf, and say what is known of it for each operation that takes it."""
    selected, expected_rows = subject.selected, subject.expected_rows
    values = subject.value_search.values(field_operator)
    some = list(dict.fromkeys([*unusual(values), *selected.context.random.sample(values, k=min(SOME, len(values)))]))
    relations = MetamorphicRelations(selected, field_operator.subject)
    asks_for_nothing(field_operator, relations, expected_rows)
    if field_operator.operator == "not_any_" and "any_" in subject.value_search.siblings(field_operator):
        both = merged(
            subject.value_search.siblings(field_operator)["any_"].filters(some), field_operator.filters(some[:1])
        )
        relations.within(rules.COMBINED, both, bounds(expected_rows, both))
    if field_operator.is_ignored or all(
        expected_rows.is_known(field_operator.filters(operand)) for operand in operands(field_operator, some)
    ):
        for operand in operands(field_operator, some):
            relations.within(
                rules.CRITERION, field_operator.filters(operand), bounds(expected_rows, field_operator.filters(operand))
            )
    else:
        if field_operator.is_either:
            for value in (*some, *pieces(subject, field_operator)):
                either = partial(expected_rows.bounds_apart, field_operator, value)
                relations.within(rules.CRITERION, field_operator.filters(value), either)
        if field_operator.operator == "is_null_":
            leads_on(subject, field_operator, relations)
        single = expected_rows.is_single(field_operator.filter)
        operator_relations.check(
            Question(relations, field_operator, subject.value_search.siblings(field_operator), some, single)
        )
    telling = [body for body in relations.telling if field_operator.is_asked(body)]
    subject.telling[field_operator] = telling
    for endpoint in selected.selection.all:
        state = State.PASSED if telling else State.COVERED if some else State.UNREACHED
        selected.context.results.mark(field_operator.cell(endpoint.label), field_operator.subject, state)


def unusual(values: Sequence[Any]) -> Iterator[Any]:
    """The first values of each kind that servers often handle wrongly: other letters than ASCII, outer spaces,
    upper case, wildcards. At most one for each.
    """
    texts = [value for value in values if isinstance(value, str) and value]
    for is_unusual in UNUSUAL:
        yield from islice(filter(is_unusual, texts), 1)


def pieces(subject: TableUnderTest, field_operator: FieldOperator) -> list[str]:
    """Beginnings of what stands in fields of the same name, in the rows that are known."""
    context = subject.selected.context
    seen = (context.samples.seen(table, field_operator.fields) for table in sorted(context.model.tables))
    found = sorted({value[:2] for values in seen for value in values})
    return context.random.sample(found, k=min(PIECES, len(found)))


def leads_on(subject: TableUnderTest, field_operator: FieldOperator, relations: MetamorphicRelations) -> None:
    """Where a reference is null, there is no row that it leads to."""
    here = subject.expected_rows.steps(field_operator.filter)
    for name in subject.selection.filters:
        steps = subject.expected_rows.steps(name)
        if len(steps) == len(here) + 1 and steps[:-1] == here and steps[-1].column.names == field_operator.fields:
            relations.at_most(rules.PARTITION, {name: {}}, rows(field_operator.filters(False)))


def check_same(subject: TableUnderTest) -> None:
    """Hold that bodies that ask for the same, each in its way, select the same."""
    for body, other in subject.expected_rows.same():
        relations = MetamorphicRelations(subject.selected, SEPARATOR.join(names_in(other)))
        relations.equal(rules.CRITERION, other, rows(body))


def asks_for_nothing(
    field_operator: FieldOperator, relations: MetamorphicRelations, expected_rows: ExpectedRows
) -> None:
    """What is null or empty, at each level above the operator, selects what the contract states, if it is valid."""
    body: Filters = field_operator.filters(None)
    for filters in filter(expected_rows.accepts, (body, *emptied(body))):
        relations.within(rules.NOTHING_ASKED, filters, bounds(expected_rows, filters))


def emptied(filters: Filters) -> list[Filters]:
    """The bodies in which the objects around an operand are empty, and null, from the inside out."""
    ((name, part),) = filters.items()
    if not isinstance(part, dict):
        return []
    return [*({name: inner} for inner in emptied(part)), {name: {}}, {name: None}]


def bounds(expected_rows: ExpectedRows, filters: Filters) -> Callable[[], Bounds]:
    return lambda: expected_rows.bounds(filters)
