"""A row of each writable table, independent of its handler."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from unicodedata import normalize

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import replies, sends, when
from tests.mutants.exchange import Answer, Request
from tests.mutants.generated import generated
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import at, drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.reports.verdict import Violation
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import create_to_delete
from understudy.verify.cleanup import clean_up

WRITABLE = {
    "artifacts", "flows", "flow_runs", "task_runs", "deployments", "variables", "concurrency_limits",
    "concurrency_limits_v2", "saved_searches", "block_types", "block_documents", "block_schemas", "work_pools",
    "work_queues", "automations",
}  # fmt: skip


@pytest.fixture(scope="module")
def all_tables() -> ContextFactory:
    return ContextFactory(Contract.load(own_folder() / "openapi.yaml"))


@pytest.fixture
def live(all_tables: ContextFactory, api: Api) -> Callable[[Behaviour, str], list[Violation]]:
    """Checks one row of a table on a server; the violations."""

    def check(behaviour: Behaviour, table: str) -> list[Violation]:
        with all_tables.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            context.results.run(partial(create_to_delete.check, context, table))
            assert context.results.verdict.errors == []
            return context.results.verdict.violations

    return check


def test_writable_tables(all_tables: ContextFactory, api: Api) -> None:
    with all_tables.context_of(app_on(SMALL, api)) as context:
        assert set(create_to_delete.tables(context.endpoint_map)) == WRITABLE


def test_correct_server_has_no_violations_and_no_remaining_rows(all_tables: ContextFactory, api: Api) -> None:
    with all_tables.context_of(app_on(SMALL, api)) as context:
        before = rows(context)
        for table in create_to_delete.tables(context.endpoint_map):
            context.results.run(partial(create_to_delete.check, context, table))
        assert clean_up(context) == []
        assert rows(context) == before
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors, verdict.notes) == ([], [], [])


def rows(context: CheckContext) -> dict[str, int]:
    """How many rows of each table are listed. A new queue for agents remains, as on a real server."""
    selections = context.endpoint_map.selections.items()
    kept = ("work_queues", "work_pools")
    return {table: len(context.shown(each.lists, {})) for table, each in selections if table not in kept}


def ignores(label: str, name: str) -> Behaviour:
    return sends(label, drop(name))


def clears(operation: str, name: str) -> Behaviour:
    """An update of other fields clears a field."""
    change = sends(operation, lambda body: {**body, name: None})
    return when(lambda request: bool(request.json) and name not in request.json, change)


def answers_not_found_with(operation: str, status: int) -> Behaviour:
    def change(request: Request, answer: Answer) -> Answer:
        return answer.saying(answer.json, status) if answer.status == 404 else answer

    return replies(operation, change)


def answers_conflict_with(operation: str, status: int) -> Behaviour:
    def change(request: Request, answer: Answer) -> Answer:
        return answer.saying(answer.json, status) if answer.status == 409 else answer

    return replies(operation, change)


def later(operation: str, name: str) -> Behaviour:
    """A create of an existing row does not change a field."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        if not request.is_a(operation):
            return await broken.ask(request)
        key = next(value for field, value in request.json.items() if field in ("name", "tag"))
        known = broken.memory.setdefault(key, request.json.get(name))
        return await broken.ask(request.saying({**request.json, name: known}))

    return behave


def remembers(operation: str) -> Behaviour:
    """The first response to a request, if it is a row, is returned from then on."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        if not request.is_a(operation):
            return await broken.ask(request)
        answer = broken.memory.get(request.path) or await broken.ask(request)
        if answer.is_success:
            broken.memory[request.path] = answer
        return answer

    return behave


def remembers_names(by_name: str, by_id: str) -> Behaviour:
    """Rows are still found by the names that they have been found by."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        if not request.is_a(by_name):
            return answer
        if answer.is_success:
            broken.memory[request.path] = answer.json["id"]
        row_id = broken.memory.get(request.path)
        return answer if row_id is None else await broken.ask(replace(request, path=by_id.format(row_id)))

    return behave


def in_basic_plane(body: dict[str, Any]) -> dict[str, Any]:
    """A body in which characters beyond the Basic Multilingual Plane are question marks."""
    text = json.dumps(body, ensure_ascii=False)
    return dict(json.loads("".join("?" if ord(each) > 0xFFFF else each for each in text)))


def renamed(request: Request, answer: Answer) -> Answer:
    return answer.saying({**answer.json, "name": "another"}) if answer.is_success and answer.body else answer


def unmerged(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "merge_existing_data": False}


def keeps_null(operation: str) -> Behaviour:
    """An update to null is not made."""
    return sends(operation, lambda body: {name: value for name, value in body.items() if value is not None})


def not_updated(request: Request, answer: Answer) -> Answer:
    """The time of a row's last update is always that of its creation."""
    if not answer.is_success or not isinstance(answer.json, dict):
        return answer
    return answer.saying({**answer.json, "updated": answer.json["created"]})


def without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "parameters": {name: part for name, part in body["parameters"].items() if part is not None}}


def with_newlines(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "description": body["description"].replace("\r\n", "\n")}


def ignores_empty(operation: str, name: str) -> Behaviour:
    """A value that is false, zero or empty is treated as missing."""
    return sends(operation, lambda body: body if body.get(name, True) else drop(name)(body))


def sorted_by_creation(body: dict[str, Any]) -> dict[str, Any]:
    """A list sorted by the time of the last change is sorted by that of the creation."""
    return {**body, "sort": "CREATED_DESC"} if body.get("sort") == "UPDATED_DESC" else body


def remembers_lists(label: str) -> Behaviour:
    """Lists, pages or counts are cached until a row is created or deleted."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        if request.is_a(label):
            key = "list", request.body
            answer: Answer = broken.memory.get(key) or await broken.ask(request)
            broken.memory[key] = answer
            return answer
        if request.is_a("POST .*/|DELETE .*"):
            broken.memory.clear()
        return await broken.ask(request)

    return behave


def caches(queries: str, changes: str) -> Behaviour:
    """Lists, pages or counts are cached until a change of another kind."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        if not request.is_a(queries):
            if request.method != "GET" and not request.is_a(f"{changes}|.*/(filter|count|paginate)"):
                broken.memory.clear()
            return await broken.ask(request)
        answer: Answer = broken.memory.get(request.body) or await broken.ask(request)
        broken.memory[request.body] = answer
        return answer

    return behave


def counts_the_deleted(path: str) -> Behaviour:
    """Deleted rows are still counted."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        if request.method == "DELETE" and request.path.startswith(path) and answer.is_success:
            broken.memory[request.path] = True
        if request.is_a(f"POST {path}count") and answer.is_success:
            return answer.changed(lambda count: count + len(broken.memory))
        return answer

    return behave


@pytest.mark.parametrize(
    ("table", "rule", "behaviour"),
    [
        ("automations", "found", remembers_lists("POST /automations/filter")),
        ("variables", "found", remembers_lists("POST /variables/filter")),
        ("flows", "found", caches("POST /flows/count", "POST /flows/")),
        ("deployments", "found", caches("POST /deployments/paginate", "POST /(deployments|flows)/")),
        ("variables", "found", caches("POST /variables/count", "PATCH .*")),
        ("flow_runs", "found", caches("POST /flow_runs/filter", "PATCH .*")),
        ("deployments", "found", caches("POST /deployments/count", "PATCH .*")),
        ("work_pools", "delete", caches("POST /work_pools/count", "DELETE .*")),
        ("variables", "delete", caches("POST /variables/filter", "DELETE .*")),
        ("variables", "delete", counts_the_deleted("/variables/")),
        ("flow_runs", "found", remembers_lists("POST /flow_runs/paginate")),
        ("work_pools", "create", ignores("POST /work_pools/", "description")),
        ("variables", "create", sends("POST /variables/", lambda body: {**body, "tags": sorted(body["tags"])})),
        ("deployments", "update", clears(r"PATCH /deployments/[^/]+", "description")),
        ("work_queues", "update", ignores(r"PATCH /work_queues/[^/]+", "priority")),
        ("work_pools", "update", ignores(r"PATCH /work_pools/[^/]+", "is_paused")),
        ("flow_runs", "delete", answers_not_found_with(r"DELETE /flow_runs/[^/]+", 400)),
        ("variables", "delete", answers_not_found_with(r"DELETE /variables/[0-9a-f-]{36}", 400)),
        ("variables", "update", ignores(r"PATCH /variables/[0-9a-f-]{36}", "value")),
        ("variables", "sort", sends("POST /variables/filter", sorted_by_creation)),
        ("flows", "sort", sends("POST /flows/filter", sorted_by_creation)),
        ("variables", "unique", answers_conflict_with(r"PATCH /variables/.*", 400)),
        ("work_pools", "update", ignores(r"PATCH /work_pools/[^/]+/queues/[^/]+", "priority")),
        ("work_pools", "unique", answers_conflict_with(r"PATCH /work_pools/[^/]+/queues/[^/]+", 204)),
        ("work_pools", "lookup", replies(r"GET /work_pools/[^/]+/queues/[^/]+", renamed)),
        ("variables", "lookup", remembers("GET /variables/name/[^/]+")),
        ("variables", "lookup", remembers_names("GET /variables/name/[^/]+", "/variables/{}")),
        ("variables", "create", sends("POST /variables/", in_basic_plane)),
        ("block_documents", "create", sends("POST /block_documents/", in_basic_plane)),
        ("saved_searches", "unique", later(r"PUT /saved_searches/", "filters")),
        ("deployments", "unique", later("POST /deployments/", "description")),
        ("concurrency_limits", "unique", later("POST /concurrency_limits/", "concurrency_limit")),
        ("automations", "update", ignores(r"PUT /automations/.*", "description")),
        ("automations", "create", ignores("POST /automations/", "tags")),
        ("block_documents", "update", sends(r"PATCH /block_documents/.*", unmerged)),
        ("block_types", "update", keeps_null(r"PATCH /block_types/.*")),
        ("work_pools", "update", ignores_empty(r"PATCH /work_pools/[^/]+", "concurrency_limit")),
        ("variables", "update", ignores_empty(r"PATCH /variables/.*", "tags")),
        ("work_pools", "create", ignores_empty("POST /work_pools/", "concurrency_limit")),
        ("variables", "create", sends("POST /variables/", lambda body: {**body, "value": body["value"] or None})),
        ("automations", "create", ignores_empty("POST /automations/", "enabled")),
        ("artifacts", "create", sends("POST /artifacts/", at("description", lambda text: text[:65_535]))),
        ("flows", "create", sends("POST /flows/", at("name", partial(normalize, "NFC")))),
        ("concurrency_limits_v2", "update", replies(r"GET /v2/concurrency_limits/[^/]+", not_updated)),
        (
            "flow_runs",
            "create",
            when(lambda request: "parameters" in request.json, sends("POST /flow_runs/", without_nulls)),
        ),
        (
            "artifacts",
            "create",
            when(lambda request: "description" in request.json, sends("POST /artifacts/", with_newlines)),
        ),
    ],
)
def test_violations(
    live: Callable[[Behaviour, str], list[Violation]], table: str, rule: str, behaviour: Behaviour
) -> None:
    assert live(unchanged, table) == []
    assert rule in {violation.rule.name for violation in live(behaviour, table)}


@pytest.mark.parametrize("table", sorted(WRITABLE))
def test_delete_without_effect(
    live: Callable[[Behaviour, str], list[Violation]], all_tables: ContextFactory, table: str
) -> None:
    label = all_tables.endpoint_map.deletes[table].endpoint.label
    mutant = next(each for each in generated(all_tables.contract) if each.name == f"{label}:not")
    assert {violation.rule.name for violation in live(mutant.behaviour, table)} >= {"delete"}
