"""A table with more rows than are read: what is said of it is said of some, and is right."""

from collections.abc import Iterator
from functools import partial
from uuid import UUID

import pytest
from starlette.types import ASGIApp

from tests import jsonl
from tests.apps import app_on
from tests.mutants.behaviours import asks
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import Inspector
from understudy.operations.api_folder import Api
from understudy.sampling.random_requests import Generator
from understudy.verify import verify
from understudy.verify.check_context import MOST_PAGES, Inspection
from understudy.verify.checks import combined_criteria, listings, lookups, single_criteria, writes
from understudy.verify.filtered_rows.table_under_test import SOME, Subject
from understudy.verify.suite import clean_up, subjects_of

PAGE = 200  # rows, the most that the API lists at once
KNOWN = MOST_PAGES * PAGE
ROWS = KNOWN + 150


@pytest.fixture(scope="module")
def large(api: Api, tmp_path_factory: pytest.TempPathFactory) -> ASGIApp:
    folder = tmp_path_factory.mktemp("large")
    stamps = {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
    ids = [str(UUID(int=number, version=4)) for number in range(ROWS)]
    rows = [
        {"id": row_id, **stamps, "name": f"flow-{number}", "tags": ["even"] * (number % 2 == 0)}
        for number, row_id in enumerate(ids)
    ]
    jsonl.write(folder / "flows.jsonl", rows)
    runs = [
        {"id": str(UUID(int=ROWS + number, version=4)), **stamps, "name": "run", "flow_id": row_id, "run_count": number}
        for number, row_id in enumerate(ids[::3])
    ]
    jsonl.write(folder / "flow_runs.jsonl", runs)
    return app_on(folder, api)


@pytest.fixture
def inspection(large: ASGIApp, inspector: Inspector) -> Iterator[Inspection]:
    with inspector.inspected(large) as inspection:
        yield inspector.learn(inspection)


def narrowed(inspection: Inspection) -> Subject:
    subject = subjects_of(inspection)["flows"]
    subject.narrow()
    return subject


def test_of_a_large_table_some_rows_are_known(inspection: Inspection) -> None:
    assert len(inspection.model.known["flows"]) == KNOWN
    assert inspection.model.partial == {"flows"}
    assert list(verify.remarks(inspection)) == [
        "`flows` has more rows than are read; what is said of it is said of 2,000 of them."
    ]


def test_its_filters_are_asked_of_some_rows(inspection: Inspection) -> None:
    subject = narrowed(inspection)
    every = subject.answers.every()
    assert len(every) == SOME
    assert every <= inspection.model.known["flows"].keys()
    even = subject.answers.whole({"flow_runs": {}})
    assert frozenset() < even < every


LEAVES = ["flows.id.any_", "flows.name.like_", "flows.tags.all_", "flow_runs.id.any_", "flow_runs.name.like_"]


def checked(inspection: Inspection, subject: Subject) -> None:
    for name in LEAVES:
        single_criteria.check(subject, subject.leaves[tuple(name.split("."))])


def test_an_honest_server_keeps_the_rules_about_it(inspection: Inspection) -> None:
    subject = narrowed(inspection)
    checked(inspection, subject)
    combined_criteria.check(subject, Generator((), inspection.samples, inspection.random))
    listings.check(inspection, subject)
    for lookup in inspection.surface.reads:
        lookups.check(inspection, lookup)
    writes.check(inspection, subject)
    assert clean_up(inspection) == []
    assert inspection.ledger.verdict.violations == []


def test_a_liar_is_found_out(large: ASGIApp, inspector: Inspector) -> None:
    app = Proxy(Inside(large), asks("POST /flows/filter", drop("flow_runs")))
    with inspector.inspected(app) as inspection:
        inspector.learn(inspection)
        inspection.ledger.run(partial(checked, inspection, narrowed(inspection)))
        violations = inspection.ledger.verdict.violations
    assert "nobody" in {violation.rule.name for violation in violations}
    assert all("flow_runs" in violation.subject for violation in violations)
