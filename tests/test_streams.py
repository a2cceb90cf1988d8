"""Streams: events and logs on WebSockets, as clients of a real server use them."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from tests.servers import client, stand_in

PREFECT = [Subprotocol("prefect")]
SECONDS = 20  # the timeout of a test, not a normal duration
SMALL = Path(__file__).parent / "golden/small/fixtures"


def soon() -> str:
    return (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()


@contextmanager
def stream(api: httpx.Client, path: str, token: str | None = None) -> Iterator[Connection]:
    """A stream on which the client is authenticated."""
    url = f"{str(api.base_url).rstrip('/').replace('http', 'ws', 1)}{path}"
    with connect(url, subprotocols=PREFECT, open_timeout=SECONDS, close_timeout=SECONDS) as connection:
        say(connection, {"type": "auth", "token": token})
        assert heard(connection) == {"type": "auth_success"}
        yield connection


def say(connection: Connection, message: Any) -> None:
    connection.send(json.dumps(message))


def heard(connection: Connection) -> Any:
    return json.loads(connection.recv(SECONDS))


def closed(connection: Connection) -> int | None:
    """The code with which the server closes a stream, after its remaining messages."""
    with suppress(ConnectionClosed):
        while True:
            connection.recv(SECONDS)
    return connection.close_code


def event(name: str, **more: Any) -> dict[str, Any]:
    occurred = more.pop("occurred", datetime.now(timezone.utc).isoformat())
    resource = {"prefect.resource.id": "pump.1"}
    return {"id": str(uuid4()), "occurred": occurred, "event": name, "resource": resource, **more}


def names(api: httpx.Client) -> list[str]:
    found = api.post("/events/filter", json={"filter": {"occurred": {"until": soon()}}}).json()
    return [each["event"] for each in found["events"]]


def test_sent_events_are_visible_to_the_next_request(own: httpx.Client) -> None:
    with stream(own, "/events/in") as sending:
        for number in range(20):
            say(sending, event(f"pump.{number}"))
            assert names(own)[0] == f"pump.{number}"
    assert len(names(own)) == 20


def test_stream_has_existing_and_then_new_events(own: httpx.Client) -> None:
    first, other, later = event("pump.on"), event("valve.on"), event("pump.off")
    own.post("/events", json=[first, other]).raise_for_status()
    with stream(own, "/events/out") as receiving, stream(own, "/events/in") as sending:
        say(receiving, {"type": "filter", "filter": {"occurred": {"until": soon()}, "event": {"prefix": ["pump"]}}})
        assert heard(receiving)["event"]["id"] == first["id"]
        for sent in (event("valve.off"), later):
            say(sending, sent)
        message = heard(receiving)
        assert (message["type"], message["event"]["id"]) == ("event", later["id"])
        own.post("/events", json=[event("pump.http")]).raise_for_status()
        assert heard(receiving)["event"]["event"] == "pump.http"


def test_stream_without_backfill_has_only_new_events(own: httpx.Client) -> None:
    own.post("/events", json=[event("old")]).raise_for_status()
    with stream(own, "/events/out") as receiving:
        say(receiving, {"type": "filter", "filter": {"occurred": {"until": soon()}}, "backfill": False})
        own.get("/health")
        # The filter may not have been read yet, so new events are sent until one is received.
        for number in range(100):
            own.post("/events", json=[event(f"new.{number}")]).raise_for_status()
            try:
                message = json.loads(receiving.recv(0.1))
            except TimeoutError:
                continue
            assert message["event"]["event"].startswith("new.")
            return
    raise AssertionError("no event came out")


def test_stream_begins_with_the_events_of_the_last_15_minutes(own: httpx.Client) -> None:
    ages = {"new": 0, "recent": 14, "old": 16, "older": 24 * 60}
    now = datetime.now(timezone.utc)
    sent = [event(name, occurred=(now - timedelta(minutes=age)).isoformat()) for name, age in ages.items()]
    own.post("/events", json=sent).raise_for_status()
    with stream(own, "/events/out") as receiving:
        since = (now - timedelta(days=2)).isoformat()
        say(receiving, {"type": "filter", "filter": {"occurred": {"since": since, "until": soon()}}})
        assert [heard(receiving)["event"]["event"] for _ in range(2)] == ["recent", "new"]


def log(message: str, level: int = 20, **more: Any) -> dict[str, Any]:
    timestamp = datetime.now(timezone.utc).isoformat()
    return {"name": "test", "level": level, "message": message, "timestamp": timestamp, **more}


def test_logs_are_streamed_as_they_are_written(own: httpx.Client) -> None:
    with stream(own, "/logs/out") as receiving:
        say(receiving, {"type": "filter", "filter": {"level": {"ge_": 30}}})
        for number in range(100):
            own.post("/logs/", json=[log("low"), log(f"high {number}", 40)]).raise_for_status()
            try:
                message = json.loads(receiving.recv(0.1))
            except TimeoutError:
                continue
            assert message["type"] == "log"
            assert message["log"]["message"].startswith("high")
            return
    raise AssertionError("no log came out")


@pytest.mark.parametrize(
    ("path", "messages", "code", "reason"),
    [
        ("/events/in", [{}], 1008, "Expected 'auth' message"),
        ("/events/in", [[]], 1011, ""),
        ("/events/in", [{"type": "auth"}, {}], 1011, ""),
        ("/events/in", [{"type": "auth"}, {**event("a"), "resource": {}}], 1011, ""),
        ("/events/out", [{}], 1008, "Expected 'auth' message"),
        ("/events/out", [{"type": "auth"}, {"type": "x", "filter": {}}], 1002, "Expected 'filter' message"),
        ("/events/out", [{"type": "auth"}, {"type": "filter", "filter": {"x": 1}}], 1002, "Invalid filter: 1 valid"),
        ("/events/out", [{"type": "auth"}, {"type": "filter", "filter": {"é" * 90: 1}}], 1002, "Invalid filter: "),
        ("/events/out", [{"type": "auth"}, {"type": "filter"}], 1002, "Invalid filter: 'filter'"),
        ("/events/out", [{"type": "auth"}, {}], 1011, ""),
        ("/logs/out", [{"type": "auth"}, {"type": "x", "filter": {}}], 1002, "Expected 'filter' message"),
        ("/logs/out", [{"type": "auth"}, {"type": "filter", "filter": []}], 1002, "Invalid filter: 1 valid"),
        ("/logs/out", [{"type": "auth"}, {"type": "filter", "filter": None}], 1002, "Invalid filter: it is null"),
        ("/logs/out", [{"type": "auth"}, {"type": "filter"}], 1002, "Invalid filter: 'filter'"),
    ],
)
def test_invalid_messages_close_a_stream(
    own: httpx.Client, path: str, messages: list[Any], code: int, reason: str
) -> None:
    url = f"{str(own.base_url).rstrip('/').replace('http', 'ws', 1)}{path}"
    with connect(url, subprotocols=PREFECT, open_timeout=SECONDS) as connection:
        for message in messages:
            say(connection, message)
        assert closed(connection) == code
        given = connection.close_reason or ""
        assert given.startswith(reason) if reason else not given
    assert own.get("/health").json() is True


@pytest.mark.parametrize("message", [b"\x00\xff", "no JSON", "[" * 2000])
def test_garbage_closes_only_its_own_stream(own: httpx.Client, message: bytes | str) -> None:
    with stream(own, "/events/in") as bad, stream(own, "/events/in") as good:
        bad.send(message)
        with pytest.raises(ConnectionClosed):
            bad.recv(SECONDS)
        say(good, event("fine"))
        assert names(own) == ["fine"]


def test_client_that_does_not_read_does_not_delay_others(own: httpx.Client) -> None:
    with stream(own, "/events/out") as silent:
        say(silent, {"type": "filter", "filter": {"occurred": {"until": soon()}}})
        for _ in range(30):
            own.post("/events", json=[event("big", payload={"text": "x" * 200_000})]).raise_for_status()
        assert names(own)[0] == "big"
        silent.socket.shutdown(socket.SHUT_RDWR)  # it would wait for an answer behind all that it has not read


def test_disconnected_client_is_removed(own: httpx.Client) -> None:
    with stream(own, "/events/in") as connection:
        say(connection, event("before"))
        assert names(own) == ["before"]
        connection.socket.shutdown(socket.SHUT_RDWR)
    assert own.get("/health").json() is True


def test_other_paths_have_no_stream(own: httpx.Client) -> None:
    for path in ("/events", "/flows/filter", "/nothing"):
        with pytest.raises(InvalidStatus) as refused, stream(own, path):
            pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("how", ["drop", "reset"])
def test_fault_rule_drops_a_handshake(how: str) -> None:
    """Without a response, as if the server was stopped; then the client reconnects."""
    with stand_in(SMALL) as api:
        rules = f"{str(api.base_url).rstrip('/').removesuffix('/api')}/__admin/faults"
        httpx.put(rules, json={"rules": [{"connection": how, "first": 1}]}).raise_for_status()
        with pytest.raises((OSError, EOFError, InvalidMessage)), stream(api, "/events/in"):
            pass
        with stream(api, "/events/in") as connection:
            say(connection, event("again"))
            assert names(api) == ["again"]


def test_fault_rule_hangs_a_handshake() -> None:
    with stand_in(SMALL) as api:
        rules = f"{str(api.base_url).rstrip('/').removesuffix('/api')}/__admin/faults"
        httpx.put(rules, json={"rules": [{"connection": "hang", "first": 1}]}).raise_for_status()
        url = f"{str(api.base_url).rstrip('/').replace('http', 'ws', 1)}/events/in"
        with pytest.raises(TimeoutError), connect(url, subprotocols=PREFECT, open_timeout=0.5):
            pass
        with stream(api, "/events/in") as connection:
            say(connection, event("again"))
            assert names(api) == ["again"]


def test_fault_rule_cuts_a_stream_at_its_first_message() -> None:
    with stand_in(SMALL) as api:
        rules = f"{str(api.base_url).rstrip('/').removesuffix('/api')}/__admin/faults"
        httpx.put(rules, json={"rules": [{"connection": "cut"}]}).raise_for_status()
        with pytest.raises(ConnectionClosed) as cut, stream(api, "/events/in") as connection:
            connection.recv(SECONDS)
        assert cut.value.rcvd is None


def test_each_workspace_has_its_own_streams(own: httpx.Client, scratch: httpx.Client) -> None:
    with stream(own, "/events/in") as here, stream(scratch, "/events/in") as there:
        say(here, event("here"))
        say(there, event("there"))
        assert (names(own), names(scratch)) == (["here"], ["there"])


def test_stream_needs_the_credentials_of_the_server() -> None:
    with stand_in(SMALL, "--auth", "admin:secret") as api:
        api.headers["authorization"] = "Basic YWRtaW46c2VjcmV0"
        for token in (None, "wrong"):
            with pytest.raises(ConnectionClosed) as refused, stream(api, "/events/in", token):
                pass
            assert refused.value.rcvd is not None
            assert refused.value.rcvd.code == 1008
        url = f"{str(api.base_url).rstrip('/').replace('http', 'ws', 1)}/events/in"
        with pytest.raises(InvalidStatus), connect(url):
            pass
        with stream(api, "/events/in", "admin:secret") as connection:
            say(connection, event("let in"))
            assert names(api) == ["let in"]
        with client(str(api.base_url).rstrip("/").removesuffix("/api") + "/__admin") as control:
            journal = control.get("/requests", params={"path": "/api/events/in"}, headers=api.headers).text
        assert "let in" in journal
        assert "secret" not in journal


def test_messages_of_a_stream_are_in_the_journal(scratch: httpx.Client) -> None:
    """Messages are the body of the response to its handshake, a line for each."""
    base = str(scratch.base_url).rstrip("/")
    with stream(scratch, "/logs/out") as receiving:
        say(receiving, {"type": "x", "filter": {}})
        assert closed(receiving) == 1002
    with client(f"{base.removesuffix('/api')}/__admin") as control:
        last = control.get("/requests", params={"path": "/api/logs/out"}).json()["requests"][0]
    assert last["status"] == 101
    assert "auth_success" in str(last)


def state_event(run: str, flow_run: str, kind: str, second: int, **task_run: Any) -> dict[str, Any]:
    """The event of a client that takes a task run into a state, as the SDK sends it."""
    occurred = datetime(2026, 3, 3, 12, 0, second, tzinfo=timezone.utc).isoformat()
    resource = {"prefect.resource.id": f"prefect.task-run.{run}", "prefect.orchestration": "client"}
    related = [{"prefect.resource.id": f"prefect.flow-run.{flow_run}", "prefect.resource.role": "flow-run"}]
    fields = {"name": "load-0", "task_key": "load", "dynamic_key": "0", "run_count": second, **task_run}
    state: dict[str, Any] = {
        "type": kind,
        "name": kind.capitalize(),
        "message": None,
        "state_details": {},
        "data": None,
    }
    payload = {"task_run": fields, "validated_state": state}
    name = f"prefect.task-run.{state['name']}"
    return {**event(name, occurred=occurred, payload=payload), "resource": resource, "related": related}


@pytest.mark.parametrize("order", ["012", "210", "1021", "0012"])
def test_task_runs_are_created_from_events_in_any_order(own: httpx.Client, order: str) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    kinds = ["PENDING", "RUNNING", "COMPLETED"]
    events = [state_event(run, flow_run, kind, second) for second, kind in enumerate(kinds)]
    with stream(own, "/events/in") as sending:
        for number in order:
            say(sending, events[int(number)])
    made = own.get(f"/task_runs/{run}").json()
    assert (made["state_type"], made["state_name"], made["run_count"]) == ("COMPLETED", "Completed", 2)
    assert (made["state_id"], made["state"]["id"]) == (events[2]["id"], events[2]["id"])
    assert made["state"]["state_details"]["task_run_id"] == run
    assert (made["flow_run_id"], made["task_key"]) == (flow_run, "load")
    states = own.get("/task_run_states/", params={"task_run_id": run}).json()
    assert [state["type"] for state in states] == kinds


def test_event_with_the_time_of_another_state_changes_nothing(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    own.post("/events", json=[state_event(run, flow_run, "RUNNING", 1), state_event(run, flow_run, "COMPLETED", 1)])
    assert own.get(f"/task_runs/{run}").json()["state_type"] == "RUNNING"
    states = own.get("/task_run_states/", params={"task_run_id": run}).json()
    assert [state["type"] for state in states] == ["RUNNING"]


def test_task_run_of_an_event_has_the_sent_labels_or_null(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    first, second = str(uuid4()), str(uuid4())
    labelled = state_event(second, flow_run, "RUNNING", 1, dynamic_key="1", labels={"a": 1})
    own.post("/events", json=[state_event(first, flow_run, "RUNNING", 1), labelled])
    assert [own.get(f"/task_runs/{run}").json()["labels"] for run in (first, second)] == [None, {"a": 1}]


def test_task_run_is_also_identified_by_its_key(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    first, second = str(uuid4()), str(uuid4())
    own.post("/events", json=[state_event(first, flow_run, "RUNNING", 1), state_event(second, flow_run, "FAILED", 2)])
    assert own.get(f"/task_runs/{second}").status_code == 404
    made = own.get(f"/task_runs/{first}").json()
    assert (made["state_type"], made["state"]["state_details"]["task_run_id"]) == ("FAILED", first)


@pytest.mark.parametrize(("name", "shown"), [(None, "Running"), ("", "")])
def test_state_of_an_event_has_the_name_of_its_type_without_one(
    own: httpx.Client, name: str | None, shown: str
) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    sent = state_event(run, flow_run, "RUNNING", 1)
    sent["payload"]["validated_state"]["name"] = name
    own.post("/events", json=[sent]).raise_for_status()
    assert own.get(f"/task_runs/{run}").json()["state_name"] == shown


def test_key_of_a_task_run_takes_precedence_over_its_id(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    runs = [str(uuid4()) for _ in range(2)]
    for key, run in enumerate(runs):
        own.post("/events", json=[state_event(run, flow_run, "RUNNING", 1, dynamic_key=str(key))])
    own.post("/events", json=[state_event(runs[0], flow_run, "FAILED", 2, dynamic_key="1")])
    found = [own.get(f"/task_runs/{run}").json() for run in runs]
    assert [(run["dynamic_key"], run["state_type"]) for run in found] == [("0", "RUNNING"), ("1", "FAILED")]


@pytest.mark.parametrize(("of_task_run", "of_flow_run"), [("", "prefect.flow-run."), ("prefect.task-run.", "")])
def test_event_of_other_resources_records_no_task_run(own: httpx.Client, of_task_run: str, of_flow_run: str) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    sent = state_event(run, flow_run, "RUNNING", 1)
    sent["resource"]["prefect.resource.id"] = f"{of_task_run}{run}"
    sent["related"][0]["prefect.resource.id"] = f"{of_flow_run}{flow_run}"
    own.post("/events", json=[sent]).raise_for_status()
    assert own.get(f"/task_runs/{run}").status_code == 404


def test_task_run_of_an_event_has_the_ids_of_the_event(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    first, second = str(uuid4()), str(uuid4())
    own.post("/events", json=[state_event(first, flow_run, "RUNNING", 1, id=second, flow_run_id=None)])
    assert own.get(f"/task_runs/{first}").status_code == 404
    assert own.get(f"/task_runs/{second}").json()["flow_run_id"] is None
    state = own.get("/task_run_states/", params={"task_run_id": second}).json()[0]
    assert (state["state_details"]["task_run_id"], state["state_details"]["flow_run_id"]) == (second, flow_run)


def test_scheduled_state_of_an_event_is_due_at_once_by_default(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    sent = state_event(run, flow_run, "SCHEDULED", 1)
    sent["payload"]["validated_state"]["created"] = "2026-03-03T12:00:00Z"
    own.post("/events", json=[sent])
    due = [own.get(f"/task_runs/{run}").json()["state"]["state_details"]["scheduled_time"] for _ in range(2)]
    assert due[0] is not None
    assert due[0] == due[1]


def test_task_run_of_an_event_gets_a_name_by_default(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    unnamed = [state_event(str(uuid4()), flow_run, "RUNNING", 1, dynamic_key=str(key)) for key in range(3)]
    del unnamed[0]["payload"]["task_run"]["name"]
    unnamed[1]["payload"]["task_run"]["name"] = None
    unnamed[2]["payload"]["task_run"]["name"] = ""
    own.post("/events", json=unnamed)
    runs = own.post("/task_runs/filter", json={"sort": "ID_DESC"}).json()
    runs = [run for run in runs if run["task_key"] == "load"]
    assert len(runs) == 3
    assert all("-" in run["name"] for run in runs)


@pytest.mark.parametrize(
    ("field", "given", "shown"),
    [
        ("run_count", "3", 3),
        ("run_count", 2.0, 2),
        ("start_time", 1_700_000_000, "2023-11-14T22:13:20Z"),
        ("start_time", "2026-03-03T14:00:00+02:00", "2026-03-03T12:00:00Z"),
        ("start_time", None, None),
        ("total_run_time", "PT5S", 5.0),
        ("total_run_time", 4.5, 4.5),
        ("empirical_policy", {"retries": "2"}, {"retries": 2}),
        ("empirical_policy", {"retry_delay": ["1", 2.5]}, {"retry_delay": [1.0, 2.5]}),
    ],
)
def test_values_of_an_event_are_coerced(own: httpx.Client, field: str, given: Any, shown: Any) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    own.post("/events", json=[state_event(run, flow_run, "COMPLETED", 1, **{field: given})])
    found = own.get(f"/task_runs/{run}").json()[field]
    assert ({name: found[name] for name in shown} if isinstance(shown, dict) else found) == shown


def test_state_of_an_event_is_coerced(own: httpx.Client) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    sent = state_event(run, flow_run, "SCHEDULED", 1)
    details = {"scheduled_time": 1_700_000_000, "deferred": "true"}
    sent["payload"]["validated_state"] |= {"timestamp": "1700000001", "state_details": details}
    own.post("/events", json=[sent])
    state = own.get(f"/task_runs/{run}").json()["state"]
    found = state["timestamp"], state["state_details"]["scheduled_time"], state["state_details"]["deferred"]
    assert found == ("2023-11-14T22:13:21Z", "2023-11-14T22:13:20Z", True)


@pytest.mark.parametrize(
    "given",
    [
        {"flow_run_id": str(uuid4())},
        {"task_key": None},
        {"dynamic_key": 5},
        {"run_count": 1.5},
        {"total_run_time": "five"},
        {"empirical_policy": {"retry_jitter_factor": -1}},
        {"empirical_policy": {"retry_delay": [1] * 51}},
    ],
)
def test_event_with_an_invalid_task_run_is_only_an_event(own: httpx.Client, given: dict[str, Any]) -> None:
    flow_run = own.post("/flow_runs/filter", json={"limit": 1}).json()[0]["id"]
    run = str(uuid4())
    assert own.post("/events", json=[state_event(run, flow_run, "RUNNING", 1, **given)]).status_code == 204
    assert own.get(f"/task_runs/{run}").status_code == 404


@pytest.mark.parametrize("wrong", [{"task_run": {}}, {}, {"task_run": 1, "validated_state": []}])
def test_event_without_its_task_run_is_stored(own: httpx.Client, wrong: dict[str, Any]) -> None:
    sent = {**state_event(str(uuid4()), str(uuid4()), "RUNNING", 1), "payload": wrong}
    assert own.post("/events", json=[sent]).status_code == 204
    before = {"since": "2026-03-03T00:00:00Z", "until": "2026-03-04T00:00:00Z"}
    assert own.post("/events/filter", json={"filter": {"occurred": before}}).json()["total"] == 1


def test_states_of_a_flow_run_are_events(own: httpx.Client) -> None:
    flow = own.post("/flows/", json={"name": f"flow-{uuid4()}", "tags": ["b"]}).json()
    run = own.post("/flow_runs/", json={"flow_id": flow["id"], "tags": ["a"], "name": None}).json()
    answer = own.post(f"/flow_runs/{run['id']}/set_state", json={"state": {"type": "RUNNING", "message": "on"}}).json()
    until = {"until": soon()}
    found = own.post(
        "/events/filter", json={"filter": {"occurred": until, "resource": {"id_prefix": ["prefect.flow-run"]}}}
    )
    running, pending = found.json()["events"]
    assert (pending["event"], pending["payload"]["intended"]) == (
        "prefect.flow-run.Pending",
        {"from": None, "to": "PENDING"},
    )
    assert (running["id"], running["follows"]) == (answer["state"]["id"], run["state"]["id"])
    assert running["resource"] == {
        "prefect.resource.id": f"prefect.flow-run.{run['id']}",
        "prefect.resource.name": run["name"],
        "prefect.run-count": "1",
        "prefect.state-message": "on",
        "prefect.state-name": "Running",
        "prefect.state-timestamp": answer["state"]["timestamp"].replace("Z", "+00:00"),
        "prefect.state-type": "RUNNING",
    }
    assert [(each["prefect.resource.role"], each["prefect.resource.id"]) for each in running["related"]] == [
        ("flow", f"prefect.flow.{flow['id']}"),
        ("tag", "prefect.tag.a"),
        ("tag", "prefect.tag.b"),
    ]


def background_run(api: httpx.Client, key: str, name: str | None = None) -> str:
    """The id of a task run that a worker gets; `name` is that of its state."""
    body = {"task_key": key, "dynamic_key": str(uuid4()), "name": None}
    state = {"type": "SCHEDULED", "name": name, "state_details": {"deferred": True}}
    run: str = api.post("/task_runs/", json={**body, "state": state}).raise_for_status().json()["id"]
    return run


SCHEDULED = "/task_runs/subscriptions/scheduled"


def subscribe(connection: Connection, *keys: str) -> None:
    say(connection, {"type": "subscribe", "keys": keys, "client_id": f"worker-{keys[0]}"})


def test_workers_get_each_background_run_of_their_tasks_once(own: httpx.Client) -> None:
    first = background_run(own, "load")
    background_run(own, "other")
    with stream(own, SCHEDULED) as worker:
        subscribe(worker, "load", "save")
        assert heard(worker)["id"] == first
        say(worker, {"type": "ack"})
        second = background_run(own, "save")
        assert heard(worker)["id"] == second
        observed = own.post("/task_workers/filter", json={}).json()
        assert [each["task_keys"] for each in observed] == [["load", "save"]]
        say(worker, {"type": "ack"})
        third = background_run(own, "load")
        assert heard(worker)["id"] == third
        # It disconnected before it had accepted the third, which another worker gets then.
        worker.socket.shutdown(socket.SHUT_RDWR)
    with stream(own, SCHEDULED) as other:
        subscribe(other, "load")
        assert heard(other)["id"] == third
        say(other, {"type": "quit"})
        assert closed(other) == 1000


@pytest.mark.parametrize("answer", [None, {"type": "x"}])
def test_waiting_worker_gets_runs_that_another_does_not_accept(own: httpx.Client, answer: object) -> None:
    """Whether the other one disconnects or sends something else."""
    with stream(own, SCHEDULED) as worker, stream(own, SCHEDULED) as waiting:
        subscribe(worker, "load")
        given = background_run(own, "load")
        assert heard(worker)["id"] == given
        subscribe(waiting, "load", "save")
        saved = background_run(own, "save")
        assert heard(waiting)["id"] == saved
        say(waiting, {"type": "ack"})
        if answer is None:
            worker.socket.shutdown(socket.SHUT_RDWR)
        else:
            say(worker, answer)
        assert heard(waiting)["id"] == given


def test_retried_runs_come_first_then_the_oldest(own: httpx.Client) -> None:
    runs = [background_run(own, "load", name) for name in (None, None, "AwaitingRetry")]
    with stream(own, SCHEDULED) as worker:
        subscribe(worker, "load")
        for run in (runs[2], runs[0], runs[1]):
            assert heard(worker)["id"] == run
            say(worker, {"type": "ack"})


def test_runs_come_in_the_order_in_which_they_were_scheduled(own: httpx.Client) -> None:
    runs = []
    for _ in range(3):
        made = own.post("/task_runs/", json={"task_key": "load", "dynamic_key": str(uuid4()), "name": None})
        runs.append(made.raise_for_status().json()["id"])
    in_order = [runs[place] for place in (2, 0, 1)]
    for run in in_order:
        state = {"type": "SCHEDULED", "state_details": {"deferred": True}}
        own.post(f"/task_runs/{run}/set_state", json={"state": state}).raise_for_status()
    with stream(own, SCHEDULED) as worker:
        subscribe(worker, "load")
        for run in in_order:
            assert heard(worker)["id"] == run
            say(worker, {"type": "ack"})


def test_runs_of_the_first_named_task_come_first(own: httpx.Client) -> None:
    save, load = background_run(own, "save"), background_run(own, "load")
    again = background_run(own, "save", "AwaitingRetry")
    with stream(own, SCHEDULED) as worker:
        subscribe(worker, "load", "save")
        for run in (load, again, save):
            assert heard(worker)["id"] == run
            say(worker, {"type": "ack"})


def test_workers_are_listed_by_their_tasks_while_they_are_connected(own: httpx.Client) -> None:
    def listed(**fields: object) -> list[str]:
        found = own.post("/task_workers/filter", json=fields).raise_for_status().json()
        return [each["identifier"] for each in found]

    with stream(own, SCHEDULED) as load, stream(own, SCHEDULED) as save, stream(own, SCHEDULED) as again:
        for worker, key in ((load, "load"), (save, "save"), (again, "save")):  # the last replaces the one before
            subscribe(worker, key)
            background_run(own, key)
            heard(worker)
        assert sorted(listed()) == ["worker-load", "worker-save"]
        assert listed(task_worker_filter={"task_keys": ["save", "other"]}) == ["worker-save"]
        assert listed(task_worker_filter={"task_keys": ["other"]}) == []
        for worker in (load, save, again):
            say(worker, {"type": "quit"})
            assert closed(worker) == 1000
        assert listed() == []


@pytest.mark.parametrize("message", [{"type": "x"}, {"type": "subscribe"}, {"type": "subscribe", "keys": ["a"]}])
def test_worker_must_name_its_tasks(own: httpx.Client, message: dict[str, Any]) -> None:
    with stream(own, SCHEDULED) as worker:
        say(worker, message)
        assert closed(worker) == 4001


def test_streams_end_with_their_workspace(scratch: httpx.Client) -> None:
    path = f"/accounts/{uuid4()}/workspaces/{uuid4()}"
    base = str(scratch.base_url).rstrip("/")
    with client(f"{base}{path}") as api, stream(api, "/events/out") as receiving, stream(api, SCHEDULED) as worker:
        say(receiving, {"type": "filter", "filter": {"occurred": {"until": soon()}}})
        subscribe(worker, "load")
        while not api.post("/task_workers/filter", json={}).json():
            pass  # until the stream has read what it was sent
        say(receiving, {})
        name = path.removeprefix("/accounts/").replace("/workspaces/", "/")
        with client(f"{base.removesuffix('/api')}/__admin") as control:
            control.delete("/workspaces", params={"workspace": name}).raise_for_status()
        for connection in (receiving, worker):
            assert closed(connection) == 1001
        with client(f"{base.removesuffix('/api')}/__admin") as control:
            assert name not in [each["workspace"] for each in control.get("/state").json()["workspaces"]]


# ------------------------------------------------------------------------- workers

CONNECT = "/work_pools/pool/workers/connect"
CONSUMER = str(uuid4())
TEMPLATE = {"job_configuration": {"a": "{{ a }}"}, "variables": {"properties": {"a": {"type": "string"}}}}
REQUIRED = ["worker_heartbeat.v1", "work_pool_snapshot.v1"]


def message(kind: str, **payload: Any) -> dict[str, Any]:
    sent_at = datetime.now(timezone.utc).isoformat()
    return {"type": kind, "id": str(uuid4()), "sent_at": sent_at, "payload": payload}


def hello(**more: Any) -> dict[str, Any]:
    payload = {"consumer_id": CONSUMER, "worker_name": "w", "worker_type": "process", "heartbeat_interval_seconds": 9}
    versions = ["work_pool_worker_channel.v1"]
    payload |= {"supported_channel_versions": versions, "requested_capabilities": REQUIRED, **more}
    return message("worker.hello.v1", **payload)


def heartbeat(**more: Any) -> dict[str, Any]:
    payload = {"consumer_id": CONSUMER, "worker_name": "w", "heartbeat_interval_seconds": 9, **more}
    return message("worker.heartbeat.v1", **payload)


def pool_named(api: httpx.Client, name: str = "pool") -> dict[str, Any]:
    made = api.post("/work_pools/", json={"name": name, "type": "process"}).raise_for_status()
    return dict(made.json())


def test_worker_is_online_and_gets_its_pool(own: httpx.Client) -> None:
    pool = pool_named(own)
    with stream(own, CONNECT) as worker:
        say(worker, hello(requested_capabilities=[*REQUIRED, "cleanup_delivery.v1"]))
        ready = heard(worker)
        payload = ready["payload"]
        assert (ready["type"], payload["accepted_capabilities"]) == ("worker.ready.v1", REQUIRED)
        assert payload["rejected_capabilities"] == ["cleanup_delivery.v1"]
        assert payload["resolved_work_queues"] == [{"id": pool["default_queue_id"], "name": "default"}]
        assert payload["initial_snapshot"]["work_pool"] == own.get("/work_pools/pool").json()
        (online,) = own.post("/work_pools/pool/workers/filter", json={}).json()
        assert (online["name"], online["status"], online["heartbeat_interval_seconds"]) == ("w", "ONLINE", 9)

        own.patch("/work_pools/pool", json={"is_paused": True}).raise_for_status()
        changed = heard(worker)
        assert (changed["type"], changed["payload"]["reason"]) == ("work_pool.snapshot.v1", "work_pool_updated")
        assert (changed["payload"]["snapshot_sequence"], changed["payload"]["work_pool"]["is_paused"]) == (2, True)

        own.patch("/work_pools/pool", json={"description": "new"}).raise_for_status()
        say(worker, heartbeat())  # a new description is not sent to a worker at once
        sent = heard(worker)["payload"]
        assert (sent["reason"], sent["work_pool"]["description"]) == ("heartbeat_reconciliation", "new")
        (beaten,) = own.post("/work_pools/pool/workers/filter", json={}).json()
        assert beaten["last_heartbeat_time"] > online["last_heartbeat_time"]

        say(worker, message("cleanup.ack.v1", message_id=str(uuid4()), reservation_token="t"))
        answer = heard(worker)["payload"]
        assert (answer["operation"], answer["status"]) == ("ack", "unauthorized")

        own.delete("/work_pools/pool").raise_for_status()
        assert closed(worker) == 1008
        assert worker.close_reason == "authorization_failed"


def test_worker_creates_its_pool_with_its_template(own: httpx.Client) -> None:
    with stream(own, CONNECT) as worker:
        say(worker, hello(create_pool_if_not_found=True, default_base_job_template=TEMPLATE))
        assert heard(worker)["payload"]["initial_snapshot"]["work_pool"]["base_job_template"] == TEMPLATE
    assert own.get("/work_pools/pool").json()["type"] == "process"
    assert {"prefect.work-pool.created", "prefect.work-queue.created"} <= set(names(own))
    pool_named(own, "empty")
    with stream(own, CONNECT.replace("pool/", "empty/")) as worker:
        say(worker, hello(default_base_job_template=TEMPLATE))
        assert [heard(worker)["type"] for _ in range(2)] == ["worker.ready.v1", "work_pool.snapshot.v1"]
    assert own.get("/work_pools/empty").json()["base_job_template"] == TEMPLATE


@pytest.mark.parametrize(
    ("messages", "code", "reason"),
    [
        ([hello(work_queue_names=["none"])], 1008, "authorization_failed"),
        ([hello(supported_channel_versions=["v9"])], 1008, "unsupported_version"),
        ([hello(requested_capabilities=REQUIRED[:1])], 1002, "protocol_error"),
        ([hello(max_cleanup_concurrency=1)], 1002, "protocol_error"),
        ([hello(handled_cleanup_kinds=["cancelling_timeout_teardown.v1"])], 1002, "protocol_error"),
        (
            [hello(), message("cleanup.ack.v1", message_id=CONSUMER, reservation_token="t", reason="r")],
            1002,
            "protocol_error",
        ),
        ([hello(), message("cleanup.release.v1", message_id=CONSUMER, reservation_token="t")], 1002, "protocol_error"),
        ([hello(worker_name="")], 1002, "protocol_error"),
        ([hello(more=1)], 1002, "protocol_error"),
        ([heartbeat()], 1002, "protocol_error"),
        ([{"type": "other"}], 1002, "protocol_error"),
        ([hello(), hello()], 1002, "protocol_error"),
        ([hello(), heartbeat(worker_name="other")], 1002, "protocol_error"),
        ([hello(), message("nothing.known")], 1002, "protocol_error"),
        ([hello(default_base_job_template={"job_configuration": {}})], 1011, "transient_server_error"),
    ],
)
def test_invalid_worker_is_rejected(own: httpx.Client, messages: list[Any], code: int, reason: str) -> None:
    pool_named(own)
    with stream(own, CONNECT) as worker:
        for each in messages:
            say(worker, each)
        assert closed(worker) == code
        assert worker.close_reason == reason
    assert own.get("/health").json() is True


def test_worker_is_rejected_without_its_pool_and_its_protocol(own: httpx.Client) -> None:
    for name in ("pool", "prefect-pool"):
        with stream(own, CONNECT.replace("pool/", f"{name}/", 1)) as worker:
            say(worker, hello(create_pool_if_not_found=name != "pool"))
            assert closed(worker) == 1008
    url = f"{str(own.base_url).rstrip('/').replace('http', 'ws', 1)}{CONNECT}"
    with pytest.raises(InvalidStatus), connect(url, open_timeout=SECONDS):
        pass
