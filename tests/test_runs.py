"""Operations on runs beyond their rows: histories, graphs, inputs, logs, and what the UI shows."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.servers import stand_in

START = "2030-01-01T00:00:00Z"
JSON = {"content-type": "application/json"}


def created(api: httpx.Client, path: str, **fields: object) -> dict[str, Any]:
    row: dict[str, Any] = api.post(path, json=fields).raise_for_status().json()
    return row


@pytest.fixture
def flow(scratch: httpx.Client) -> str:
    return str(created(scratch, "/flows/", name=f"flow-{uuid4()}")["id"])


@pytest.fixture
def run(scratch: httpx.Client, flow: str) -> str:
    """The id of a flow run that is to start in 2030."""
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": START}}
    return str(created(scratch, "/flow_runs/", flow_id=flow, name="one", state=state, labels={"a": 1})["id"])


def task_run(api: httpx.Client, flow_run: str | None, key: str, **fields: object) -> dict[str, Any]:
    return created(api, "/task_runs/", flow_run_id=flow_run, task_key=key, dynamic_key="0", name=key, **fields)


@pytest.mark.parametrize("name", [None, "", 0, False, [], {}])
def test_new_run_with_an_empty_name_gets_a_name(scratch: httpx.Client, flow: str, run: str, name: object) -> None:
    deployment = created(scratch, "/deployments/", name="d", flow_id=flow)["id"]
    of_task = {"flow_run_id": run, "task_key": "k", "dynamic_key": str(uuid4())}
    rows = [
        created(scratch, "/flow_runs/", flow_id=flow, name=name),
        created(scratch, f"/deployments/{deployment}/create_flow_run", name=name),
        created(scratch, "/task_runs/", **of_task, name=name),
    ]
    assert all("-" in row["name"] for row in rows)
    refused = scratch.post("/flow_runs/", json={"flow_id": flow, "name": 1})
    assert refused.json()["exception_detail"][0]["type"] == "string_type"


# ------------------------------------------------------------------- task runs


def test_task_run_is_found_by_its_keys(scratch: httpx.Client, run: str) -> None:
    for flow_run in (run, None):
        body = {"flow_run_id": flow_run, "task_key": f"key-{uuid4()}", "dynamic_key": "0", "name": "first"}
        first, second = (scratch.post("/task_runs/", json={**body, "name": name}) for name in ("first", "second"))
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["id"] == second.json()["id"]
        assert second.json()["name"] == "first"


def test_task_run_inherits_the_labels_of_its_flow_run(scratch: httpx.Client, run: str) -> None:
    labels = task_run(scratch, run, "t", labels={"a": 2})["labels"]
    assert labels["a"] == 2
    assert labels["prefect.flow-run.id"] == run


def test_task_run_needs_an_existing_flow_run_and_a_new_id(scratch: httpx.Client, run: str) -> None:
    body = {"task_key": f"key-{uuid4()}", "dynamic_key": "0"}
    taken = task_run(scratch, run, "taken")["id"]
    assert scratch.post("/task_runs/", json={**body, "flow_run_id": str(uuid4())}).status_code == 409
    assert scratch.post("/task_runs/", json={**body, "id": taken}).status_code == 409
    assert scratch.post("/task_runs/", json={**body, "id": None}).status_code == 201


def test_durations_depend_on_the_current_time(tmp_path: Path) -> None:
    """A running task run lasts until now; equal durations are sorted by expected start and id, descending."""
    early, late = "2025-01-01T00:00:00Z", "2025-06-01T00:00:00Z"
    running = {"state_type": "RUNNING", "state_timestamp": early}
    values: list[dict[str, Any]] = [
        {"total_run_time": 100.0}, {**running, "total_run_time": 5.0}, {"expected_start_time": early},
        {"expected_start_time": late}, {}, {}, {**running, "state_timestamp": late, "total_run_time": 5.0},
    ]  # fmt: skip
    times = {"created": early, "updated": early}
    rows = [
        {"id": str(UUID(int=number)), "task_key": "t", "dynamic_key": str(number), **times, **each}
        for number, each in enumerate(values)
    ]
    (tmp_path / "task_runs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with stand_in(tmp_path) as api:
        for sort, expected in (("DURATION_DESC", [1, 6, 0, 3, 2, 5, 4]), ("DURATION_ASC", [3, 2, 5, 4, 0, 6, 1])):
            found = api.post("/task_runs/filter", json={"sort": sort, "limit": 6}).json()
            assert [UUID(row["id"]).int for row in found] == expected[:6]
            page = api.post("/task_runs/paginate", json={"sort": sort, "limit": 3, "page": 2}).json()
            assert [UUID(row["id"]).int for row in page["results"]] == expected[3:6]


def test_errors_of_an_input_name_each_kind_of_input(scratch: httpx.Client) -> None:
    inputs = {"x": [{"input_type": "task_run", "id": 1}]}
    body = {"task_key": "k", "dynamic_key": "0", "task_inputs": inputs}
    errors = scratch.post("/task_runs/", json=body).json()["exception_detail"]
    kinds = {error["loc"][4]: error["type"] for error in errors if error["loc"][-1] == "input_type"}
    assert kinds == dict.fromkeys(("FlowRunResult", "Parameter", "Constant"), "literal_error")


# ----------------------------------------------------------------------- graphs


def test_graph_has_nodes_with_their_neighbours(scratch: httpx.Client, run: str, flow: str) -> None:
    first = task_run(scratch, run, "first")["id"]
    inputs = {"x": [{"input_type": "task_run", "id": first}, {"input_type": "parameter", "name": "p"}]}
    second = task_run(scratch, run, "second", task_inputs=inputs)["id"]
    around = {"__parents__": [{"input_type": "task_run", "id": second}]}
    third = task_run(scratch, run, "third", task_inputs=around)["id"]
    child = created(scratch, "/flow_runs/", flow_id=flow, name="child", parent_task_run_id=third)["id"]
    graph = scratch.get(f"/flow_runs/{run}/graph-v2").json()
    nodes = dict(graph["nodes"])
    assert graph["start_time"] == START
    assert graph["root_node_ids"] == [first, child]
    assert [node["kind"] for node in nodes.values()] == ["task-run", "task-run", "flow-run"]
    assert nodes[first]["children"] == [{"id": second}]
    assert nodes[second]["parents"] == [{"id": first}]
    assert nodes[child]["encapsulating"] == [{"id": second}]
    assert nodes[child]["label"].endswith(" / child")
    assert [state["name"] for state in graph["states"]] == ["Scheduled"]
    upstream = {each["name"]: each["upstream_dependencies"] for each in scratch.get(f"/flow_runs/{run}/graph").json()}
    assert upstream["second"] == [{"input_type": "task_run", "id": first}]


def test_graph_omits_earlier_nodes(scratch: httpx.Client, run: str) -> None:
    ended = task_run(scratch, run, "ended", state={"type": "COMPLETED"})["id"]
    going = task_run(scratch, run, "going", state={"type": "RUNNING"})["id"]

    def nodes(since: str) -> list[str]:
        graph = scratch.get(f"/flow_runs/{run}/graph-v2", params={"since": since}).json()
        return [node_id for node_id, _ in graph["nodes"]]

    assert nodes("2000-01-01T00:00:00Z") == [ended, going]
    assert nodes("2100-01-01T00:00:00Z") == [going]


def test_graph_shows_artifacts_at_their_task_run(scratch: httpx.Client, run: str) -> None:
    task = task_run(scratch, run, "t")["id"]
    key = f"key-{uuid4()}"
    for kind, of in (("progress", task), ("markdown", None), ("result", task)):
        created(scratch, "/artifacts/", key=key, type=kind, data=7, flow_run_id=run, task_run_id=of)
    graph = scratch.get(f"/flow_runs/{run}/graph-v2").json()
    own = graph["nodes"][0][1]["artifacts"]
    assert [(each["type"], each["data"], each["is_latest"]) for each in own] == [("progress", 7, False)]
    assert [(each["type"], each["data"]) for each in graph["artifacts"]] == [("markdown", None)]


def test_missing_flow_run_has_no_graph(scratch: httpx.Client) -> None:
    nobody = uuid4()
    texts = [scratch.get(f"/flow_runs/{nobody}/{kind}").json()["exception_message"] for kind in ("graph", "graph-v2")]
    assert texts == [f"Flow run with id {nobody} not found", f"Flow run {nobody} not found"]


# -------------------------------------------------------------------- histories


def history(api: httpx.Client, flow: str, **fields: object) -> Any:
    body = {"history_start": START, "history_end": "2030-01-01T03:00:00Z", "history_interval_seconds": 3600}
    return api.post("/flow_runs/history", json={**body, "flows": {"id": {"any_": [flow]}}, **fields})


def test_history_counts_runs_by_interval_and_state(scratch: httpx.Client, run: str, flow: str) -> None:
    intervals = history(scratch, flow).json()
    assert [len(interval["states"]) for interval in intervals] == [1, 0, 0]
    assert intervals[1]["interval_end"] == "2030-01-01T02:00:00Z"
    state = intervals[0]["states"][0]
    assert state == {
        "state_type": "SCHEDULED", "state_name": "Scheduled", "count_runs": 1, "sum_estimated_run_time": 0.0,
        "sum_estimated_lateness": 0.0,
    }  # fmt: skip
    assert len(history(scratch, flow, history_interval_seconds=1).json()) == 500
    assert history(scratch, flow, history_end=START).json() == []


@pytest.mark.parametrize("seconds", [0.5, -1, 1e300, float(2**53)])
def test_interval_is_limited(scratch: httpx.Client, flow: str, seconds: float) -> None:
    answer = history(scratch, flow, history_interval_seconds=seconds)
    assert answer.status_code == 422
    assert "istory" in answer.json()["detail"]


def test_lateness_is_an_average(scratch: httpx.Client, flow: str) -> None:
    flows = {"flows": {"id": {"any_": [flow]}}}
    assert scratch.post("/flow_runs/lateness", json=flows).json() is None
    late = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2020-01-01T00:00:00Z"}}
    created(scratch, "/flow_runs/", flow_id=flow, state=late)
    first = scratch.post("/flow_runs/lateness", json=flows).json()
    created(scratch, "/flow_runs/", flow_id=flow, state={"type": "COMPLETED"})
    assert first > 100_000_000
    assert scratch.post("/flow_runs/lateness", json=flows).json() == pytest.approx(first / 2, rel=1e-3)


# ------------------------------------------------------- inputs, labels and logs


def test_input_is_stored_by_its_key(scratch: httpx.Client, run: str) -> None:
    path = f"/flow_runs/{run}/input"
    statuses = [
        scratch.post(path, json={"key": key, "value": "v"}).status_code
        for key in ("in-1", "in-2", "in-1", "A b", "x\n", "x\n\n", "x\ny")
    ]
    assert statuses == [201, 201, 409, 422, 201, 422, 422]  # a line feed at the end is accepted
    value = scratch.get(f"{path}/in-1")
    assert (value.text, value.headers["content-type"]) == ("v", "text/plain; charset=utf-8")
    found = [scratch.post(f"{path}/filter", json={"prefix": "IN", **more}).json() for more in ({}, {"limit": 9})]
    assert [[each["key"] for each in each_found] for each_found in found] == [["in-1"], ["in-1", "in-2"]]
    excluded = scratch.post(f"{path}/filter", json={"prefix": "in", "exclude_keys": ["in-1"]}).json()
    assert [each["key"] for each in excluded] == ["in-2"]
    assert scratch.delete(f"{path}/in-1").status_code == 204
    assert scratch.delete(f"{path}/in-1").json() == {"detail": "Flow run input not found"}
    assert scratch.post(f"/flow_runs/{uuid4()}/input", json={"key": "a", "value": "v"}).status_code == 404


def test_update_keeps_the_policy_of_a_run(scratch: httpx.Client, flow: str) -> None:
    policy = {"retries": 2, "retry_delay": 5, "pause_keys": ["once"]}
    run = created(scratch, "/flow_runs/", flow_id=flow, empirical_policy=policy)["id"]
    scratch.patch(f"/flow_runs/{run}", json={"name": "renamed"}).raise_for_status()
    kept = scratch.get(f"/flow_runs/{run}").json()["empirical_policy"]
    assert {name: kept[name] for name in policy} == policy


def test_empty_name_is_replaced(scratch: httpx.Client, run: str) -> None:
    for path in (f"/flow_runs/{run}", f"/task_runs/{task_run(scratch, run, 't')['id']}"):
        for empty in (None, ""):
            scratch.patch(path, json={"name": "named"}).raise_for_status()
            assert scratch.patch(path, json={"name": empty}).status_code == 204
            assert scratch.get(path).json()["name"] not in (None, "", "named")
        assert scratch.patch(path, json={}).status_code == 204


def test_policy_has_each_pause_key_once(scratch: httpx.Client, flow: str) -> None:
    policy = {"pause_keys": ["b", "a", "b"]}
    kept = created(scratch, "/flow_runs/", flow_id=flow, empirical_policy=policy)["empirical_policy"]
    assert kept["pause_keys"] == ["b", "a"]
    for value, kind in (({"pause_keys": "a"}, "set_type"), ({"retry_type": "x"}, "literal_error")):
        refused = scratch.post("/flow_runs/", json={"flow_id": flow, "empirical_policy": value})
        assert [error["type"] for error in refused.json()["exception_detail"]] == [kind]


@pytest.mark.parametrize(
    ("given", "retries", "delay"),
    [
        ({"max_retries": 3, "retry_delay_seconds": 7}, 3, 7),
        ({"max_retries": 3, "retries": 2}, 2, None),
        ({"max_retries": 3, "retries": 0}, 3, None),
        ({"max_retries": 0}, None, None),
    ],
)
def test_policy_accepts_former_names_of_retries(
    scratch: httpx.Client, flow: str, given: dict[str, int], retries: int | None, delay: int | None
) -> None:
    of_task = {"task_key": "t", "dynamic_key": str(uuid4()), "flow_run_id": None}
    for row in (
        created(scratch, "/flow_runs/", flow_id=flow, empirical_policy=given),
        created(scratch, "/task_runs/", **of_task, empirical_policy=given),
    ):
        assert (row["empirical_policy"]["retries"], row["empirical_policy"]["retry_delay"]) == (retries, delay)


def test_policy_that_is_not_an_object_is_rejected(scratch: httpx.Client, flow: str) -> None:
    refused = scratch.post("/flow_runs/", json={"flow_id": flow, "empirical_policy": "x"})
    assert (refused.status_code, refused.json()["exception_detail"][0]["type"]) == (422, "model_attributes_type")


@pytest.mark.parametrize(("given", "kept"), [("3", 3), ("2.5", 2.5), (["1", "2"], [1, 2]), (True, 1), ([], [])])
def test_retry_delays_are_coerced_to_numbers(scratch: httpx.Client, run: str, given: object, kept: object) -> None:
    policy = task_run(scratch, run, "t", empirical_policy={"retry_delay": given})["empirical_policy"]
    assert policy["retry_delay"] == kept


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"retry_delay": [1] * 51}, "Can not configure more than 50 retry delays per task."),
        ({"retry_jitter_factor": -0.5}, "`retry_jitter_factor` must be >= 0."),
    ],
)
def test_retries_out_of_range_are_rejected(
    scratch: httpx.Client, run: str, policy: dict[str, object], message: str
) -> None:
    body = {"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "empirical_policy": policy}
    errors = scratch.post("/task_runs/", json=body).json()["exception_detail"]
    assert [(error["loc"][-1], error["msg"]) for error in errors] == [(*policy, f"Value error, {message}")]


@pytest.mark.parametrize(("given", "kept"), [("1.0", "1"), ("-0.0", "0"), ("1.5", "1.5"), ("[1.0]", "[1.0]")])
def test_bare_numbers_are_kept_as_sqlite_does(scratch: httpx.Client, flow: str, given: str, kept: str) -> None:
    run = created(scratch, "/flow_runs/", flow_id=flow)["id"]
    body = {"state": {"type": "RUNNING", "data": json.loads(given)}}
    scratch.post(f"/flow_runs/{run}/set_state", json=body).raise_for_status()
    assert f'"data":{kept},' in scratch.get(f"/flow_runs/{run}").text
    name = f"v_{uuid4().hex}"
    created(scratch, "/variables/", name=name, value=json.loads(given))
    assert f'"value":{kept},' in scratch.get(f"/variables/name/{name}").text


def test_labels_are_added(scratch: httpx.Client, run: str) -> None:
    assert scratch.patch(f"/flow_runs/{run}/labels", json={"b": "x"}).status_code == 204
    labels = scratch.get(f"/flow_runs/{run}").json()["labels"]
    assert (labels["a"], labels["b"]) == (1, "x")
    for refused in ("{}", "null", "NaN", "Infinity", "1e400"):
        assert scratch.patch(f"/flow_runs/{run}/labels", content=f'{{"b": {refused}}}', headers=JSON).status_code == 422
    assert scratch.patch(f"/flow_runs/{uuid4()}/labels", json={}).status_code == 404


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_cannot_be_stored_are_rejected(scratch: httpx.Client, flow: str, run: str, number: str) -> None:
    """Stored as null, they would make the row unreadable."""
    of_task = {"flow_run_id": run, "task_key": f"key-{uuid4()}", "dynamic_key": "0", "name": "t"}
    for path, body, field, value in (
        ("/flows/", {"name": f"flow-{uuid4()}"}, "labels", '{"a": ?}'),
        ("/flow_runs/", {"flow_id": flow}, "labels", '{"a": ?}'),
        ("/deployments/", {"flow_id": flow, "name": "d"}, "labels", '{"a": ?}'),
        ("/task_runs/", of_task, "labels", '{"a": ?}'),
        ("/task_runs/", of_task, "empirical_policy", '{"retry_delay_seconds": ?}'),
        ("/task_runs/", of_task, "empirical_policy", '{"retry_delay": [1, ?]}'),
    ):
        content = f'{json.dumps(body)[:-1]}, "{field}": {value.replace("?", number)}}}'
        assert scratch.post(path, content=content, headers=JSON).status_code == 422, content
    content = f'{json.dumps(of_task)[:-1]}, "empirical_policy": {{"retry_jitter_factor": {number.strip("-")}}}}}'
    shown = scratch.post("/task_runs/", content=content, headers=JSON).raise_for_status().json()
    assert shown["empirical_policy"]["retry_jitter_factor"] is None


def test_logs_are_downloaded_as_csv(scratch: httpx.Client, run: str) -> None:
    log = {"name": "n", "level": 20, "message": 'a,"b"', "timestamp": START, "flow_run_id": run}
    scratch.post("/logs/", json=[log]).raise_for_status()
    answer = scratch.get(f"/flow_runs/{run}/logs/download")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith("UTF-8''one-logs.csv")
    lines = answer.text.split("\r\n")
    assert lines == [
        "timestamp,level,flow_run_id,task_run_id,message",
        f'2030-01-01 00:00:00+00:00,20,{run},,"a,""b"""',
        "",
    ]


# --------------------------------------------------------------------------- UI


def test_counts_are_given_for_each_id(scratch: httpx.Client, run: str, flow: str) -> None:
    nobody = str(uuid4())
    task_run(scratch, run, "counted")
    child = task_run(scratch, run, "stands for a subflow")["id"]
    created(scratch, "/flow_runs/", flow_id=flow, parent_task_run_id=child)
    counts = scratch.post("/ui/flow_runs/count-task-runs", json={"flow_run_ids": [run, nobody]}).json()
    assert counts == {run: 1, nobody: 0}
    deployments = scratch.post("/ui/flows/count-deployments", json={"flow_ids": [flow, nobody]}).json()
    assert deployments == {flow: 0, nobody: 0}
    coming = scratch.post("/ui/flows/next-runs", json={"flow_ids": [flow, nobody]}).json()
    assert (coming[flow]["id"], coming[nobody]) == (run, None)


def test_dashboard_counts_finished_runs(scratch: httpx.Client, run: str) -> None:
    for key, kind in (("a", "COMPLETED"), ("b", "FAILED"), ("c", "RUNNING"), ("d", "CRASHED")):
        task_run(scratch, run, key, state={"type": kind})
    chosen = {"flow_run_id": {"any_": [run]}, "state": {"type": {"any_": ["RUNNING"]}}}
    path = "/ui/task_runs/dashboard/counts"
    body = {"task_runs": {**chosen, "start_time": {"after_": "2020-01-01T00:00:00Z"}}}
    counts = scratch.post(path, json=body).json()
    assert len(counts) == 20
    assert counts[-1] == {"completed": 1, "failed": 2}
    refused = scratch.post(path, json={"task_runs": chosen})
    assert refused.json() == {"detail": "task_runs.start_time.after_ is required"}
    by_state = scratch.post("/ui/task_runs/count", json={"task_runs": {"flow_run_id": {"any_": [run]}}}).json()
    assert (by_state["RUNNING"], by_state["PENDING"]) == (1, 0)


def test_dashboard_counts_by_twentieths_of_a_time_span(tmp_path: Path) -> None:
    """Of whole minutes: what starts at the first moment is in the first, what starts in the last one in the last."""
    moments = ("09:59:59.999", "10:00:00", "10:00:59.998", "10:01:00", "10:19:59.998", "10:20:00")
    rows = [
        {
            "task_key": "t",
            "dynamic_key": moment,
            "state_type": "COMPLETED",
            "state_name": "Completed",
            "start_time": f"2021-05-05T{moment}Z",
        }
        for moment in moments
    ]
    (tmp_path / "task_runs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    span = {"after_": "2021-05-05T10:00:42Z", "before_": "2021-05-05T10:19:07Z"}
    chosen = {"operator": "or_", "start_time": span, "state": {"type": {"any_": ["COMPLETED"]}}}
    with stand_in(tmp_path) as api:
        counts = api.post("/ui/task_runs/dashboard/counts", json={"task_runs": chosen}).raise_for_status().json()
    assert [each["completed"] for each in counts] == [2, 1, *[0] * 17, 1]


def test_runs_are_listed_with_their_times(scratch: httpx.Client, run: str, flow: str) -> None:
    listed = scratch.post("/ui/flow_runs/history", json={"flows": {"id": {"any_": [flow]}}}).json()
    assert [(each["id"], each["timestamp"], each["lateness"]) for each in listed] == [(run, START, 0.0)]
    task = task_run(scratch, run, "named")["id"]
    assert scratch.get(f"/ui/task_runs/{task}").json()["flow_run_name"] == "one"


def test_values_are_validated_by_a_schema(scratch: httpx.Client) -> None:
    def errors(schema: dict[str, Any], values: dict[str, Any]) -> Any:
        return scratch.post("/ui/schemas/validate", json={"schema": schema, "values": values}).json()

    listed = {"properties": {"a": {"type": "array", "items": {"type": "integer"}}}, "required": ["b"]}
    values = {"a": [1, "x", {"__prefect_kind": "json", "value": "{"}, {"__prefect_kind": "json", "value": "2"}]}
    found = errors(listed, values)
    assert found["valid"] is False
    assert [each["property"] for each in found["errors"]] == ["a", "b"]
    assert [each["index"] for each in found["errors"][0]["errors"]] == [1, 2]
    assert found["errors"][0]["errors"][1]["errors"][0].startswith("Invalid JSON: ")
    assert errors({"properties": {"a": {"type": "integer"}}}, {"a": None}) == {"errors": [], "valid": True}
    kinds: list[Any] = [None, 5, [], {}]
    templates = {str(n): {"__prefect_kind": "jinja", "template": kind} for n, kind in enumerate(kinds)}
    assert errors({"additionalProperties": {"type": "string"}}, templates) == {"errors": [], "valid": True}
    assert errors({"$ref": "#"}, {})["detail"] == (
        "Invalid schema: Unable to validate schema with circular references."
    )
    assert "does not exist" in errors({"$ref": "#/definitions/X"}, {})["detail"]
    assert errors({"type": "x"}, {})["detail"].startswith("Invalid schema: ")


def log_count(api: httpx.Client, flow_run: str) -> int:
    return len(api.post("/logs/filter", json={"logs": {"flow_run_id": {"any_": [flow_run]}}}).json())


def test_logs_are_deleted_with_their_run_alone(scratch: httpx.Client) -> None:
    flow = str(created(scratch, "/flows/", name=f"logged-{uuid4()}")["id"])
    runs = [created(scratch, "/flow_runs/", flow_id=flow)["id"] for _ in range(4)]
    task = task_run(scratch, runs[3], "a")["id"]
    log = {"name": "a", "level": 20, "message": "b", "timestamp": "2025-03-01T00:00:00Z"}
    logs = [{**log, "flow_run_id": run} for run in runs] + [{**log, "flow_run_id": runs[3], "task_run_id": task}]
    scratch.post("/logs/", json=logs).raise_for_status()
    scratch.delete(f"/flow_runs/{runs[0]}").raise_for_status()
    scratch.post("/flow_runs/bulk_delete", json={"flow_runs": {"id": {"any_": [runs[1]]}}}).raise_for_status()
    scratch.delete(f"/task_runs/{task}").raise_for_status()
    assert [log_count(scratch, run) for run in runs] == [0, 0, 1, 1]
    scratch.delete(f"/flows/{flow}").raise_for_status()
    assert [log_count(scratch, run) for run in runs] == [0, 0, 1, 1]
    gone = scratch.delete(f"/task_runs/{task}")
    assert (gone.status_code, gone.json()) == (404, {"detail": "Task not found"})


def test_states_set_together_share_their_details(scratch: httpx.Client) -> None:
    """As on a real server: runs are changed from the last id to the first, here the subflow run before the other."""
    flow = str(created(scratch, "/flows/", name=f"together-{uuid4()}")["id"])
    first = created(scratch, "/flow_runs/", flow_id=flow)["id"]
    parent = task_run(scratch, first, "a")["id"]
    second = ""
    while second < first:
        second = created(scratch, "/flow_runs/", flow_id=flow, parent_task_run_id=parent)["id"]
    body = {"flow_runs": {"id": {"any_": [first, second]}}, "state": {"type": "RUNNING"}}
    results = scratch.post("/flow_runs/bulk_set_state", json=body).json()["results"]
    assert [result["flow_run_id"] for result in results] == [second, first]
    shown = [result["state"]["state_details"] for result in results]
    assert {(details["flow_run_id"], details["task_run_id"]) for details in shown} == {(first, parent)}
    kept = [scratch.get(f"/flow_runs/{each}").json()["state"]["state_details"] for each in (first, second)]
    assert [(details["flow_run_id"], details["task_run_id"]) for details in kept] == [(first, parent), (second, parent)]


def test_kept_state_shows_its_stored_result(tmp_path: Path) -> None:
    state = {"id": str(uuid4()), "type": "COMPLETED", "name": "Completed", "timestamp": START, "data": [1]}
    (tmp_path / "flows.jsonl").write_text('{"name": "f"}')
    (tmp_path / "flow_runs.jsonl").write_text(
        json.dumps({"name": "r", "flow": "f", "state_type": "COMPLETED", "state_name": "Completed", "state": state})
    )
    pending = {"state": {"type": "PAUSED"}}
    with stand_in(tmp_path) as api:
        loaded = api.post("/flow_runs/filter", json={}).json()[0]
        assert loaded["state"]["data"] == [1]
        kept = api.post(f"/flow_runs/{loaded['id']}/set_state", json=pending).json()
        assert (kept["status"], kept["state"]["type"], kept["state"]["data"]) == ("ABORT", "COMPLETED", None)
        done = {"type": "COMPLETED", "data": [2]}
        made = created(api, "/flow_runs/", flow_id=loaded["flow_id"], state=done)["id"]
        assert api.post(f"/flow_runs/{made}/set_state", json=pending).json()["state"]["data"] == [2]


# ---------------------------------------------------------------- times and sizes


def test_details_of_a_state_keep_the_offset_of_their_times(scratch: httpx.Client, flow: str) -> None:
    details = dict.fromkeys(("scheduled_time", "pause_timeout", "cache_expiration"), "2031-01-01T00:00:00+02:00")
    made = created(scratch, "/flow_runs/", flow_id=flow, state={"type": "SCHEDULED", "state_details": details})
    read = scratch.get(f"/flow_runs/{made['id']}").json()
    states = scratch.get("/flow_run_states/", params={"flow_run_id": made["id"]}).json()
    for state in (made["state"], read["state"], states[0]):
        assert details.items() <= state["state_details"].items()
    for run in (made, read):
        assert run["expected_start_time"] == run["next_scheduled_start_time"] == "2030-12-31T22:00:00Z"


def test_size_of_parameters_is_limited(scratch: httpx.Client, flow: str, run: str) -> None:
    parameters = {"text": "x" * 600_000}
    for answer in (
        scratch.post("/flow_runs/", json={"flow_id": flow, "parameters": parameters}),
        scratch.patch(f"/flow_runs/{run}", json={"parameters": parameters}),
    ):
        assert answer.status_code == 422
        reason = "must be less than 524,288 bytes when serialized (got 600,011 bytes)."
        assert answer.json()["exception_detail"][0]["msg"] == f"Value error, Flow run parameters {reason}"


@pytest.mark.parametrize("kind", ["flow_runs", "task_runs"])
def test_state_with_an_invalid_artifact_is_not_written(scratch: httpx.Client, flow: str, kind: str) -> None:
    """As on a real server, earlier rules have already changed the run."""
    running = {"type": "RUNNING"}
    made = created(scratch, "/flow_runs/", flow_id=flow, state=running)["id"]
    path = f"/flow_runs/{made}"
    if kind == "task_runs":
        path = f"/task_runs/{task_run(scratch, made, 'a', state=running)['id']}"
    done = scratch.post(f"{path}/set_state", json={"state": {"type": "COMPLETED", "data": {"artifact_key": 5}}})
    assert (done.status_code, done.json()["state"], done.json()["status"]) == (200, None, "ABORT")
    reason = "Error validating state: 1 validation error for Artifact\nkey\n  Input should be a valid string"
    assert done.json()["details"]["reason"].startswith(reason)
    read = scratch.get(path).json()
    assert (read["state"]["type"], read["state_type"]) == ("RUNNING", "COMPLETED")
    assert scratch.post("/artifacts/count", json={kind: {"id": {"any_": [read["id"]]}}}).json() == 0


@pytest.mark.parametrize("kind", ["flows", "flow_runs", "deployments"])
def test_deleted_rows_are_listed_by_id(scratch: httpx.Client, flow: str, kind: str) -> None:
    fields: dict[str, Any] = {} if kind == "flows" else {"flow_id": flow}
    ids = [created(scratch, f"/{kind}/", name=f"n-{uuid4()}", **fields)["id"] for _ in range(9)]
    deleted = scratch.post(f"/{kind}/bulk_delete", json={kind: {"id": {"any_": ids}}}).json()["deleted"]
    assert deleted == sorted(ids)
