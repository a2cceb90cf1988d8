"""All that is checked of a server's meaning, in order."""

from collections.abc import Iterator
from functools import partial

from understudy.verification.checks import combinations, criteria, derived, lists, lookups, refusals, through_ids
from understudy.verification.generator import Generator
from understudy.verification.inspection import Inspection
from understudy.verification.ledger import Task
from understudy.verification.subjects import Subject

FILTERS = 2  # bodies with which lists and pages are cut and sorted, beside that without filters


def tasks(inspection: Inspection) -> Iterator[Task]:
    """What there is to do, each by itself; what nothing else needs comes last."""
    subjects = {table: Subject.of(inspection, selection) for table, selection in inspection.surface.selections.items()}
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
