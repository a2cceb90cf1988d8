"""One invalid body and an outdated version for each operation."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import replies
from tests.mutants.exchange import Answer, Request
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.verify import read_parts, write_parts
from understudy.verify.cleanup import clean_up
from understudy.verify.requests.operation_names import every


@pytest.fixture
def failed(all_operations: ContextFactory, api: Api) -> Callable[[Behaviour], set[str]]:
    """The operations that a server answers wrongly."""

    def check(behaviour: Behaviour) -> set[str]:
        with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            parts = [
                *read_parts.first_refusals(context, every),
                *write_parts.first_refused_changes(context, every),
            ]
            for part in parts:
                context.results.run(part.task)
            assert context.results.verdict.errors == []
            assert not any(context.own.made.values())
            assert clean_up(context) == []
            return {each.operation for each in context.results.verdict.violations}

    return check


def answered_with(operation: str, status: int, other: int) -> Behaviour:
    """Another status is returned."""

    def change(_: Request, answer: Answer) -> Answer:
        return replace(answer, status=other) if answer.status == status else answer

    return replies(operation, change)


async def reads_invalid_json_as_empty(request: Request, broken: BrokenServer) -> Answer:
    is_invalid = request.is_a("POST /flows/count") and request.body == b"{bad"
    return await broken.ask(request.saying({}) if is_invalid else request)


def test_body_that_is_not_json(failed: Callable[[Behaviour], set[str]]) -> None:
    assert failed(reads_invalid_json_as_empty) == {"POST /flows/count"}


async def reads_negative_as_zero(request: Request, broken: BrokenServer) -> Answer:
    body = request.json if request.is_a("POST /logs/filter") and isinstance(request.json, dict) else {}
    return await broken.ask(request.saying({**body, "offset": 0}) if body.get("offset") == -1 else request)


def test_number_beyond_its_bound(failed: Callable[[Behaviour], set[str]]) -> None:
    assert failed(reads_negative_as_zero) == {"POST /logs/filter"}


def test_largest_number_is_refused(failed: Callable[[Behaviour], set[str]]) -> None:
    def refuse(request: Request, answer: Answer) -> Answer:
        return replace(answer, status=422) if request.body == b'{"limit": 200}' else answer

    assert failed(replies("POST /flow_runs/filter", refuse)) == {"POST /flow_runs/filter"}


def test_correct_server(failed: Callable[[Behaviour], set[str]]) -> None:
    assert failed(unchanged) == set()


@pytest.mark.parametrize(("label", "pattern", "status"), [
    ("POST /variables/filter", "POST /variables/filter", 422),
    ("POST /variables/filter", "POST /variables/filter", 400),
    ("PATCH /work_pools/{name}", "PATCH /work_pools/[^/]+", 422),
    ("POST /flow_runs/{id}/set_state", "POST /flow_runs/[^/]+/set_state", 400),
    ("POST /flows/", "POST /flows/", 422),
    ("GET /version", "GET /version", 200),
    ("TRACE /templates/validate", "TRACE /templates/validate", 405),
])  # fmt: skip
def test_other_status(failed: Callable[[Behaviour], set[str]], label: str, pattern: str, status: int) -> None:
    assert failed(answered_with(pattern, status, 418)) == {label}
