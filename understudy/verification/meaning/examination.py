"""All that is checked of a server's meaning, in order."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
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
from understudy.verification.meaning.connection import NoAnswer
from understudy.verification.meaning.inspection import Inspection
from understudy.verification.meaning.ledger import Task
from understudy.verification.meaning.subjects import Subject
from understudy.verification.meaning.surface import Lookup

NOT_FOUND = 404


def subjects_of(inspection: Inspection) -> dict[str, Subject]:
    return {table: Subject.of(inspection, selection) for table, selection in inspection.surface.selections.items()}


def checks(inspection: Inspection, subjects: Mapping[str, Subject]) -> Iterator[Task]:
    """What there is to do that changes nothing, each by itself; what needs others comes after them."""
    yield partial(refusals.check_paths, inspection)
    for endpoint in inspection.surface.endpoints:
        if endpoint.is_safe and "{" not in endpoint.path:
            yield partial(refusals.check, inspection, endpoint)
    for lookup in inspection.surface.reads:
        yield partial(lookups.check, inspection, lookup)
    for subject in subjects.values():
        yield subject.narrow
        yield partial(criteria.check_same, subject)
        yield partial(derived.check, inspection, subject.selection)
        for leaf in subject.leaves.values():
            yield partial(criteria.check, subject, leaf)
        yield partial(lists.check, inspection, subject)
    yield partial(through_ids.check, subjects)
    for subject in subjects.values():
        yield partial(combinations.check, subject, Generator((), inspection.samples, inspection.random))


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
