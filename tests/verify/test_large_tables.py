"""A table with more rows than are read: correct checks of a part of its rows."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from starlette.types import ASGIApp

from tests import jsonl
from tests.apps import app_on
from tests.mutants.behaviours import reads_with, sends
from tests.mutants.known import MUTANTS
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.sampling.random_requests import RequestGenerator
from understudy.verify import verify, write_parts
from understudy.verify.check_context import MOST_PAGES, CheckContext
from understudy.verify.checks import combined_criteria, listings, lookups, single_criteria, writes
from understudy.verify.cleanup import clean_up
from understudy.verify.filtered_rows.table_under_test import SOME, TableUnderTest
from understudy.verify.suite import subjects_of

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
def context(large: ASGIApp, context_factory: ContextFactory) -> Iterator[CheckContext]:
    with context_factory.context_of(large) as context:
        yield context_factory.learn(context)


def narrowed(context: CheckContext) -> TableUnderTest:
    subject = subjects_of(context)["flows"]
    subject.narrow()
    return subject


def test_counts_and_pages_are_those_of_the_selected_rows(context: CheckContext) -> None:
    selected = narrowed(context).selected
    counts, pages = selected.selection.counts, selected.selection.pages
    assert counts is not None
    assert pages is not None
    assert selected.miscounted(counts, {}) is None
    assert selected.mispaged(pages, {}) is None


def test_some_rows_of_a_large_table_are_known(context: CheckContext) -> None:
    assert len(context.model.known["flows"]) == KNOWN
    assert context.model.partial == {"flows"}
    assert list(verify.remarks(context)) == ["`flows` has more rows than are read; the checks use 2,000 of them."]


def test_filters_are_applied_to_some_rows(context: CheckContext) -> None:
    subject = narrowed(context)
    every = subject.selected.every()
    assert len(every) == SOME
    assert every <= context.model.known["flows"].keys()
    even = subject.selected.whole({"flow_runs": {}})
    assert frozenset() < even < every


LEAVES = ["flows.id.any_", "flows.name.like_", "flows.tags.all_", "flow_runs.id.any_", "flow_runs.name.like_"]


def checked(context: CheckContext, subject: TableUnderTest) -> None:
    for name in LEAVES:
        single_criteria.check(subject, subject.field_operators[tuple(name.split("."))])
        single_criteria.check_edges(subject, subject.field_operators[tuple(name.split("."))])
        single_criteria.check_others(subject, subject.field_operators[tuple(name.split("."))])


def test_correct_server_has_no_violations(context: CheckContext) -> None:
    subject = narrowed(context)
    checked(context, subject)
    combined_criteria.check(subject, RequestGenerator((), context.samples, context.random))
    listings.check(context, subject)
    for lookup in context.endpoint_map.reads:
        lookups.check(context, lookup)
    writes.check(context, subject)
    assert clean_up(context) == []
    assert context.results.verdict.violations == []


def test_broken_server_is_detected(large: ASGIApp, context_factory: ContextFactory) -> None:
    app = Proxy(Inside(large), reads_with("POST /flows/filter", drop("flow_runs")))
    with context_factory.context_of(app) as context:
        context_factory.learn(context)
        context.results.run(partial(checked, context, narrowed(context)))
        violations = context.results.verdict.violations
    assert "no match" in {violation.rule.name for violation in violations}
    assert all("flow_runs" in violation.subject for violation in violations)


@pytest.fixture(scope="module")
def logs(api: Api, tmp_path_factory: pytest.TempPathFactory) -> ASGIApp:
    """A server with more logs than are read, in runs of which some are read partially."""
    folder = tmp_path_factory.mktemp("logs")
    stamps = {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
    flow = {"id": str(UUID(int=1, version=4)), **stamps, "name": "flow"}
    runs = [str(UUID(int=number, version=4)) for number in range(100, 150)]
    words = ["one two three", "three two one", "two one"]
    rows = [
        {
            "id": str(UUID(int=number, version=4)),
            **stamps,
            "name": "logger",
            "level": 20,
            "message": words[number % len(words)],
            "timestamp": f"2026-01-01T00:00:00.{number:06}Z",
            "flow_run_id": runs[number % len(runs)],
        }
        for number in range(ROWS)
    ]
    jsonl.write(folder / "flows.jsonl", [flow])
    jsonl.write(
        folder / "flow_runs.jsonl", [{"id": run, **stamps, "name": "run", "flow_id": flow["id"]} for run in runs]
    )
    jsonl.write(folder / "logs.jsonl", rows)
    return app_on(folder, api)


def without_quotes(body: dict[str, Any]) -> dict[str, Any]:
    text = (body.get("logs") or {}).get("text")
    return {**body, "logs": {**body["logs"], "text": {"query": text["query"].replace('"', "")}}} if text else body


@pytest.mark.parametrize(
    ("behaviour", "broken"), [(unchanged, False), (sends("POST /logs/filter", without_quotes), True)]
)
def test_large_table_without_a_filter_by_id(logs: ASGIApp, behaviour: Behaviour, broken: bool) -> None:
    factory = ContextFactory(Contract.load(own_folder() / "openapi.yaml"))
    with factory.context_of(Proxy(Inside(logs), behaviour)) as context:
        factory.learn(context)
        subject = subjects_of(context)["logs"]
        subject.narrow()
        every = subject.selected.every()
        assert SOME <= len(every) < KNOWN
        for names in (("logs", "text", "query"), ("logs", "flow_run_id", "any_"), ("logs", "timestamp", "after_")):
            single_criteria.check(subject, subject.field_operators[names])
        assert context.results.verdict.errors == []
        subjects = {violation.subject for violation in context.results.verdict.violations}
    assert subjects == ({"logs.text.query"} if broken else set())


@pytest.fixture(scope="module")
def two_pages(api: Api, tmp_path_factory: pytest.TempPathFactory) -> ASGIApp:
    """A server with more artifacts than one response lists."""
    folder = tmp_path_factory.mktemp("pages")
    stamps = {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
    rows = [
        {"id": str(UUID(int=number, version=4)), **stamps, "key": f"key-{number}", "type": "table"}
        for number in range(PAGE + 50)
    ]
    jsonl.write(folder / "artifacts.jsonl", rows)
    return app_on(folder, api)


@pytest.mark.parametrize(("name", "broken"), [("unchanged", False), ("deleted-still-listed", True)])
def test_created_rows_are_tested_although_only_some_others_are(
    two_pages: ASGIApp, context_factory: ContextFactory, name: str, broken: bool
) -> None:
    behaviours = {"unchanged": unchanged, **{mutant.name: mutant.behaviour for mutant in MUTANTS}}
    with context_factory.context_of(Proxy(Inside(two_pages), behaviours[name])) as context:
        context_factory.learn(context)
        subjects = subjects_of(context)
        subjects["artifacts"].narrow()
        for part in (part for kind in write_parts.changes_of(context, subjects) for part in kind):
            context.results.run(part.task)
        assert context.results.verdict.errors == []
        violations = {violation.rule.name for violation in context.results.verdict.violations}
    assert ("delete" in violations) is broken
