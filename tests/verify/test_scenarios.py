"""Sequences of requests in the contract."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import replies, sends, when
from tests.mutants.exchange import Answer as Reply
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy, proxied
from tests.servers import stand_in
from tests.verify.contexts import ContextFactory
from tests.verify.reduced import reduced_contract
from tests.verify.servers import url_of
from understudy.contract.contract import Place
from understudy.contract.scenario_files import ScenarioFiles
from understudy.operations.api_folder import Api
from understudy.sampling.answers import Answer
from understudy.verify.checks import scenarios
from understudy.verify.checks.scenarios import part_of, unexpected
from understudy.verify.cleanup import clean_up
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.scenario_requests import filled, follows_link, request_of
from understudy.verify.requests.scenario_requests import scenarios as all_scenarios


@pytest.fixture
def failed(all_operations: ContextFactory, api: Api) -> Callable[..., set[str]]:
    """Sends the requests of all scenarios to a server, or those of one operation; the operations that fail."""

    def check(behaviour: Behaviour, operation: str = "") -> set[str]:
        with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            for each in all_scenarios(context.endpoint_map):
                if operation in ("", each.endpoint.label) and not each.has_streams:
                    context.results.run(partial(scenarios.check, context, each))
            assert context.results.verdict.errors == []
            assert sum(map(len, context.own.made.values())) == 0, "rows are deleted after each scenario"
            assert clean_up(context) == []
            return {
                each.operation
                for each in context.results.verdict.violations
                if each.rule.name in ("scenario", "response")
            }

    return check


def shows(operation: str, change: Callable[[Any], Any]) -> Behaviour:
    """The content of a response is replaced."""

    def changed(_: Sent, answer: Reply) -> Reply:
        return answer.saying(change(answer.json)) if answer.is_success and answer.body else answer

    return replies(operation, changed)


def accepts(operation: str) -> Behaviour:
    """A rejected state is reported as accepted."""
    return shows(operation, lambda result: {**result, "status": "ACCEPT"})


def test_correct_server(failed: Callable[..., set[str]]) -> None:
    assert failed(unchanged) == set()


ID = "[0-9a-f-]{36}"


async def takes_slots_one_by_one(request: Sent, broken: BrokenServer) -> Reply:
    """Free slots stay taken if those of another limit are not free."""
    answer = await broken.ask(request)
    if request.is_a("POST /v2/concurrency_limits/increment") and answer.status == 423:
        for name in request.json["names"]:
            await broken.ask(request.saying({**request.json, "names": [name]}))
    return answer


async def not_together(request: Sent, broken: BrokenServer) -> Reply:
    """Several clients that take slots at the same time all get the response of the first one."""
    if not request.is_a("POST /v2/concurrency_limits/increment"):
        return await broken.ask(request)
    if broken.memory.get("first") is None:
        broken.memory["first"] = asyncio.ensure_future(broken.ask(request))
        await asyncio.sleep(0.1)
        first, broken.memory["first"] = broken.memory["first"], None
    else:
        first = broken.memory["first"]
    reply: Reply = await first
    return reply


async def one_run_of_a_key(request: Sent, broken: BrokenServer) -> Reply:
    """An idempotency key applies to all flows."""
    key = request.json.get("idempotency_key") if request.is_a("POST /flow_runs/") else None
    if key is not None:
        flow = broken.memory.setdefault(key, request.json["flow_id"])
        return await broken.ask(request.saying({**request.json, "flow_id": flow}))
    return await broken.ask(request)


async def merges_parameters(request: Sent, broken: BrokenServer) -> Reply:
    """An update adds parameters to the existing ones."""
    if request.is_a(f"PATCH /deployments/{ID}") and request.json.get("parameters"):
        row = (await broken.ask(request.to("GET", request.path))).json
        return await broken.ask(
            request.saying({**request.json, "parameters": {**row["parameters"], **request.json["parameters"]}})
        )
    return await broken.ask(request)


async def frees_all_slots(request: Sent, broken: BrokenServer) -> Reply:
    """A task run that releases its slot also releases those of others."""
    answer = await broken.ask(request)
    if request.is_a("POST /concurrency_limits/decrement"):
        for name in request.json["names"]:
            await broken.ask(request.to("POST", f"/concurrency_limits/tag/{name}/reset"))
    return answer


def without_fractions(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "timestamp": f"{state['timestamp'][:19]}Z"}


def fails_without_end(run: dict[str, Any]) -> dict[str, Any]:
    return {**run, "end_time": None} if run["state_type"] == "FAILED" else run


def without_query(path: str) -> Behaviour:
    """The query of a GET request is ignored."""

    async def behave(request: Sent, broken: BrokenServer) -> Reply:
        if request.is_a(f"GET {path}"):
            return await broken.ask(request.to("GET", request.path.partition("?")[0]))
        return await broken.ask(request)

    return behave


def keeps_filters(operation: str) -> Behaviour:
    """A replacement without a list keeps the list of the row."""

    async def behave(request: Sent, broken: BrokenServer) -> Reply:
        rows = (await broken.ask(request.to("POST", "/saved_searches/filter"))).json
        row = next((row for row in rows if row["name"] == request.json.get("name")), None)
        if request.is_a(operation) and row is not None:
            return await broken.ask(request.saying({**request.json, "filters": row["filters"]}))
        return await broken.ask(request)

    return behave


def without_late(intervals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Only states with the usual names are counted."""
    return [
        {**each, "states": [state for state in each["states"] if state["state_name"] != "Late"]} for each in intervals
    ]


def without_zeros(counts: dict[str, int]) -> dict[str, int]:
    return {key: count for key, count in counts.items() if count}


def without_quotes(body: dict[str, Any]) -> dict[str, Any]:
    text = body["logs"].get("text")
    changed = {"text": {"query": text["query"].replace('"', "")}} if text else {}
    return {**body, "logs": {**body["logs"], **changed}}


@pytest.mark.parametrize(
    ("operation", "behaviour"),
    [
        ("POST /flow_runs/{id}/set_state", accepts(f"POST /flow_runs/{ID}/set_state")),
        ("POST /flow_runs/{id}/set_state", shows(f"GET /flow_runs/{ID}", lambda run: {**run, "run_count": 0})),
        ("POST /flow_runs/{id}/set_state", shows(f"GET /flow_runs/{ID}", lambda run: {**run, "start_time": None})),
        ("POST /flow_runs/{id}/set_state", shows("GET /flow_run_states/", lambda states: states[::-1])),
        ("POST /task_runs/{id}/set_state", shows("GET /task_run_states/", lambda states: states[1:])),
        ("POST /flow_runs/history", shows("POST /flow_runs/history", lambda intervals: intervals[:-1])),
        ("POST /flow_runs/{id}/input", sends(f"POST /flow_runs/{ID}/input/filter", drop("prefix"))),
        (
            "POST /deployments/{id}/schedules",
            sends(f"PATCH /deployments/{ID}/schedules/{ID}", drop("active")),
        ),
        (
            "POST /v2/concurrency_limits/increment",
            sends("POST /v2/concurrency_limits/decrement", lambda body: {**body, "slots": 1}),
        ),
        ("POST /v2/concurrency_limits/increment", takes_slots_one_by_one),
        ("POST /flow_runs/", one_run_of_a_key),
        (
            "POST /flow_runs/{id}/set_state",
            shows(f"GET /flow_runs/{ID}", lambda run: {**run, "run_count": min(run["run_count"], 1)}),
        ),
        ("POST /flow_runs/history", shows("POST /flow_runs/history", without_late)),
        ("POST /flow_runs/{id}/resume", shows(f"GET /flow_runs/{ID}", lambda run: {**run, "end_time": run["updated"]})),
        ("GET /flow_runs/{id}/graph-v2", without_query(f"/flow_runs/{ID}/graph-v2")),
        ("POST /flow_runs/", shows("POST /ui/flow_runs/count-task-runs", without_zeros)),
        ("POST /deployments/", shows("POST /ui/flows/count-deployments", without_zeros)),
        ("POST /deployments/", merges_parameters),
        ("POST /flows/bulk_delete", shows("POST /flows/bulk_delete", lambda _: {"deleted": []})),
        ("POST /logs/filter", sends("POST /logs/filter", without_quotes)),
        ("PATCH /variables/name/{name}", sends("PATCH /variables/name/[^/]+", drop("name"))),
        ("POST /task_runs/history", shows("POST /task_runs/history", lambda intervals: intervals[::-1])),
        (
            "PUT /saved_searches/",
            when(lambda request: "filters" not in request.json, keeps_filters("PUT /saved_searches/")),
        ),
        ("POST /flow_runs/{id}/set_state", shows(f"GET /flow_run_states/{ID}", without_fractions)),
        ("POST /task_runs/{id}/set_state", shows(f"GET /task_runs/{ID}", fails_without_end)),
        ("POST /concurrency_limits/increment", frees_all_slots),
        ("POST /deployments/{id}/create_flow_run", sends(f"POST /deployments/{ID}/create_flow_run", drop("tags"))),
        (
            "POST /work_pools/{work_pool_name}/workers/heartbeat",
            sends("POST /work_pools/[^/]+/workers/filter", drop("workers.status")),
        ),
        ("POST /automations/", shows("GET /automations/related-to/.*", lambda _: [])),
        (
            "POST /work_queues/",
            sends(
                "POST /work_queues/", lambda body: {**body, "concurrency_limit": body.get("concurrency_limit") or None}
            ),
        ),
        (
            "POST /v2/concurrency_limits/increment-with-lease",
            sends("POST /v2/concurrency_limits/increment-with-lease", lambda body: {**body, "slots": 1}),
        ),
        (
            "POST /task_runs/{id}/set_state",
            sends(f"POST /task_runs/{ID}/set_state", drop("state.state_details.cache_key")),
        ),
        ("POST /task_runs/{id}/set_state", sends("POST /task_runs/", drop("empirical_policy"))),
        ("POST /flow_runs/{id}/set_state", sends("POST /flow_runs/", drop("empirical_policy"))),
        ("POST /flow_runs/{id}/set_state", sends("POST /deployments/", drop("concurrency_limit"))),
        ("POST /flow_runs/{id}/set_state", sends("POST /flow_runs/", drop("parent_task_run_id"))),
        ("POST /work_pools/{name}/concurrency_status", sends("POST /work_pools/", drop("concurrency_limit"))),
        ("POST /work_pools/", shows("GET /work_pools/[^/]+", lambda pool: {**pool, "status": "READY"})),
        ("POST /block_documents/", without_query(f"/block_documents/{ID}")),
        (
            "POST /block_documents/",
            shows(f"GET /block_documents/{ID}", lambda document: {**document, "block_document_references": {}}),
        ),
        (
            "POST /deployments/{id}/create_flow_run",
            sends("POST /deployments/", lambda body: {**body, "enforce_parameter_schema": False}),
        ),
        (
            "POST /deployments/{id}/pause_deployment",
            sends(f"POST /deployments/{ID}/schedule", lambda body: {**body, "min_runs": 1}),
        ),
    ],
)
def test_broken_server(failed: Callable[..., set[str]], operation: str, behaviour: Behaviour) -> None:
    assert operation in failed(behaviour, operation)


@pytest.mark.parametrize(("behaviour", "is_wrong"), [(unchanged, False), (not_together, True)])
def test_requests_of_several_clients(all_operations: ContextFactory, behaviour: Behaviour, is_wrong: bool) -> None:
    with stand_in(SMALL) as api, proxied(url_of(api), behaviour) as url, httpx.Client(base_url=url) as client:
        context = all_operations.context(client)
        for each in all_scenarios(context.endpoint_map):
            if each.name == "several clients at the same time":
                context.results.run(partial(scenarios.check, context, each))
        assert clean_up(context) == []
        found = {each.operation for each in context.results.verdict.violations}
    assert found == ({"POST /v2/concurrency_limits/increment"} if is_wrong else set())


def test_scenarios_of_missing_operations_are_omitted(all_operations: ContextFactory) -> None:
    whole, reduced = (EndpointMap.of(contract) for contract in (all_operations.contract, reduced_contract()))
    known = {(each.endpoint.label, each.name) for each in all_scenarios(whole)}
    files = ScenarioFiles()
    named = {(each.label, name) for each in whole.endpoints for name in files.of(each.place)}
    assert known == named, "each step is a request to an operation of the contract"
    possible = list(all_scenarios(reduced))
    assert 0 < len(possible) < sum(endpoint == each.label for endpoint, _ in named for each in reduced.endpoints)


def test_scenario_has_the_operations_of_its_requests(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        named = {(each.endpoint.path, each.name): each for each in all_scenarios(context.endpoint_map)}
        scenario = named["/flow_runs/{id}/set_state", "the states of a run"]
        labels = {each.label for each in scenario.operations}
    assert labels >= {"POST /flow_runs/{id}/set_state", "GET /flow_runs/{id}", "GET /flow_run_states/"}
    assert "POST /flows/" not in labels


VALUES = {"mark": "a-1", "run": {"id": 7, "states": [{"type": "NEW"}]}}


def test_placeholders() -> None:
    value = {"{mark}": ["{run.id}", "run {run.id} of {mark}", "{run.states.0.type}", 1]}
    assert filled(value, VALUES) == {"a-1": [7, "run 7 of a-1", "NEW", 1]}


@pytest.mark.parametrize("way", ["{pet}", "{run.name}", "{run.states.1}", "{run.states.type}", "{mark.id}"])
def test_placeholder_without_a_value(way: str) -> None:
    with pytest.raises(KeyError, match=r".+"):
        filled(way, VALUES)


@pytest.mark.parametrize(
    ("value", "wanted", "part"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1}),
        ({"b": 2}, {"a": None}, {"a": "nothing"}),
        ({"a": 5}, {"a": "*"}, {"a": "*"}),
        ({"a": None}, {"a": "*"}, {"a": None}),
        ([{"a": 1, "b": 2}], [{"a": 1}], [{"a": 1}]),
        ([1, 2], [1], [1, 2]),
        ("text", {"a": 1}, "text"),
    ],
)
def test_part_of_a_response_with_an_expectation(value: Any, wanted: Any, part: Any) -> None:
    assert part_of(value, wanted) == part


@pytest.mark.parametrize(
    ("step", "answer", "is_expected"),
    [
        ({"send": "GET /"}, Answer(201, None), True),
        ({"send": "GET /"}, Answer(404, None), False),
        ({"send": "GET /", "status": 404}, Answer(404, None), True),
        ({"send": "GET /", "status": 201}, Answer(200, None), False),
        ({"send": "GET /", "shows": {"a": 1}}, Answer(200, {"a": 1, "b": 2}), True),
        ({"send": "GET /", "shows": {"a": 1}}, Answer(200, {"a": 1.0}), False),
        ({"send": "GET /", "shows": []}, Answer(200, [1]), False),
    ],
)
def test_responses(step: dict[str, Any], answer: Answer, is_expected: bool) -> None:
    assert (unexpected(step, (), answer) is None) == is_expected


def test_each_enum_value_and_boolean_of_writes_is_sent(all_operations: ContextFactory) -> None:
    endpoint_map, sent = all_operations.endpoint_map, set[tuple[str, Way, Any]]()
    for scenario in all_scenarios(endpoint_map):
        for step in scenario.steps:
            if not follows_link(step):
                endpoint, request = request_of(endpoint_map, step)
                sent |= {(endpoint.label, way, value) for way, value in sent_values(request.body)}
    missing = {
        (endpoint.label, way, value)
        for endpoint in endpoint_map.endpoints
        if endpoint.body is not None and not (endpoint.is_safe and endpoint.selects)  # others check their filters
        for way, value in possible_values(endpoint.body)
    } - sent
    assert missing == set()


Way = tuple[str, ...]
"""Where a value is in a body: the names that lead to it, "" for the items of a list."""


def sent_values(body: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    """The scalar values in a body."""
    if isinstance(body, dict):
        for name, part in body.items():
            yield from sent_values(part, (*way, name))
    elif isinstance(body, list):
        for item in body:
            yield from sent_values(item, (*way, ""))
    else:
        yield way, body


def possible_values(place: Place, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    """The enum values and booleans that the schema of a body allows."""
    yield from ((way, word) for word in place.value.get("enum", ()) if word is not None)
    if place.value.get("type") == "boolean":
        yield from ((way, flag) for flag in (True, False))
    for combiner in {"anyOf", "oneOf"} & place.value.keys():
        for part in place.each(combiner):
            yield from possible_values(part, way)
    if "items" in place.value:
        yield from possible_values(place["items"], (*way, ""))
    for name, part in place.entries("properties"):
        yield from possible_values(part, (*way, name))
