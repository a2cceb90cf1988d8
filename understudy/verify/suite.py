"""All that is checked of a server's meaning, in order."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import zip_longest

from understudy.sampling.random_requests import Generator
from understudy.verify.check_context import Inspection
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
from understudy.verify.filtered_rows.table_under_test import Subject
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


def subjects_of(inspection: Inspection, only: Only = every) -> dict[str, Subject]:
    """The tables that some of the operations list, count or page."""
    return {
        table: Subject.of(inspection, selection)
        for table, selection in inspection.surface.selections.items()
        if any(map(only, selection.all))
    }


def operations(inspection: Inspection, subjects: Mapping[str, Subject], only: Only) -> Iterator[Task]:
    """What there is to do for each operation that changes nothing."""
    yield partial(invalid_requests.check_paths, inspection)
    for subject in subjects.values():
        yield subject.narrow
    for lookup in inspection.surface.reads:
        if only(lookup.endpoint) and inspection.model.is_unique(lookup.table, lookup.field):
            yield partial(lookups.check, inspection, lookup)


def refusals(inspection: Inspection, only: Only) -> Iterator[Task]:
    """What there is to do with requests that must be refused, for each operation that changes nothing."""
    for endpoint in inspection.surface.endpoints:
        if endpoint.is_safe and "{" not in endpoint.path and only(endpoint):
            yield partial(invalid_requests.check, inspection, endpoint)


def checks(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do with filters on related rows, and with several filters together."""
    for subject in subjects.values():
        yield partial(single_criteria.check_same, subject)
    yield from in_turns(filters_of(subjects, is_own=False))
    yield partial(related_rows.check, subjects)
    for subject in subjects.values():
        yield partial(combined_criteria.check, subject, Generator((), inspection.samples, inspection.random))


def rows(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do with each table by itself: filters on its rows, and lists."""
    yield from in_turns(filters_of(subjects, is_own=True))
    for subject in subjects.values():
        yield partial(latest_rows.check, inspection, subject.selection)
        yield partial(listings.check, inspection, subject)


def filters_of(subjects: Mapping[str, Subject], *, is_own: bool) -> list[list[Task]]:
    """The checks of each operator of the filters of each table: of the filter on its own rows, or of all others."""
    return [
        [
            partial(single_criteria.check, subject, leaf)
            for leaf in subject.leaves.values()
            if (leaf.filter == subject.selection.own) is is_own
        ]
        for subject in subjects.values()
    ]


def in_turns(lists: Sequence[Sequence[Task]]) -> Iterator[Task]:
    """One task of each list, then the next of each."""
    for tasks in zip_longest(*lists):
        yield from (task for task in tasks if task is not None)


def changes(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do that changes rows, all of them the run's own."""
    for subject in changeable(inspection, subjects):
        yield partial(writes.check, inspection, subject)


def sow(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do so that there are rows of all kinds."""
    for subject in changeable(inspection, subjects):
        yield partial(writes.sow, inspection, subject)


def changeable(inspection: Inspection, subjects: Mapping[str, Subject]) -> list[Subject]:
    """The tables whose rows can be created, found by a filter on their ids, and deleted."""
    surface = inspection.surface
    tables = surface.creates.keys() & {table for table, lookup in surface.deletes.items() if lookup.field == "id"}
    return [
        subject
        for table, subject in subjects.items()
        if table in tables and subject.id_leaf(subject.selection.own) is not None and is_predictable(inspection, table)
    ]


def is_predictable(inspection: Inspection, table: str) -> bool:
    """Whether the contract alone says what a created row is, and a body for it can be made from the schema."""
    creates = inspection.surface.creates[table]
    body = {name: value_for(part, inspection.own.mark()) for name, part in schema_of(creates).entries("properties")}
    refusals = inspection.readings.refusals(creates, json.dumps(body).encode(), {})
    return not inspection.model.is_worked_out(table) and refusals[0] is None


def clean_up(inspection: Inspection) -> list[str]:
    """Delete all rows that the run has made, unless it is interrupted again. Returns the ids of those that are left."""
    made = [(table, row_id) for table, ids in inspection.own.made.items() for row_id in ids]
    inspection.connection.allow(len(made))
    left = [row_id for _, row_id in made]
    with suppress(KeyboardInterrupt):
        for table, row_id in made:
            if is_deleted(inspection, inspection.surface.deletes[table], row_id):
                left.remove(row_id)
    return left


def is_deleted(inspection: Inspection, lookup: Lookup, row_id: str) -> bool:
    try:
        answer = inspection.connection.ask(lookup.request(row_id))
    except NoAnswer:
        return False
    return answer.is_success or answer.status == NOT_FOUND
