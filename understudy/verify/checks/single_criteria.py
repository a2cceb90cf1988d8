"""Each operator on each field, alone: compared with the known rows, or else with its own other responses."""

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
from understudy.verify.filtered_rows.distinguishing_values import few
from understudy.verify.filtered_rows.expected_rows import Bounds, ExpectedRows, merged
from understudy.verify.filtered_rows.row_sets import rows
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operands import few_operands, first_operands, operands

Operands = Callable[[FieldOperator, Sequence[Any]], Iterator[Any]]
"""The operands to send, made of some values."""

PIECES = 4  # parts of values for an operator on one of several fields
SOME = 2  # values for an operator, besides the unusual ones
UNUSUAL: tuple[Callable[[str], object], ...] = (
    lambda text: not text.isascii() and text.swapcase() != text,
    lambda text: text != text.strip(),
    lambda text: "%" in text or "_" in text,
)


def check(subject: TableUnderTest, field_operator: FieldOperator) -> None:
    """Check the rules about one operator with one or two operands, and record the result of each operation."""
    values = subject.value_search.values(field_operator)
    relations = MetamorphicRelations(subject.selected, field_operator.subject)
    check_values(subject, field_operator, relations, few(subject, field_operator), first_operands)
    if field_operator.filter == subject.selection.own and field_operator.place.value["type"] == "array":
        nothing = field_operator.filters([])
        if subject.expected_rows.accepts(nothing):
            relations.within(rules.EMPTY_FILTER, nothing, bounds(subject.expected_rows, nothing))
    subject.distinguishing_bodies[field_operator] = distinguishing_bodies_of(field_operator, relations)
    report(subject, field_operator, State.COVERED if values else State.UNREACHED)


def check_edges(subject: TableUnderTest, field_operator: FieldOperator) -> None:
    """Check the same rules with null and empty operands, and with operands close to the first ones."""
    relations = MetamorphicRelations(subject.selected, field_operator.subject)
    check_nothing_asked(field_operator, relations, subject.expected_rows)
    check_values(subject, field_operator, relations, few(subject, field_operator), few_operands)
    if field_operator.operator == "is_null_":
        check_null_reference(subject, field_operator, relations)
    subject.distinguishing_bodies.setdefault(field_operator, []).extend(
        distinguishing_bodies_of(field_operator, relations)
    )
    report(subject, field_operator, State.COVERED)


def check_others(subject: TableUnderTest, field_operator: FieldOperator) -> None:
    """Check the same rules with other values, including unusual ones."""
    values = subject.value_search.values(field_operator)
    some = [*unusual(values), *subject.selected.context.random.sample(values, k=min(SOME, len(values)))]
    if not some:
        return
    relations = MetamorphicRelations(subject.selected, field_operator.subject)
    check_values(subject, field_operator, relations, list(dict.fromkeys(some)), operands)
    for value in pieces(subject, field_operator) if field_operator.is_either else ():
        either = partial(subject.expected_rows.bounds_apart, field_operator, value)
        relations.within(rules.FILTER, field_operator.filters(value), either)
    subject.distinguishing_bodies.setdefault(field_operator, []).extend(
        distinguishing_bodies_of(field_operator, relations)
    )
    report(subject, field_operator, State.COVERED)


def check_values(
    subject: TableUnderTest,
    field_operator: FieldOperator,
    relations: MetamorphicRelations,
    values: Sequence[Any],
    operands: Operands,
) -> None:
    """Check the rules about one operator with some values, by the known rows, or else by its other responses."""
    expected_rows, siblings = subject.expected_rows, subject.value_search.siblings(field_operator)
    bodies = [field_operator.filters(operand) for operand in operands(field_operator, values)]
    if field_operator.operator == "not_any_" and "any_" in siblings:
        both = merged(siblings["any_"].filters(values), field_operator.filters(values[:1]))
        relations.within(rules.COMBINATION, both, bounds(expected_rows, both))
    if field_operator.is_ignored or all(map(expected_rows.is_known, bodies)):
        for body in bodies:
            relations.within(rules.FILTER, body, bounds(expected_rows, body))
        return
    for value in values if field_operator.is_either else ():
        either = partial(expected_rows.bounds_apart, field_operator, value)
        relations.within(rules.FILTER, field_operator.filters(value), either)
    single = expected_rows.is_single(field_operator.filter)
    operator_relations.check(Question(relations, field_operator, siblings, values, single))


def distinguishing_bodies_of(field_operator: FieldOperator, relations: MetamorphicRelations) -> list[Filters]:
    """The bodies with this operator that select some rows and not others."""
    return [body for body in relations.distinguishing_bodies if field_operator.is_asked(body)]


def report(subject: TableUnderTest, field_operator: FieldOperator, otherwise: State) -> None:
    """Mark the cells of an operator as passed if a response distinguished rows."""
    state = State.PASSED if subject.distinguishing_bodies[field_operator] else otherwise
    for endpoint in subject.selection.all:
        subject.selected.context.results.mark(field_operator.cell(endpoint.label), field_operator.subject, state)


def unusual(values: Sequence[Any]) -> Iterator[Any]:
    """The first value of each kind that servers often handle wrongly: letters outside ASCII, outer spaces, upper case,
    wildcards.
    """
    texts = [value for value in values if isinstance(value, str) and value]
    for is_unusual in UNUSUAL:
        yield from islice(filter(is_unusual, texts), 1)


def pieces(subject: TableUnderTest, field_operator: FieldOperator) -> list[str]:
    """Beginnings of values that fields of the same name have in known rows."""
    context = subject.selected.context
    seen = (context.samples.seen(table, field_operator.fields) for table in sorted(context.model.tables))
    found = sorted({value[:2] for values in seen for value in values})
    return context.random.sample(found, k=min(PIECES, len(found)))


def check_null_reference(
    subject: TableUnderTest, field_operator: FieldOperator, relations: MetamorphicRelations
) -> None:
    """Check that a reference that is null leads to no row."""
    here = subject.expected_rows.steps(field_operator.filter)
    for name in subject.selection.filters:
        steps = subject.expected_rows.steps(name)
        if len(steps) == len(here) + 1 and steps[:-1] == here and steps[-1].column.names == field_operator.fields:
            relations.at_most(rules.PARTITION, {name: {}}, rows(field_operator.filters(False)))


def check_same(subject: TableUnderTest) -> None:
    """Check that equivalent bodies select the same rows."""
    for body, other in subject.expected_rows.same():
        relations = MetamorphicRelations(subject.selected, SEPARATOR.join(names_in(other)))
        relations.equal(rules.FILTER, other, rows(body))


def check_nothing_asked(
    field_operator: FieldOperator, relations: MetamorphicRelations, expected_rows: ExpectedRows
) -> None:
    """Check that null and empty objects, at each level above the operator, select what the contract states, if they are
    valid.
    """
    body: Filters = field_operator.filters(None)
    for filters in filter(expected_rows.accepts, (body, *emptied(body))):
        relations.within(rules.EMPTY_FILTER, filters, bounds(expected_rows, filters))


def emptied(filters: Filters) -> list[Filters]:
    """The bodies in which the objects around an operand are empty or null, from the innermost one outwards."""
    ((name, part),) = filters.items()
    if not isinstance(part, dict):
        return []
    return [*({name: inner} for inner in emptied(part)), {name: {}}, {name: None}]


def bounds(expected_rows: ExpectedRows, filters: Filters) -> Callable[[], Bounds]:
    return lambda: expected_rows.bounds(filters)
