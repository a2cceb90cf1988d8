"""Each operator, filter, sort and other value in one request, to which a server must respond as Understudy does.

A slow server responds to only a few thousand requests in a run, so these come first.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, cycle, islice, product
from typing import Any

from understudy.reports.verdict import SEPARATOR
from understudy.sampling.random_requests import names_in
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import same_rows
from understudy.verify.checks.listings import sort_of, words
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.filtered_rows.distinguishing_values import few, is_distinguishing
from understudy.verify.filtered_rows.revealing_filters import bodies_of, operands_of
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.endpoint import LIMIT, OFFSET, PAGE, Endpoint, examples_of, schema_of
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operands import first_operands, other_first_operands

SORTED, FEW = 50, 5  # rows of the pages to compare in each sort: of the first and of the second one
TRIED = 6  # operators of a filter to try, to find one that selects some rows and not others


def check_operators(subject: TableUnderTest, mirror: Mirror, field_operators: Iterable[FieldOperator]) -> None:
    """Request each operator alone, with the operands that reveal most faults: the first one from the list and another
    operation, the others from one operation each.
    """
    lists, *others = subject.selection.all
    for each in field_operators:
        operands = operands_for(subject, each)
        turns = chain([lists], cycle(subject.selected.context.random.sample(others, k=len(others)) or [lists]))
        for endpoint, operand in zip(turns, [*(operands[:1] if others else ()), *operands], strict=False):
            hold(subject, mirror, endpoint, each.subject, each.filters(operand))


def operands_for(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """The operands that reveal most faults. Of a lenient server, some times are without an offset."""
    values, found = few(subject, field_operator), operands_of(subject, field_operator)
    if not found:
        return list(first_operands(field_operator, values))
    more = other_first_operands(field_operator, values)
    is_time = field_operator.place.value.get("format") == "date-time"
    if is_time and subject.selected.context.is_lenient:
        more = (time.removesuffix("Z") for time in more)
    return [*found, *more]


def check_together(subject: TableUnderTest, mirror: Mirror) -> None:
    """Request several filters and several criteria together."""
    for body in bodies_of(subject):
        hold(subject, mirror, subject.selection.lists, SEPARATOR.join(names_in(body)), body)


def check_filters(subject: TableUnderTest, mirror: Mirror, endpoint: Endpoint) -> None:
    """Request an operation that does not list rows with each filter, beside the other values of each example."""
    names = schema_of(endpoint)["properties"].value
    for name in filter(names.__contains__, subject.selection.filters):
        some = [*islice(distinguishing(subject, name), 1), *islice(met_twice(subject, name), 1)]
        for filters, example in product(some, examples_of(endpoint)):
            values = {each: value for each, value in example.items() if each not in subject.selection.filters}
            hold(subject, mirror, endpoint, SEPARATOR.join(names_in(filters)), {**values, **filters})


def distinguishing(subject: TableUnderTest, name: str) -> Iterator[Filters]:
    """A few random bodies with one operator of a filter, which select some rows and not others."""
    operators = [each for each in subject.field_operators.values() if each.filter == name]
    for each in subject.selected.context.random.sample(operators, k=min(TRIED, len(operators))):
        some = few(subject, each)
        if any(is_distinguishing(subject, each, value) for value in some):
            yield each.filters(next(first_operands(each, some)))


def met_twice(subject: TableUnderTest, name: str) -> Iterator[Filters]:
    """Bodies with one operator of a filter and several values that some row has, so that a join finds it twice."""
    for each in subject.field_operators.values():
        if each.filter == name and each.operator == "any_":
            yield from map(each.filters, subject.value_search.together(each))


def check_sorts(subject: TableUnderTest, mirror: Mirror) -> None:
    """Request the first rows of each sort, and its second page, of lists and of pages."""
    selection = subject.selection
    for word, endpoint in product(words(selection), filter(None, (selection.lists, selection.pages))):
        name, _ = sort_of(selection)
        later = {OFFSET: FEW} if endpoint is selection.lists else {PAGE: 2}
        for cut in ({LIMIT: SORTED}, {LIMIT: FEW, **later}):
            hold(subject, mirror, endpoint, word, {name: word, **cut})


def check_values(context: CheckContext, mirror: Mirror, endpoint: Endpoint) -> None:
    """Request each value of an object and each small number alone, and small pages."""
    for request in context.random_reads().with_single_values(endpoint):
        same_rows.hold(context, mirror, endpoint, request)


def hold(subject: TableUnderTest, mirror: Mirror, endpoint: Endpoint, about: str, body: Filters) -> None:
    """Check that the response to a body, restricted to the rows of a large table that are tested, is as expected."""
    context, request = subject.selected.context, endpoint.request(subject.selected.scoped(body))
    same_rows.hold(context, mirror, endpoint, request, about)
