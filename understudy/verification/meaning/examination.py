"""All that is checked of a server's meaning, in order."""

from collections.abc import Iterator, Mapping
from functools import partial

from understudy.verification.generator import Generator
from understudy.verification.meaning.checks import (
    combinations,
    criteria,
    derived,
    lists,
    lookups,
    refusals,
    through_ids,
    writes,
)
from understudy.verification.meaning.inspection import Inspection
from understudy.verification.meaning.ledger import Task
from understudy.verification.meaning.subjects import Subject

NOT_FOUND = 404


def subjects_of(inspection: Inspection) -> dict[str, Subject]:
    return {table: Subject.of(inspection, selection) for table, selection in inspection.surface.selections.items()}


def tasks(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do that changes nothing, each by itself; what needs others comes after them."""
    yield partial(refusals.check_paths, inspection)
    for endpoint in inspection.surface.endpoints:
        if endpoint.is_safe and "{" not in endpoint.path:
            yield partial(refusals.check, inspection, endpoint)
    for lookup in inspection.surface.reads:
        yield partial(lookups.check, inspection, lookup)
    for subject in subjects.values():
        yield partial(derived.check, inspection, subject.selection)
        for leaf in subject.leaves.values():
            yield partial(criteria.check, subject, leaf)
        yield partial(lists.check, inspection, subject)
    yield partial(through_ids.check, subjects)
    for subject in subjects.values():
        yield partial(combinations.check, subject, Generator((), inspection.samples, inspection.random))


def changes(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do that changes rows, all of them the run's own."""
    for table in inspection.surface.creates:
        if table in inspection.surface.deletes and table in subjects:
            yield partial(writes.check, inspection, subjects[table])


def clean_up(inspection: Inspection) -> list[str]:
    """Delete all rows that the run has made. Returns the ids of those that are left."""
    left = []
    for table, ids in inspection.own.made.items():
        inspection.connection.allow(len(ids))
        for row_id in ids:
            lookup = inspection.surface.deletes[table]
            answer = inspection.connection.ask(lookup.request(row_id))
            if not answer.is_success and answer.status != NOT_FOUND:
                left.append(row_id)
    return left
