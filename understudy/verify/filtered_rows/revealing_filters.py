"""Filters that reveal faults: those that select other rows than the same filters, misread."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial, reduce
from itertools import combinations, islice, product
from operator import itemgetter
from typing import Any, TypeVar

from understudy.verify.filtered_rows.distinguishing_values import few
from understudy.verify.filtered_rows.expected_rows import merged
from understudy.verify.filtered_rows.selected_ids import Filters, Ids
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.field_operators import FieldOperator, combiners, nested
from understudy.verify.requests.misreadings import misreadings_of
from understudy.verify.requests.operands import combined_operands

OPERANDS, BODIES = 60, 100  # candidates to try
VALUES = 8  # values to make operands of: at random, and the lowest and highest
OPERATORS = 6  # operators of a filter to combine with others
TOGETHER = 4  # filters in a body
OF_ONE = 2  # operands of an operator to combine with the others of its field
BESIDE = 2  # filters beside which another one may be ignored

T = TypeVar("T")


def revealing(
    candidates: Iterable[T], misreadings: Sequence[Callable[[T], T]], rows_of: Callable[[T], Ids | None]
) -> Iterator[T]:
    """The candidates that select other rows if they are misread, except those that reveal no other misreadings.
    Candidates whose rows are not known are left out.
    """
    left = list(misreadings)
    for candidate in candidates:
        rows = rows_of(candidate)
        misread = [] if rows is None else [(each, each(candidate)) for each in left]
        shown = [each for each, other in misread if other is not candidate and rows_of(other) not in (rows, None)]
        if shown:
            yield candidate
        left = [each for each in left if each not in shown]
        if not left:
            return


def operands_of(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """Operands of an operator that reveal its misreadings; none if the known rows do not show that."""
    if field_operator not in subject.revealing_operands:
        candidates = islice(candidate_operands(subject, field_operator), OPERANDS)
        known, misreadings = subject.expected_rows.known, misreadings_of(field_operator)
        found = revealing(candidates, misreadings, lambda operand: known(field_operator.filters(operand)))
        subject.revealing_operands[field_operator] = list(found)
    return subject.revealing_operands[field_operator]


def candidate_operands(subject: TableUnderTest, field_operator: FieldOperator) -> Iterator[Any]:
    """Operands made of values that rows have: of those that select some rows and not others, then of random ones, and
    of the lowest and highest, which few rows meet.
    """
    search = subject.value_search
    yield from combined_operands(field_operator, few(subject, field_operator))
    for values in search.together(field_operator) if field_operator.operator == "all_" else ():
        yield from combined_operands(field_operator, values)
    values = search.shuffled(field_operator)
    yield from combined_operands(field_operator, values[:VALUES])
    lowest = sorted(values)
    yield from combined_operands(field_operator, [*lowest[:VALUES], *lowest[-VALUES:]])


def bodies_of(subject: TableUnderTest) -> Iterator[Filters]:
    """Bodies with several filters that reveal whether one is ignored beside two others, and bodies with two criteria
    that reveal whether the property that combines them, or one of two operators of a field, is ignored.
    """
    pool = {name: single_criteria(subject, (name,)) for name in subject.selection.filters}
    pool = {name: bodies for name, bodies in pool.items() if bodies}
    ignored = [
        partial(without, name, beside)
        for name in pool
        for beside in combinations(pool, min(BESIDE, len(pool) - 1))
        if name not in beside
    ]
    yield from revealing(islice(together(subject, pool), BODIES), ignored, subject.expected_rows.known_by_each)
    for name, part in subject.selection.filters.items():
        for way, combiner, words in combiners(part, (name,)):
            yield from either(subject, way, combiner, words)
    yield from of_one_field(subject)


def of_one_field(subject: TableUnderTest) -> Iterator[Filters]:
    """Bodies with two operators of a field that reveal whether one is ignored beside the other, and with an operator
    beside nulls.
    """
    fields: dict[tuple[str, ...], list[FieldOperator]] = {}
    for each in subject.field_operators.values():
        fields.setdefault(each.names[:-1], []).append(each)
    for operators in filter(lambda each: len(each) > 1, fields.values()):
        nulls = merged_all(each.filters(None) for each in operators)
        criteria = [list(islice(criteria_of(subject, each), OF_ONE)) for each in operators]
        alone = [merged(nulls, body) for bodies in criteria for body in bodies]
        yield from islice(filter(subject.expected_rows.accepts, alone), 1)
        pairs = [pair for one, other in combinations(criteria, 2) for pair in product(one, other)]
        shown = revealing(pairs, [itemgetter(slice(1)), itemgetter(slice(1, None))], partial(known_together, subject))
        yield from map(merged_all, shown)


def known_together(subject: TableUnderTest, bodies: Sequence[Filters]) -> Ids | None:
    """The rows that several criteria select together, if the known rows decide that."""
    return subject.expected_rows.known(merged_all(bodies))


def merged_all(bodies: Iterable[Filters]) -> Filters:
    return reduce(merged, bodies)


def criteria_of(subject: TableUnderTest, field_operator: FieldOperator) -> Iterator[Filters]:
    """Bodies with an operator alone, whose operands reveal misreadings."""
    return map(field_operator.filters, operands_of(subject, field_operator))


def single_criteria(subject: TableUnderTest, way: tuple[str, ...]) -> list[Filters]:
    """Bodies with one of some operators each, below a path, that the known rows decide."""
    operators = [each for each in subject.field_operators.values() if each.names[: len(way)] == way]
    some = subject.selected.context.random.sample(operators, k=min(OPERATORS, len(operators)))
    return [body for each in some for body in islice(criteria_of(subject, each), 1)]


def either(subject: TableUnderTest, way: tuple[str, ...], combiner: str, words: Sequence[str]) -> Iterator[Filters]:
    """A body with two criteria below a path, for each way to combine them that makes a difference."""
    pairs = [merged(*pair) for pair in combinations(single_criteria(subject, way), 2)]
    for word in words:
        join = partial(merged, other=nested(way, {combiner: word}))
        yield from map(join, revealing(pairs, [join], subject.expected_rows.known))


def together(subject: TableUnderTest, pool: Mapping[str, Sequence[Filters]]) -> Iterator[Filters]:
    """Random bodies with several filters."""
    randomness = subject.selected.context.random
    while len(pool) > 1:
        names = randomness.sample(list(pool), k=min(TOGETHER, len(pool)))
        yield {name: randomness.choice(pool[name])[name] for name in names}


def without(name: str, others: Collection[str], body: Filters) -> Filters:
    """A body without a filter, if it has that filter and some others."""
    return {each: part for each, part in body.items() if each != name} if body.keys() >= {name, *others} else body
