"""Schemathesis as a part of `verify`: its requests, their number, and its reported findings."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from tests import jsonl
from tests.conftest import SMALL
from tests.mutants.behaviours import replies
from tests.mutants.exchange import Answer, Request
from tests.mutants.mutant import BrokenServer
from tests.servers import stand_in
from tests.verify.reduced import reduced_contract
from tests.verify.servers import everything, mutated, watched
from understudy.contract.catalog import Catalog
from understudy.network.network import DEFAULT_NETWORK
from understudy.reports.verdict import Verdict
from understudy.sampling.http_client import client
from understudy.sampling.random_requests import safe_operations
from understudy.terminal.interrupts import Interrupts
from understudy.verify import verify
from understudy.verify.check_context import CheckContext
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.model import Model
from understudy.verify.expectations.request_interpreter import RequestInterpreter
from understudy.verify.fuzzing import PROBES, Fuzzing, fits, limit_of
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.throttled_client import BudgetSpent, ThrottledClient

CONTRACT = reduced_contract()
LIST = "POST /artifacts/filter"
HEADERS = {"x-mine": "1"}
INTERRUPTED = 300  # requests before an interrupt
OVER = 5  # requests that Schemathesis may send after the signal to stop
SAFE = [path for method, path, _ in safe_operations(CONTRACT) if method == "POST"]


@pytest.fixture
def strict() -> Iterator[httpx.Client]:
    with stand_in(SMALL, "--strict") as api:
        yield api


@contextmanager
def context_of(url: str, budget: int) -> Iterator[CheckContext]:
    catalog, endpoint_map = Catalog.of(CONTRACT), EndpointMap.of(CONTRACT)
    interpreter, model = RequestInterpreter(endpoint_map, catalog, strict=True), Model(endpoint_map.selections, catalog)
    with client(url, HEADERS) as server:
        throttled_client = ThrottledClient(server, budget, None)
        yield CheckContext(endpoint_map, interpreter, model, throttled_client, random.Random(1), Verdict(url, 1))


def fuzz(context: CheckContext, *, allow_writes: bool) -> None:
    Fuzzing(context, CONTRACT, HEADERS, None, allow_writes=allow_writes).run()


def test_runs_are_independent(strict: httpx.Client) -> None:
    """Schemathesis' cache would send requests of an earlier run again, with any seed and operations."""
    with context_of(str(strict.base_url), 1) as context:
        fuzzing = Fuzzing(context, CONTRACT, HEADERS, None, allow_writes=False)
        assert not fuzzing._config(HEADERS, None, DEFAULT_NETWORK).cache.enabled


def test_interrupt_ends_it_and_created_rows_are_known(strict: httpx.Client) -> None:
    before = everything(strict)
    sent: list[int] = []

    async def interrupt(request: Request, broken: BrokenServer) -> Answer:
        sent.append(0)
        if len(sent) == INTERRUPTED:
            os.kill(os.getpid(), signal.SIGINT)
        return await broken.ask(request)

    with mutated(interrupt, strict) as url, context_of(url, 5000) as context:
        with Interrupts() as interrupts:
            fuzz(context, allow_writes=True)
        assert interrupts.status == 130
        assert INTERRUPTED <= len(sent) < 4000
        assert clean_up(context) == []
    assert everything(strict) == before


def is_safe(request: Request) -> bool:
    return request.method in ("GET", "TRACE") or (request.method == "POST" and request.path.partition("?")[0] in SAFE)


@pytest.mark.parametrize("budget", range(PROBES + 1))
def test_fuzzing_does_not_start_without_remaining_budget(small: httpx.Client, budget: int) -> None:
    with watched(small) as (url, log), context_of(url, budget) as context:
        files = {"fixtures": None, "known": None, "junit": None, "json": None, "html": None}
        asked = {"max_requests": budget, "rate": None, "seed": 1, "strict": False, "allow_writes": False}
        plan = verify.Plan(url=url, headers=(), auth=None, **files, **asked)  # type: ignore[arg-type]
        with pytest.raises(BudgetSpent):
            verify.fuzz(plan, CONTRACT, context, lambda share: None)
    assert log == []


def test_fuzzing_is_read_only_by_default(strict: httpx.Client) -> None:
    before = everything(strict)
    with watched(strict) as (url, log), context_of(url, 400) as context:
        fuzz(context, allow_writes=False)
    assert [request.operation for request in log if not is_safe(request)] == []
    assert everything(strict) == before
    assert context.results.verdict.violations == []
    assert {request.headers.get("x-mine") for request in log} == {"1"}


def test_fuzzing_writes_only_to_its_own_rows(strict: httpx.Client) -> None:
    before, ids = everything(strict), {row["id"] for path in SMALL.glob("*.jsonl") for row in jsonl.read(path)}
    with watched(strict) as (url, log), context_of(url, 800) as context:
        fuzz(context, allow_writes=True)
        made = sum(map(len, context.own.made.values()))
        assert clean_up(context) == []
        mark = context.own.prefix
    assert made > 0
    named = [request.json["name"] for request in log if request.operation == "POST /flows/" and "name" in request.json]
    assert any(name.startswith(mark) for name in named), "so that no existing row has the name"
    assert not any(request.is_a(".* /flows/bulk_delete") and request.method != "TRACE" for request in log)
    changed = {request.path.rpartition("/")[2] for request in log if request.method in ("PATCH", "DELETE")}
    assert changed
    assert changed & ids == set()
    assert everything(strict) == before
    assert context.results.verdict.violations == []


@pytest.mark.parametrize("budget", [1, 40, 200])
def test_fuzzing_stops_when_the_budget_is_spent(small: httpx.Client, budget: int) -> None:
    with watched(small) as (url, log), context_of(url, budget) as context:
        fuzz(context, allow_writes=False)
    assert budget <= len(log) <= budget + OVER


def test_all_requests_are_counted(small: httpx.Client) -> None:
    with watched(small) as (url, log), context_of(url, 100) as context:
        fuzz(context, allow_writes=False)
    assert context.throttled_client.asked == len(log)


def failing(request: Request, answer: Answer) -> Answer:
    return replace(answer, status=500) if answer.is_success and request.json.get("limit") else answer


def test_server_error_is_reported_with_a_small_request(small: httpx.Client) -> None:
    with mutated(replies(LIST, failing), small) as url, context_of(url, 300) as context:
        fuzz(context, allow_writes=False)
    violations = context.results.verdict.violations
    assert "schemathesis not_a_server_error" in {violation.rule.name for violation in violations}
    assert {(violation.operation, violation.subject) for violation in violations} == {(LIST, "limit")}
    assert all(set(violation.requests[0].body) == {"limit"} for violation in violations)
    assert any("Server error" in violation.found for violation in violations)


PATHS = {"any text": ("a%20b%3F", True), "a line end": ("a%0Ab", False), "nothing but a line end": ("%0A", False)}


@pytest.mark.parametrize("text", PATHS)
def test_operation_has_the_paths_that_a_server_routes_to_it(text: str, small: httpx.Client) -> None:
    value, is_its_path = PATHS[text]
    endpoint = next(each for each in EndpointMap.of(CONTRACT).endpoints if each.label == "GET /artifacts/{key}/latest")
    assert fits(endpoint, {"key": value}) == is_its_path
    answer = small.get(f"/artifacts/{value}/latest")
    assert answer.json() == {"detail": "Artifact not found." if is_its_path else "Not Found"}


LIMITS = {0.0001: "1/h", 0.5: "1800/h", 1: "1/s", 2.7: "2/s", 50: "50/s"}


@pytest.mark.parametrize("rate", LIMITS)
def test_rate_is_passed_in_whole_numbers(rate: float) -> None:
    assert limit_of(rate) == LIMITS[rate]
