"""Random reads, whose responses are compared with those of Understudy with the same rows."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
import pytest

from tests import jsonl
from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import about, replies, sends
from tests.mutants.exchange import Answer as Reply
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reference.reference_server import ReferenceServer
from understudy.reports.verdict import Verdict
from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import Request, RequestGenerator
from understudy.values import is_id
from understudy.verify.checks import same_rows, single_requests
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.expectations.other_rows import MOST_PARENTS, SOME_PARENTS
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.operation_names import every

TIMES = {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
FLOW = {"id": "00000000-0000-4000-8000-000000000001", "name": "one"}


def timed(table: str, rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Rows with the times that all tables have, except for states."""
    return (row if table.endswith("_states") else {**TIMES, **row} for row in rows)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with closing(Mirror(ReferenceServer)) as mirror:
        yield mirror


Verify = Callable[..., Verdict]


@pytest.fixture
def verdict(all_operations: ContextFactory, mirror: Mirror, api: Api) -> Verify:
    """Sends requests with single values, and random ones, to the operations of a server that read rows, or to one."""

    def check(behaviour: Behaviour, label: str = "", rounds: int = 1, fixtures: Path = SMALL) -> Verdict:
        with all_operations.context_of(Proxy(Inside(app_on(fixtures, api)), behaviour)) as context:
            context.mirror = mirror
            all_operations.learn(context)
            for endpoint in same_rows.operations(context):
                if label == endpoint.label:
                    context.results.run(partial(single_requests.check_values, context, mirror, endpoint))
                for _ in range(rounds if label in ("", endpoint.label) else 0):
                    context.results.run(partial(same_rows.check, context, mirror, endpoint))
            assert context.results.verdict.errors == []
            return context.results.verdict

    return check


def test_correct_server(verdict: Verify) -> None:
    result = verdict(unchanged, rounds=3)
    assert result.violations == []
    assert sum(count for (rule, _), count in result.checks.items() if rule.name == "same rows") > 800


def without_last(_: Sent, answer: Reply) -> Reply:
    """A list without its last item."""
    return answer.saying(answer.json[:-1]) if answer.is_success and isinstance(answer.json, list) else answer


def backwards(_: Sent, answer: Reply) -> Reply:
    return answer.saying(answer.json[::-1]) if answer.is_success else answer


def an_hour_more(_: Sent, answer: Reply) -> Reply:
    return answer.saying(answer.json + 3600) if answer.is_success and isinstance(answer.json, float) else answer


def one_more(_: Sent, answer: Reply) -> Reply:
    counts = answer.json if answer.is_success else {}
    return answer.saying({name: value + 1 for name, value in counts.items()}) if counts else answer


def without_unknown_ids(_: Sent, answer: Reply) -> Reply:
    flows = {row["id"] for row in jsonl.read(SMALL / "flows.jsonl")}
    return answer.saying({name: value for name, value in answer.json.items() if name in flows})


async def leaves_out_empty_parameters(sent: Sent, broken: BrokenServer) -> Reply:
    """A query parameter without a value is ignored."""
    return await broken.ask(replace(sent, path=re.sub("[?&][a-z_-]+=(?=&|$)", "", sent.path)))


async def ignores_case(sent: Sent, broken: BrokenServer) -> Reply:
    return await broken.ask(replace(sent, path=sent.path.lower()))


@pytest.mark.parametrize(
    ("label", "behaviour"),
    [
        ("GET /deployments/name/{flow_name}/{deployment_name}", ignores_case),
        ("GET /flow_runs/{id}/graph-v2", leaves_out_empty_parameters),
        ("POST /flow_runs/history", replies("POST /flow_runs/history", without_last)),
        ("POST /ui/flows/count-deployments", replies("POST /ui/flows/count-deployments", one_more)),
        ("POST /ui/flows/count-deployments", replies("POST /ui/flows/count-deployments", without_unknown_ids)),
        ("POST /ui/flow_runs/count-task-runs", replies("POST /ui/flow_runs/count-task-runs", one_more)),
        ("GET /flow_runs/{id}/graph", replies("GET /flow_runs/[^/]+/graph", without_last)),
        ("POST /ui/flow_runs/history", sends("POST /ui/flow_runs/history", drop("flow_runs"))),
        ("POST /task_runs/filter", replies("POST /task_runs/filter", backwards)),
        ("POST /flow_runs/lateness", replies("POST /flow_runs/lateness", an_hour_more)),
        ("POST /deployments/count", sends("POST /deployments/count", drop("work_pools"))),
        ("POST /deployments/filter", replies("POST /deployments/filter", backwards)),
    ],
)
def test_broken_server(verdict: Verify, label: str, behaviour: Behaviour) -> None:
    found = [each for each in verdict(behaviour, label, rounds=10).violations if each.rule.name == "same rows"]
    assert {each.operation for each in found} == {label}


def test_random_requests_mostly_have_the_required_fields_of_the_example(
    all_operations: ContextFactory, api: Api
) -> None:
    label = "POST /ui/task_runs/dashboard/counts"
    with all_operations.context_of(app_on(SMALL, api)) as context:
        all_operations.learn(context)
        endpoint = next(each for each in same_rows.operations(context) if each.label == label)
        reads = context.random_reads()
        bodies = [reads.request(endpoint, reads.samples).body for _ in range(100)]
    assert sum(each.get("task_runs") == {"start_time": {"after_": "2026-01-01T00:00:00Z"}} for each in bodies) > 50


@pytest.fixture
def several_tables(tmp_path: Path) -> Path:
    """Completely known runs, and rows that are shown only by views or by lists below other rows."""
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(30)]
    times = [f"2026-01-02T03:04:{number:02}Z" for number in range(30)]
    flow, pool, limit, run = ids[:4]
    state = {"type": "RUNNING", "name": "Running", "timestamp": "2026-01-02T03:04:05Z"}
    running = {"state_type": "RUNNING", "state_name": "Running", "state_timestamp": state["timestamp"]}
    rows: dict[str, list[dict[str, Any]]] = {
        "flows": [{"id": flow, "name": "one"}],
        "work_pools": [{"id": pool, "name": "pool", "type": "process"}],
        "workers": [
            {"id": each, "name": each, "work_pool_id": pool, "last_heartbeat_time": time}
            for each, time in zip(ids[10:13], times, strict=False)
        ],
        "concurrency_limits_v2": [{"id": limit, "name": "limit", "limit": 3}],
        "deployments": [
            {"id": each, "name": each, "flow_id": flow, "concurrency_limit_id": limit} for each in ids[15:18]
        ],
        "deployment_schedules": [
            {"id": each, "deployment_id": ids[15], "schedule": {"cron": "0 0 * * *"}, "updated": time}
            for each, time in zip(ids[20:22], times, strict=False)
        ],
        "flow_runs": [{"id": run, "flow_id": flow, "name": "run", "state": {**state, "id": run}, **running}],
        "task_runs": [
            {
                "id": each,
                "name": each,
                "task_key": each,
                "dynamic_key": "0",
                "flow_run_id": run,
                "total_run_time": 100 * number,
                "state": {**state, "id": each},
                **running,
            }
            for number, each in enumerate(ids[5:10])
        ],
        "flow_run_states": [
            {**state, "id": each, "flow_run_id": run, "type": "PENDING", "name": "Pending", "timestamp": time}
            for each, time in zip(ids[22:24], times, strict=False)
        ],
        "flow_run_inputs": [
            {"id": each, "flow_run_id": run, "key": each, "value": "1", "created": time}
            for each, time in zip(ids[24:26], times, strict=False)
        ],
        "block_types": [{"id": ids[26], "name": "Block", "slug": "block"}],
        "block_schemas": [
            {
                "id": each,
                "checksum": each,
                "block_type_id": ids[26],
                "created": time,
                "fields": {"secret_fields": ["a"]},
            }
            for each, time in zip(ids[26:28], times, strict=False)
        ],
        "block_documents": [
            {
                "id": each,
                "name": each,
                "block_type_id": ids[26],
                "block_type_name": "Block",
                "block_schema_id": ids[26],
                "data": {"a": "secret", "b": each},
                "is_anonymous": each == ids[29],
            }
            for each in ids[28:30]
        ],
    }
    for table, some in rows.items():
        jsonl.write(tmp_path / f"{table}.jsonl", [*timed(table, some)])
    return tmp_path


def longer(_: Sent, answer: Reply) -> Reply:
    """A row whose run time is hours longer."""
    if not answer.is_success:
        return answer
    return answer.saying({**answer.json, "estimated_run_time": answer.json["estimated_run_time"] + 50_000})


def without_limits(_: Sent, answer: Reply) -> Reply:
    if not answer.is_success:
        return answer
    rows = [{**row, "global_concurrency_limit": None} for row in answer.json["results"]]
    return answer.saying({**answer.json, "results": rows})


def without_states(_: Sent, answer: Reply) -> Reply:
    return answer.saying({**answer.json, "states": []}) if answer.is_success else answer


def without_nodes_at_since(sent: Sent, answer: Reply) -> Reply:
    """A graph without the nodes that end at the time in the query."""
    since = dict(parse_qsl(urlsplit(sent.path).query)).get("since")
    if not answer.is_success or since is None:
        return answer
    nodes = [each for each in answer.json["nodes"] if each[1]["end_time"] != since]
    return answer.saying({**answer.json, "nodes": nodes})


def unmasked(_: Sent, answer: Reply) -> Reply:
    return answer.saying({**answer.json, "data": {"a": "secret"}}) if answer.is_success else answer


def without_offset_by_duration(body: Any) -> Any:
    return {**body, "offset": 0} if str(body.get("sort")).startswith("DURATION") else body


async def takes_plain_ids_only(sent: Sent, broken: BrokenServer) -> Reply:
    """An id in a path is found only in lower case and with hyphens."""
    last = sent.path.rpartition("/")[2]
    is_plain = not is_id(last) or last == str(UUID(last))
    return await broken.ask(sent if is_plain else replace(sent, path=sent.path.replace(last, str(UUID(int=0)))))


OF_SEVERAL_TABLES = {
    "GET /v2/concurrency_limits/{id_or_name}": takes_plain_ids_only,
    "POST /work_pools/{work_pool_name}/workers/filter": replies("POST /work_pools/[^/]+/workers/filter", backwards),
    "GET /deployments/{id}/schedules": replies("GET /deployments/[^/]+/schedules", backwards),
    "POST /deployments/paginate": replies("POST /deployments/paginate", without_limits),
    "GET /task_runs/{id}": replies("GET /task_runs/[^/]+", longer),
    "POST /task_runs/filter": sends("POST /task_runs/filter", without_offset_by_duration),
    "GET /flow_run_states/": replies("GET /flow_run_states/", backwards),
    "GET /flow_runs/{id}/graph-v2": replies("GET /flow_runs/[^/]+/graph-v2", without_states),
    "POST /flow_runs/{id}/input/filter": replies("POST /flow_runs/[^/]+/input/filter", backwards),
    "POST /block_schemas/filter": replies("POST /block_schemas/filter", backwards),
    "GET /block_documents/{id}": replies("GET /block_documents/[^/]+", unmasked),
    "POST /block_documents/count": sends("POST /block_documents/count", drop("block_documents.is_anonymous")),
}


@pytest.mark.parametrize("label", OF_SEVERAL_TABLES)
def test_broken_server_with_rows_of_several_tables(verdict: Verify, several_tables: Path, label: str) -> None:
    result = verdict(OF_SEVERAL_TABLES[label], label, rounds=60, fixtures=several_tables)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}


@pytest.fixture
def many_events(tmp_path: Path) -> Path:
    """A fixture set with more events than a page has, of a few resources; some of them occurred at one time."""
    rows = [
        {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "occurred": f"2026-01-02T03:{number // 2:02}:00Z",
            "received": "2026-01-02T04:00:00Z",
            "event": f"tank.{('filled', 'emptied', 'cleaned')[number % 3]}",
            "resource": {"prefect.resource.id": f"tank.{number % 5}", "prefect.resource.name": f"tank {number % 4}"},
            "related": [
                {"prefect.resource.id": f"hall.{number % 2}", "prefect.resource.role": ("hall", "site")[number % 2]}
            ],
        }
        for number in range(70)
    ]
    jsonl.write(tmp_path / "events.jsonl", rows)
    return tmp_path


def without_last_event(_: Sent, answer: Reply) -> Reply:
    return answer.saying({**answer.json, "events": answer.json["events"][:-1]}) if answer.is_success else answer


def without_link(_: Sent, answer: Reply) -> Reply:
    return answer.saying({**answer.json, "next_page": None}) if answer.is_success else answer


def counted_once_more(_: Sent, answer: Reply) -> Reply:
    return answer.saying([{**each, "count": each["count"] + 1} for each in answer.json[:1]])


def without_part(*names: str) -> Callable[[Any], Any]:
    """Removes a part of the filter of a body."""

    def changed(body: Any) -> Any:
        outer, inner = names
        given = (body or {}).get("filter") or {}
        part = given.get(outer)
        if not isinstance(part, dict):
            return body
        return {**body, "filter": {**given, outer: {name: value for name, value in part.items() if name != inner}}}

    return changed


FILTER, NEXT, COUNT = "POST /events/filter", "GET /events/filter/next", "POST /events/count-by/{countable}"
OF_EVENTS = {
    "a next page without its last event": (FILTER, replies("GET /events/filter/next.*", without_last_event)),
    "no next page": (FILTER, replies(FILTER, without_link)),
    "names that are left out are there": (FILTER, sends(FILTER, without_part("event", "exclude_name"))),
    "all prefixes": (FILTER, sends(FILTER, without_part("event", "prefix"))),
    "all resources": (FILTER, sends(FILTER, without_part("resource", "id"))),
    "all related resources": (FILTER, sends(FILTER, without_part("related", "id"))),
    "all roles": (FILTER, sends(FILTER, without_part("related", "role"))),
    "all texts": (FILTER, sends(FILTER, without_part("text", "query"))),
    "a count of days": (COUNT, replies("POST /events/count-by/day", counted_once_more)),
    "a count of intervals": (COUNT, replies("POST /events/count-by/time", counted_once_more)),
    "a count of names": (COUNT, replies("POST /events/count-by/event", counted_once_more)),
    "a count of resources": (COUNT, replies("POST /events/count-by/resource", counted_once_more)),
}


@pytest.mark.parametrize("fault", OF_EVENTS)
def test_broken_server_with_events(verdict: Verify, many_events: Path, fault: str) -> None:
    label, behaviour = OF_EVENTS[fault]
    result = verdict(behaviour, label, rounds=20, fixtures=many_events)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}


def as_list(_: Sent, answer: Reply) -> Reply:
    return answer.saying(answer.json["events"]) if answer.is_success else answer


def without_times(_: Sent, answer: Reply) -> Reply:
    events = [{"id": each["id"]} for each in answer.json["events"]] if answer.is_success else []
    return answer.saying({**answer.json, "events": events, "next_page": 5}) if answer.is_success else answer


@pytest.mark.parametrize("change", [as_list, without_times])
def test_events_of_another_shape_cause_no_internal_error(
    verdict: Verify, many_events: Path, change: Callable[[Sent, Reply], Reply]
) -> None:
    result = verdict(replies(FILTER, change), FILTER, rounds=2, fixtures=many_events)
    assert {each.rule.name for each in result.violations} >= {"response"}


def test_correct_server_with_events(verdict: Verify, many_events: Path) -> None:
    for label in (FILTER, COUNT):
        result = verdict(unchanged, label, rounds=20, fixtures=many_events)
        assert result.violations == []
        assert sum(count for (rule, _), count in result.checks.items() if rule.name == "same rows") > 100


def test_events_are_unknown_after_a_write(
    all_operations: ContextFactory, mirror: Mirror, many_events: Path, api: Api
) -> None:
    """A server emits events with each write, and may show them later."""
    with all_operations.context_of(app_on(many_events, api)) as context:
        context.mirror = mirror
        all_operations.learn(context)
        assert len(context.others["events"].lists) == 2
        assert len(set(map(str, context.known_rows("events")))) == 70
        create = all_operations.endpoint("POST /flows/")
        assert context.ask(create, create.request({"name": "new"})).is_success
        context.learn()
        assert "events" not in context.others


def test_times_of_a_response_are_used_in_requests(verdict: Verify, several_tables: Path) -> None:
    """`since` with the time at which a node ends: a server may omit it, or not."""
    label = "GET /flow_runs/{id}/graph-v2"
    run = jsonl.read(several_tables / "flow_runs.jsonl")[0]
    rows = jsonl.read(several_tables / "task_runs.jsonl")
    ended = [{**row, "start_time": run["created"], "end_time": f"2026-01-02T04:00:0{n}Z"} for n, row in enumerate(rows)]
    jsonl.write(several_tables / "task_runs.jsonl", ended)
    result = verdict(replies("GET /flow_runs/[^/]+/graph-v2.*", without_nodes_at_since), label, fixtures=several_tables)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}


def test_partially_known_row_does_not_affect_others(verdict: Verify, several_tables: Path) -> None:
    """A run without a state does not show when it entered it, on which its run time depends."""
    rows = jsonl.read(several_tables / "task_runs.jsonl")
    stateless = {**rows[0], "state": None, "state_type": None, "state_name": None, "state_timestamp": None}
    jsonl.write(several_tables / "task_runs.jsonl", [stateless, *rows[1:]])
    label = "GET /task_runs/{id}"
    result = verdict(replies("GET /task_runs/[^/]+", longer), label, rounds=5, fixtures=several_tables)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}
    assert verdict(unchanged, rounds=3, fixtures=several_tables).violations == []


def test_unknown_hidden_field_affects_only_some_fields(verdict: Verify, several_tables: Path) -> None:
    """How late a run is does not depend on when it entered its state."""

    def later(_: Sent, answer: Reply) -> Reply:
        row = answer.json if answer.is_success else {}
        return answer.saying({**row, "estimated_start_time_delta": 50_000.0}) if row else answer

    rows = jsonl.read(several_tables / "task_runs.jsonl")
    jsonl.write(several_tables / "task_runs.jsonl", [{**row, "state": None} for row in rows])
    label = "GET /task_runs/{id}"
    result = verdict(replies("GET /task_runs/[^/]+", later), label, rounds=5, fixtures=several_tables)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}
    assert verdict(unchanged, rounds=3, fixtures=several_tables).violations == []


def test_parts_of_texts_of_a_response_are_used_in_requests(verdict: Verify, several_tables: Path) -> None:
    """`query` with a part of the name of a state: a server may omit names with another beginning, or not."""

    async def ignores_query(sent: Sent, broken: BrokenServer) -> Reply:
        return await broken.ask(replace(sent, path=re.sub("query=[^&]*", "", sent.path)))

    label = "GET /observed-states"
    result = verdict(ignores_query, label, rounds=2, fixtures=several_tables)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}


def test_each_order_is_requested(verdict: Verify) -> None:
    sent: list[Sent] = []

    def kept(request: Sent, answer: Reply) -> Reply:
        sent.append(request)
        return answer

    label = "POST /flow_runs/filter"
    verdict(replies(label, kept), label, rounds=12)
    assert len({each.json.get("sort") for each in sent if each.json} - {None}) == 9


def test_texts_in_another_case_are_requested(all_operations: ContextFactory, api: Api) -> None:
    """A server may ignore the case of names, but ids are equal in any case."""
    with all_operations.context_of(app_on(SMALL, api)) as context:
        all_operations.learn(context)
        schema = all_operations.endpoint("POST /flows/count").body
        assert schema is not None
        generator = RequestGenerator((), context.samples, context.random)
        bodies = [generator.body(schema).get("flows") or {} for _ in range(2000)]
        known = {*context.samples.seen("flows", ["name"])}
    names = {name for body in bodies for name in (body.get("name") or {}).get("any_") or ()}
    ids = {each for body in bodies for each in (body.get("id") or {}).get("any_") or ()}
    assert {name.swapcase() for name in names - known} & known
    assert ids == {each.lower() for each in ids}


@pytest.fixture
def many_runs(tmp_path: Path) -> Path:
    """Runs with two states each; too many to read the states of all."""
    state = {"type": "RUNNING", "name": "Running", "timestamp": "2026-01-02T03:04:05Z"}
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(3 * (MOST_PARENTS + 1))]
    runs, current, former = ids[::3], ids[1::3], ids[2::3]
    shown = {
        "flow_id": FLOW["id"],
        "state_type": "RUNNING",
        "state_name": "Running",
        "state_timestamp": state["timestamp"],
    }
    rows: dict[str, list[dict[str, Any]]] = {
        "flows": [FLOW],
        "flow_runs": [
            {**shown, "id": run, "name": run, "state": {**state, "id": each}}
            for run, each in zip(runs, current, strict=True)
        ],
        "flow_run_states": [
            {**state, "id": each, "flow_run_id": run, "timestamp": "2026-01-02T03:04:00Z"}
            for run, each in zip(runs, former, strict=True)
        ],
    }
    for table, some in rows.items():
        jsonl.write(tmp_path / f"{table}.jsonl", [*timed(table, some)])
    return tmp_path


def test_rows_below_some_of_many_others(
    all_operations: ContextFactory, mirror: Mirror, api: Api, many_runs: Path
) -> None:
    """Responses about these are known, but not those about others."""
    with all_operations.context_of(app_on(many_runs, api)) as context:
        context.mirror = mirror
        all_operations.learn(context)
        read = {each.parent for each in context.others["flow_run_states"].lists}
        all_operations.learn(context)
        assert read == {each.parent for each in context.others["flow_run_states"].lists}, "a second time as well"
        assert len(read) == SOME_PARENTS
        states = all_operations.endpoint("GET /flow_run_states/")
        known = {
            run: mirror.expected(context.model, 1, states.request(flow_run_id=run), context.others)
            for run in context.model.known["flow_runs"]
        }
    assert {run for run, expected in known.items() if expected is not None} == read
    assert {len(expected.answer.body) for expected in known.values() if expected is not None} == {2}


def test_broken_server_with_rows_below_some_of_many_others(verdict: Verify, many_runs: Path) -> None:
    label = "GET /flow_run_states/"
    result = verdict(replies("GET /flow_run_states/", backwards), label, fixtures=many_runs)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}
    assert verdict(unchanged, fixtures=many_runs).violations == []


def without_nulls(_: Sent, answer: Reply) -> Reply:
    states = [
        {**each, "state_details": {name: part for name, part in each["state_details"].items() if part is not None}}
        for each in answer.json
    ]
    return answer.saying(states)


@pytest.mark.parametrize("is_broken", [True, False])
def test_nested_lists_that_show_the_same_rows_differently(
    all_operations: ContextFactory, mirror: Mirror, api: Api, many_runs: Path, is_broken: bool
) -> None:
    """Such rows are known only from the list; so it must show them like Understudy."""
    behaviour = replies("GET /flow_run_states/", without_nulls) if is_broken else unchanged
    with all_operations.context_of(Proxy(Inside(app_on(many_runs, api)), behaviour)) as context:
        context.mirror = mirror
        all_operations.learn(context)
        same_rows.check_lists(context, mirror, every)
        found = {(each.rule.name, each.operation) for each in context.results.verdict.violations}
    assert found == ({("same rows", "GET /flow_run_states/")} if is_broken else set())


def test_list_lacks_a_row_that_another_list_shows(
    all_operations: ContextFactory, mirror: Mirror, api: Api, tmp_path: Path
) -> None:
    """A schedule is listed below another deployment than its own."""
    own, other, schedule = (str(UUID(int=number, version=4)) for number in range(3))
    deployments = [{"id": each, "name": each, "flow_id": FLOW["id"]} for each in (own, other)]
    row = {"id": schedule, "deployment_id": own, "schedule": {"cron": "0 6 * * *"}}
    rows: dict[str, list[dict[str, Any]]] = {
        "flows": [FLOW],
        "deployments": deployments,
        "deployment_schedules": [row],
    }
    for table, some in rows.items():
        jsonl.write(tmp_path / f"{table}.jsonl", [*timed(table, some)])

    async def swap(sent: Sent, broken: BrokenServer) -> Reply:
        path = {f"{each}/schedules": f"{way}/schedules" for each, way in ((own, other), (other, own))}
        end = "/".join(sent.path.split("/")[-2:])
        return await broken.ask(replace(sent, path=sent.path.replace(end, path.get(end, end))))

    with all_operations.context_of(Proxy(Inside(app_on(tmp_path, api)), swap)) as context:
        context.mirror = mirror
        all_operations.learn(context)
        same_rows.check_lists(context, mirror, every)
        requests = [each.requests[-1].path for each in context.results.verdict.violations]
    assert requests == [f"/deployments/{own}/schedules"]


def test_rare_values_are_among_the_requested_rows(
    all_operations: ContextFactory, mirror: Mirror, api: Api, tmp_path: Path
) -> None:
    """One of many flows has no tags, which a server shows as null."""
    ids = [str(UUID(int=number, version=4)) for number in range(60)]
    flows = [{"id": each, "name": each, "tags": [] if each == ids[7] else ["a"]} for each in ids]
    jsonl.write(tmp_path / "flows.jsonl", [*timed("flows", flows)])

    def null_for_empty(_: Sent, answer: Reply) -> Reply:
        return answer.saying({**answer.json, "tags": answer.json["tags"] or None})

    with all_operations.context_of(
        Proxy(Inside(app_on(tmp_path, api)), replies("GET /flows/[^/]+", null_for_empty))
    ) as context:
        context.mirror = mirror
        all_operations.learn(context)
        same_rows.check_varied(context, mirror, all_operations.endpoint("GET /flows/{id}"))
        found = {each.operation for each in context.results.verdict.violations if each.rule.name == "same rows"}
    assert found == {"GET /flows/{id}"}


def test_headers_of_the_contract_are_compared(verdict: Verify) -> None:
    """A log file is named after its run."""

    def unnamed(_: Sent, answer: Reply) -> Reply:
        headers = httpx.Headers([*answer.headers.multi_items()])
        headers["content-disposition"] = "attachment; filename=logs.csv"
        return replace(answer, headers=headers)

    label = "GET /flow_runs/{id}/logs/download"
    result = verdict(replies("GET /flow_runs/[^/]+/logs/download", unnamed), label)
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {label}


def test_masked_values_are_not_used_in_requests(verdict: Verify, several_tables: Path) -> None:
    """They would appear in reports."""
    sent: list[Sent] = []

    def kept(request: Sent, answer: Reply) -> Reply:
        sent.append(request)
        return answer

    assert verdict(replies(".*block.*", kept), rounds=5, fixtures=several_tables).violations == []
    assert len(sent) > 100
    unmasked_requests = [
        each for each in sent if "include_secrets=true" in each.path.lower() or each.json.get("include_secrets")
    ]
    assert unmasked_requests == []


@pytest.mark.parametrize("wrong", [{"id": "none"}, {"active": "perhaps"}, {"id": None}])
def test_invalid_rows_are_unknown(verdict: Verify, several_tables: Path, wrong: dict[str, Any]) -> None:
    """The others are still compared, and no check stops."""

    def changed(_: Sent, answer: Reply) -> Reply:
        rows = answer.json if answer.is_success else []
        return answer.saying(
            [{name: value for name, value in {**row, **wrong}.items() if value is not None} for row in rows]
        )

    result = verdict(replies("GET /deployments/[^/]+/schedules", changed), fixtures=several_tables)
    compared = {label for (rule, label), count in result.checks.items() if rule.name == "same rows"}
    assert {"POST /flows/filter", "GET /task_runs/{id}"} <= compared


def test_texts_with_values_of_rows_are_sent(verdict: Verify, tmp_path: Path) -> None:
    """Such as the id of a deployment behind the name of its kind, in a path."""
    trigger = {"type": "event", "id": FLOW["id"], "match": {}, "match_related": {}, "after": [], "expect": ["a"],
               "for_each": [], "posture": "Reactive", "threshold": 1, "within": 0.0}  # fmt: skip
    actions = [{"type": "run-deployment", "source": "selected", "deployment_id": FLOW["id"], "parameters": None}]
    automation = {**FLOW, **TIMES, "trigger": trigger, "actions": actions}
    jsonl.write(tmp_path / "automations.jsonl", [automation])
    label = "GET /automations/related-to/{resource_id}"
    behaviour = replies("GET /automations/related-to/.*", without_last)
    result = verdict(behaviour, label, fixtures=tmp_path)
    assert {(each.rule.name, each.operation) for each in result.violations} == {("same rows", label)}


def test_null_is_sent_where_a_body_may_have_it(verdict: Verify) -> None:
    def changed(sent: Sent, answer: Reply) -> Reply:
        return replace(answer, status=422) if "sort" in sent.json and sent.json["sort"] is None else answer

    result = verdict(replies("POST /flows/filter", changed))
    assert {each.operation for each in result.violations if each.rule.name == "same rows"} == {"POST /flows/filter"}


def test_correct_server_with_rows_of_several_tables(verdict: Verify, several_tables: Path) -> None:
    assert verdict(unchanged, rounds=3, fixtures=several_tables).violations == []


def test_correct_server_without_rows(verdict: Verify, tmp_path: Path) -> None:
    """The paths of its operations have no rows to name."""
    assert verdict(unchanged, fixtures=tmp_path).violations == []


def test_responses_that_depend_on_unlisted_rows_are_not_compared(verdict: Verify) -> None:
    """Lists do not show former states of a run."""

    def nothing(_: Sent, answer: Reply) -> Reply:
        return answer.saying([]) if answer.is_success else answer

    label = "GET /flow_run_states/"
    assert [each for each in verdict(replies(label, nothing), label).violations if each.rule.name == "same rows"] == []


def test_rows_added_by_others_meanwhile_are_read(all_operations: ContextFactory, mirror: Mirror, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        all_operations.learn(context)
        count = all_operations.endpoint("POST /flows/count")
        assert same_rows.differs(context, mirror, count, count.request({})) is None
        creates = context.endpoint_map.creates["flows"]
        context.throttled_client.ask(creates.request({"name": "added by somebody"}))
        assert same_rows.differs(context, mirror, count, count.request({})) is not None
        context.results.run(partial(same_rows.check, context, mirror, count))
        assert context.results.verdict.violations == []


def test_hidden_fields_are_those_of_shown_objects(all_operations: ContextFactory, mirror: Mirror, api: Api) -> None:
    """A list of runs does not show `state_timestamp`, which another operation returns."""
    state: dict[str, Any] = {"type": "RUNNING", "name": "Running", "timestamp": "2026-01-02T03:04:05Z"}
    with all_operations.context_of(app_on(SMALL, api)) as context:
        run = {"id": FLOW["id"], "flow_id": FLOW["id"], "state_type": "RUNNING", "state": state}
        context.model.known["flow_runs"] = {FLOW["id"]: run}
        context.model.known["flows"] = {FLOW["id"]: FLOW}
        endpoint: Endpoint = all_operations.endpoint("POST /flow_runs/filter")
        expected = mirror.expected(context.model, 1, endpoint.request({}))
    assert expected is not None
    ((row),) = expected.answer.body
    assert row["estimated_run_time"] > 0, "it is worked out of the hidden field"


def test_ids_of_other_tables(all_operations: ContextFactory, mirror: Mirror, api: Api) -> None:
    """They are not found; a broken server may find them."""

    async def finds_all(sent: Sent, broken: BrokenServer) -> Reply:
        answer = await broken.ask(sent)
        return answer if answer.is_success else replace(answer.saying(None), status=200)

    status = "POST /work_queues/{id}/concurrency_status"
    flow, queue = (
        about(path, finds_all) for path in ("GET /flows/[0-9a-f-]{36}", "POST /work_queues/[^/]+/concurrency_status")
    )
    for behaviour, found in ((unchanged, set[str]()), (flow, {"GET /flows/{id}"}), (queue, {status})):
        with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            all_operations.learn(context)
            for lookup in context.endpoint_map.about_rows:
                if lookup.endpoint.label in ("GET /flows/{id}", "GET /artifacts/{id}", status):
                    same_rows.check_other_tables(context, mirror, lookup)
            verdict = context.results.verdict
            assert verdict.errors == []
            assert {each.operation for each in verdict.violations if each.rule.name == "same rows"} == found


def test_filters_on_hidden_values(all_operations: ContextFactory, mirror: Mirror, api: Api) -> None:
    """A deployment with only a pool shows the name of its default queue, but filters do not use it."""
    with all_operations.context_of(app_on(SMALL, api)) as context:
        creates = context.endpoint_map.creates
        context.ask(creates["work_pools"], creates["work_pools"].request({"name": "only", "type": "process"}))
        flow = context.ask(creates["flows"], creates["flows"].request({"name": "of a pool"})).body["id"]
        body = {"name": "of a pool", "flow_id": flow, "work_pool_name": "only"}
        shown = context.ask(creates["deployments"], creates["deployments"].request(body)).body
        all_operations.learn(context)
        selection = context.endpoint_map.selections["deployments"]
        named = selection.lists.request({"deployments": {"work_queue_name": {"any_": [shown["work_queue_name"]]}}})
        ids = [row["id"] for row in context.ask(selection.lists, named).body]
        assert (shown["work_queue_name"], shown["id"] in ids) == ("default", False)
        assert same_rows.differs(context, mirror, selection.lists, named) is None
        expected = TableUnderTest.of(context, selection).expected_rows
        by_name = {"deployments": {"name": {"any_": ["of a pool"]}}}
        assert (expected.is_known(named.body), expected.is_known(by_name)) == (False, True)


def test_bodies_with_ids_of_two_tables(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), unchanged)) as context:
        all_operations.learn(context)
        lists = context.endpoint_map.selections["flow_runs"].lists
        reads = context.random_reads()
        bodies = [reads.by_ids(lists) for _ in range(20)]
    assert {len(each) for each in bodies} == {2}
    assert all("flow_runs" in each for each in bodies)
    assert len({name for each in bodies for name in each}) > 3
    assert all(list(each) == ["id"] and list(each["id"]) == ["any_"] for body in bodies for each in body.values())


def test_reference_server_reports_the_tables_of_a_response() -> None:
    with closing(ReferenceServer({"flows": [FLOW]})) as server:
        read = Request("GET", f"/flows/{FLOW['id']}", "/flows/{id}")
        answer, used = server.trace(read)
        assert answer.body["name"] == "one"
        assert used == {"flows"}
        for _ in range(2):
            body = {"deployments": {"name": {"any_": ["x"]}}}
            answer, used = server.trace(Request("POST", "/flows/count", "/flows/count", body))
            assert answer == Answer(200, 0)
            assert used == {"flows", "deployments"}, "nor is anything remembered"
