"""All that is checked of a server's meaning, in order."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import zip_longest

from understudy.sampling.random_requests import RequestGenerator
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Task
from understudy.verify.checks import (
    combined_criteria,
    invalid_requests,
    latest_rows,
    listings,
    lookups,
    related_rows,
    single_criteria,
    writes,
)
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.created_rows import value_for
from understudy.verify.requests.endpoints import Endpoint, Lookup, schema_of
from understudy.verify.requests.throttled_client import NoAnswer

NOT_FOUND = 404

Only = Callable[[Endpoint], bool]
"""Whether an operation is to be checked."""


def every(endpoint: Endpoint) -> bool:
    """All operations are to be checked."""
    return True


def named(names: Collection[str]) -> Only:
    """Those that have one of some names: a tag, an `operationId`, or a method and a path. Without names, all."""

    def is_named(endpoint: Endpoint) -> bool:
        operation = endpoint.place.value
        return not names or not {endpoint.label, operation["operationId"], *operation.get("tags", ())}.isdisjoint(names)

    return is_named


def subjects_of(context: CheckContext, only: Only = every) -> dict[str, TableUnderTest]:
    """The tables that some of the operations list, count or page."""
    return {
        table: TableUnderTest.of(context, selection)
        for table, selection in context.endpoint_map.selections.items()
        if any(map(only, selection.all))
    }


def operations(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> Iterator[Task]:
    """What there is to do for each operation that changes nothing."""
    yield partial(invalid_requests.check_paths, context)
    for subject in subjects.values():
        yield subject.narrow
    for lookup in context.endpoint_map.reads:
        if only(lookup.endpoint) and context.model.is_unique(lookup.table, lookup.field):
            yield partial(lookups.check, context, lookup)


def refusals(context: CheckContext, only: Only) -> Iterator[Task]:
    """What there is to do with requests that must be refused, for each operation that changes nothing."""
    for endpoint in context.endpoint_map.endpoints:
        if endpoint.is_safe and "{" not in endpoint.path and only(endpoint):
            yield partial(invalid_requests.check, context, endpoint)


def checks(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Task]:
    """What there is to do with filters on related rows, and with several filters together."""
    for subject in subjects.values():
        yield partial(single_criteria.check_same, subject)
    yield from in_turns(filters_of(subjects, is_own=False))
    yield partial(related_rows.check, subjects)
    for subject in subjects.values():
        yield partial(combined_criteria.check, subject, RequestGenerator((), context.samples, context.random))


def rows(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Task]:
    """What there is to do with each table by itself: filters on its rows, and lists."""
    yield from in_turns(filters_of(subjects, is_own=True))
    for subject in subjects.values():
        yield partial(latest_rows.check, context, subject.selection)
        yield partial(listings.check, context, subject)


def filters_of(subjects: Mapping[str, TableUnderTest], *, is_own: bool) -> list[list[Task]]:
    """The checks of each operator of the filters of each table: of the filter on its own rows, or of all others."""
    return [
        [
            partial(single_criteria.check, subject, field_operator)
            for field_operator in subject.field_operators.values()
            if (field_operator.filter == subject.selection.own) is is_own
        ]
        for subject in subjects.values()
    ]


def in_turns(lists: Sequence[Sequence[Task]]) -> Iterator[Task]:
    """One task of each list, then the next of each."""
    for tasks in zip_longest(*lists):
        yield from (task for task in tasks if task is not None)


def changes(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Task]:
    """What there is to do that changes rows, all of them the run's own."""
    for subject in changeable(context, subjects):
        yield partial(writes.check, context, subject)


def sow(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Task]:
    """What there is to do so that there are rows of all kinds."""
    for subject in changeable(context, subjects):
        yield partial(writes.sow, context, subject)


def changeable(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> list[TableUnderTest]:
    """The tables whose rows can be created, found by a filter on their ids, and deleted."""
    endpoint_map = context.endpoint_map
    tables = endpoint_map.creates.keys() & {
        table for table, lookup in endpoint_map.deletes.items() if lookup.field == "id"
    }
    return [
        subject
        for table, subject in subjects.items()
        if table in tables and subject.id_operator(subject.selection.own) is not None and is_predictable(context, table)
    ]


def is_predictable(context: CheckContext, table: str) -> bool:
    """Whether the contract alone says what a created row is, and a body for it can be made from the schema."""
    creates = context.endpoint_map.creates[table]
    body = {name: value_for(part, context.own.mark()) for name, part in schema_of(creates).entries("properties")}
    refusals = context.interpreter.refusals(creates, json.dumps(body).encode(), {})
    return not context.model.is_worked_out(table) and refusals[0] is None


def clean_up(context: CheckContext) -> list[str]:
    """Delete all rows that the run has made, unless it is interrupted again. Returns the ids of those that are left."""
    made = [(table, row_id) for table, ids in context.own.made.items() for row_id in ids]
    context.throttled_client.allow(len(made))
    left = [row_id for _, row_id in made]
    with suppress(KeyboardInterrupt):
        for table, row_id in made:
            if is_deleted(context, context.endpoint_map.deletes[table], row_id):
                left.remove(row_id)
    return left


def is_deleted(context: CheckContext, lookup: Lookup, row_id: str) -> bool:
    try:
        answer = context.throttled_client.ask(lookup.request(row_id))
    except NoAnswer:
        return False
    return answer.is_success or answer.status == NOT_FOUND
