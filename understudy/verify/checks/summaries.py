"""Operations that summarize the rows that filters select: counts by state, histories, dashboards.

The response of such an operation to a filter must equal that for the ids of the rows that the filter selects.
"""

from collections.abc import Iterator
from functools import partial

from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, unlike
from understudy.verify.filtered_rows.distinguishing_values import few
from understudy.verify.filtered_rows.expected_rows import merged
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.endpoint import Endpoint, example_of, schema_of
from understudy.verify.requests.operands import first_operands

TRIED = 4  # operators of a filter to try, to find one that selects some rows
MOST = 100  # the maximum number of ids in a request


def summaries(context: CheckContext, subject: TableUnderTest) -> list[Endpoint]:
    """The operations that take the filters of a table, and return neither its rows nor their number."""
    table, own = subject.selection.table, subject.selection.own
    return [
        each
        for each in context.endpoint_map.endpoints
        if each.is_safe
        and each.body is not None
        and "{" not in each.path
        and each not in subject.selection.all
        and each.selects == table
        and own in schema_of(each)["properties"].value
        and subject.id_operator(own) is not None
    ]


def check(context: CheckContext, subject: TableUnderTest, endpoint: Endpoint) -> None:
    """Compare the response for one operator of each filter with that for the ids of the rows, if there is any."""
    if not context.throttled_client.ask(endpoint.request(example_without_filters(endpoint))).is_success:
        return
    for name in sorted(schema_of(endpoint)["properties"].value.keys() & subject.selection.filters.keys()):
        found = next(selecting(context, subject, name), None)
        if found is not None:
            check_same = partial(is_same, context, subject, endpoint, found)
            context.results.hold(rules.FILTER, endpoint.label, name, check_same)


def example_without_filters(endpoint: Endpoint) -> Filters:
    """The values of the first example of a body that are not filters."""
    filters = {name for name, part in schema_of(endpoint).entries("properties") if "x-filters" in part.value}
    return {name: value for name, value in example_of(endpoint).items() if name not in filters}


def selecting(context: CheckContext, subject: TableUnderTest, name: str) -> Iterator[Filters]:
    """Filters with some operators of a filter that select some rows."""
    operators = [each for each in subject.field_operators.values() if each.filter == name and not each.is_ignored]
    for operator in context.random.sample(operators, k=min(TRIED, len(operators))):
        for operand in first_operands(operator, few(subject, operator)):
            filters = operator.filters(operand)
            if subject.expected_rows.accepts(filters) and subject.selected.is_within_scope(filters):
                ids = subject.selected.whole(filters)
                if 0 < len(ids) <= MOST and ids < subject.selected.every():
                    yield filters


def is_same(context: CheckContext, subject: TableUnderTest, endpoint: Endpoint, filters: Filters) -> Broken | None:
    operator, example = subject.id_operator(subject.selection.own), example_without_filters(endpoint)
    if operator is None:
        return None
    ids = sorted(subject.selected.whole(filters))
    bodies = [subject.selected.scoped(filters), operator.filters(ids)]
    requests = [endpoint.request(merged(example, body)) for body in bodies]
    answers = [context.ask(endpoint, request) for request in requests]
    if not all(answer.is_success for answer in answers):
        return None
    by_filter, by_ids = (context.still(endpoint, answer.body) for answer in answers)
    return None if by_filter == by_ids else unlike((requests[1], requests[0]), by_ids, by_filter)
