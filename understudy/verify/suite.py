"""All that is checked of a server's meaning, in order."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

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
from understudy.verify.requests.endpoints import Lookup
from understudy.verify.requests.throttled_client import NoAnswer

NOT_FOUND = 404


def subjects_of(inspection: Inspection) -> dict[str, Subject]:
    return {table: Subject.of(inspection, selection) for table, selection in inspection.surface.selections.items()}


def checks(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do that changes nothing, each by itself; what needs others comes after them."""
    yield partial(invalid_requests.check_paths, inspection)
    for endpoint in inspection.surface.endpoints:
        if endpoint.is_safe and "{" not in endpoint.path:
            yield partial(invalid_requests.check, inspection, endpoint)
    for lookup in inspection.surface.reads:
        yield partial(lookups.check, inspection, lookup)
    for subject in subjects.values():
        yield subject.narrow
        yield partial(single_criteria.check_same, subject)
        yield partial(latest_rows.check, inspection, subject.selection)
        for leaf in subject.leaves.values():
            yield partial(single_criteria.check, subject, leaf)
        yield partial(listings.check, inspection, subject)
    yield partial(related_rows.check, subjects)
    for subject in subjects.values():
        yield partial(combined_criteria.check, subject, Generator((), inspection.samples, inspection.random))


def changes(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do that changes rows, all of them the run's own."""
    for subject in changeable(inspection, subjects):
        yield partial(writes.check, inspection, subject)


def sow(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do so that there are rows of all kinds."""
    for subject in changeable(inspection, subjects):
        yield partial(writes.sow, inspection, subject)


def changeable(inspection: Inspection, subjects: Mapping[str, Subject]) -> list[Subject]:
    """The tables whose rows can be made, and taken away again."""
    tables = inspection.surface.creates.keys() & inspection.surface.deletes.keys()
    return [subject for table, subject in subjects.items() if table in tables]


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
