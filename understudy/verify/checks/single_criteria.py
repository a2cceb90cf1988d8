"""Each operator on each field, alone: compared with the known rows, or else with its own other responses."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice, permutations
from typing import Any

from understudy.reports.verdict import SEPARATOR, State
from understudy.sampling.answers import Row
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
from understudy.verify.requests.operands import few_operands, first_operands, operands

Operands = Callable[[FieldOperator, Sequence[Any]], Iterator[Any]]
"""The operands to send, made of some values."""

CANDIDATES = 30  # values to try, to find one that selects some rows and not others
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
    asks_for_nothing(field_operator, relations, subject.expected_rows)
    check_values(subject, field_operator, relations, few(subject, field_operator), few_operands)
    if field_operator.operator == "is_null_":
        leads_on(subject, field_operator, relations)
    subject.distinguishing_bodies.setdefault(field_operator, []).extend(
        distinguishing_bodies_of(field_operator, relations)
    )
    report(subject, field_operator, State.COVERED)


def few(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """One value, or two for a list: if the known rows show it, values that select some rows and not others.

    For a derived row, one of two values is that of an earlier row.
    """
    if field_operator.operator == "all_" and (both := together(subject, field_operator)):
        return both
    values = subject.value_search.shuffled(field_operator)
    wanted = 2 if field_operator.place.value["type"] == "array" else 1
    distinguishing = (value for value in values[:CANDIDATES] if is_distinguishing(subject, field_operator, value))
    found = list(islice(distinguishing, wanted)) or values[:wanted]
    earlier = earlier_values(subject, field_operator) if wanted > 1 else []
    return [*found[:1], subject.selected.context.random.choice(earlier)] if earlier else found


def earlier_values(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """The values of rows that a derived row does not have, since it is that of a newer row."""
    model = subject.selected.context.model
    rule = model.derived(field_operator.table)
    if rule is None or field_operator.filter != subject.selection.own:
        return []
    derived = {row[rule.per]: row for row in model.known[field_operator.table].values()}
    rows = [row for row in model.known[rule.source].values() if row[rule.per] in derived]
    values = [row[name] for name in field_operator.fields for row in rows if differs(row, derived[row[rule.per]], name)]
    return sorted(set(values))


def differs(row: Row, derived: Row, name: str) -> bool:
    """Whether a row has a text in a field in which a derived row has another value."""
    return isinstance(row.get(name), str) and name in derived and row[name] != derived[name]


def together(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """Two values of a row, the first of which another row has without the second; none without such rows."""
    context = subject.selected.context
    known = (row.get(name) for row in subject.value_search.rows(field_operator.table) for name in field_operator.fields)
    distinct = sorted({tuple(map(str, values)) for values in known if isinstance(values, list)})
    some = context.random.sample(distinct, k=min(CANDIDATES, len(distinct)))
    pairs = [
        [first, second]
        for values in some
        for first, second in permutations(values, 2)
        if first != second and any(first in others and second not in others for others in distinct)
    ]
    return context.random.choice(pairs) if pairs else []


def is_distinguishing(subject: TableUnderTest, field_operator: FieldOperator, value: Any) -> bool:
    """Whether the known rows show that an operator selects some rows by a value, and not others."""
    is_list = field_operator.place.value["type"] == "array"
    body, expected_rows = field_operator.filters([value] if is_list else value), subject.expected_rows
    related: Filters = {field_operator.filter: {}}
    if not (expected_rows.is_known(body) and expected_rows.is_known(related)):
        return False
    return frozenset() < expected_rows.bounds(body).most < expected_rows.bounds(related).most


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


def leads_on(subject: TableUnderTest, field_operator: FieldOperator, relations: MetamorphicRelations) -> None:
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


def asks_for_nothing(
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
