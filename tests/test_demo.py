"""The demo fixture set: it matches its generator, can be loaded, and is consistent."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from handlers.server_events.flow_runs import related, shown
from tests.servers import ROOT, stand_in
from understudy.loading.fixtures import dangling, load
from understudy.operations.api_folder import Api, own_folder
from understudy.workspaces.workspace import Workspace

DEMO = ROOT / "fixtures" / "demo"
END = datetime.fromisoformat("2026-01-31T00:00:00+00:00")

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@pytest.fixture(scope="module")
def api() -> Api:
    return Api.load(own_folder())


@pytest.fixture(scope="module")
def tables(api: Api) -> Tables:
    """The rows as the loader completes them."""
    workspace = Workspace.empty(api.catalog)
    load(DEMO, workspace)
    assert list(dangling(workspace)) == []
    return {name: [table.values(row) for row in table.live] for name, table in workspace.items()}


def by_id(rows: list[Row]) -> dict[Any, Row]:
    return {row["id"]: row for row in rows}


def test_generator_makes_the_committed_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "fixtures" / "make_demo.py"), str(tmp_path)], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in DEMO.iterdir()}
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def test_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.iterdir()) < 5_000_000


@pytest.mark.parametrize(
    ("table", "least", "most"),
    [
        ("flows", 12, 12),
        ("deployments", 20, 20),
        ("flow_runs", 380, 420),
        ("task_runs", 1400, 1600),
        ("artifacts", 280, 320),
        ("artifact_collections", 22, 30),
        ("work_pools", 3, 3),
        ("work_queues", 5, 8),
        ("logs", 5500, 6500),
        ("variables", 5, 10),
        ("workers", 3, 3),
        ("concurrency_limits_v2", 4, 8),
        ("automations", 3, 8),
        ("block_documents", 1, 5),
        ("events", 200, 300),
    ],
)
def test_number_of_rows(tables: Tables, table: str, least: int, most: int) -> None:
    assert least <= len(tables[table]) <= most


def test_every_state_and_every_type_of_artifact_occurs(api: Api, tables: Tables) -> None:
    state_types = api.contract.document["components"]["schemas"]["StateType"]["enum"]
    assert {row["state_type"] for row in tables["flow_runs"]} == set(state_types)
    assert {row["type"] for row in tables["artifacts"]} == {"image", "link", "markdown", "progress", "result", "table"}
    names = {row["state_name"] for row in tables["flow_runs"] + tables["task_runs"]}
    assert names >= {"AwaitingRetry", "Cached", "Cancelled", "Late", "Scheduled"}


def test_artifacts_have_the_data_of_their_type(tables: Tables) -> None:
    for row in tables["artifacts"]:
        match row["type"]:
            case "table":
                assert all(isinstance(each, dict) for each in json.loads(row["data"]))
            case "progress":
                assert 0 <= row["data"] <= 100
            case "result":
                assert isinstance(row["data"], dict)
            case _:
                assert isinstance(row["data"], str)


def test_artifacts_belong_to_the_run_of_their_task(tables: Tables) -> None:
    task_runs = by_id(tables["task_runs"])
    of_tasks = [row for row in tables["artifacts"] if row["task_run_id"] is not None]
    assert of_tasks
    assert all(row["flow_run_id"] == task_runs[row["task_run_id"]]["flow_run_id"] for row in of_tasks)


def test_subflows_are_runs_of_the_flow_that_a_task_names(tables: Tables) -> None:
    task_runs, flows = by_id(tables["task_runs"]), by_id(tables["flows"])
    subflows = [row for row in tables["flow_runs"] if row["parent_task_run_id"] is not None]
    assert len(subflows) > 50
    for row in subflows:
        assert task_runs[row["parent_task_run_id"]]["name"].startswith(flows[row["flow_id"]]["name"])


def test_rows_are_not_updated_before_they_are_created(tables: Tables) -> None:
    assert [
        row
        for rows in tables.values()
        for row in rows
        if "updated" in row and not row["created"] <= row["updated"] <= END
    ] == []


def test_times_of_a_run_are_in_order(tables: Tables) -> None:
    for row in tables["flow_runs"] + tables["task_runs"]:
        times = [row[name] for name in ("created", "expected_start_time", "start_time", "end_time")]
        known = [time for time in times if time is not None]
        assert known == sorted(known)
        assert (row["start_time"] is None) == (row["run_count"] == 0)
        assert (row["end_time"] is None) == (row["state_type"] not in {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})
        if row["state_name"] in {"Scheduled", "Late", "Pending"}:
            assert row["start_time"] is None


def spans(tables: Tables) -> Iterator[tuple[Row, datetime, datetime]]:
    """What runs create, with its time spans."""
    flow_runs, task_runs = by_id(tables["flow_runs"]), by_id(tables["task_runs"])
    for row in tables["task_runs"]:
        yield flow_runs[row["flow_run_id"]], row["start_time"], row["end_time"] or END
    for row in tables["flow_runs"]:
        if row["parent_task_run_id"] is not None:
            yield task_runs[row["parent_task_run_id"]], row["start_time"], row["end_time"] or END
    for row in tables["artifacts"]:
        if row["flow_run_id"] is not None:
            yield flow_runs[row["flow_run_id"]], row["created"], row["updated"]
        if row["task_run_id"] is not None:
            yield task_runs[row["task_run_id"]], row["created"], row["updated"]


def test_rows_created_by_a_run_are_within_its_time(tables: Tables) -> None:
    for run, begin, end in spans(tables):
        assert run["start_time"] <= begin <= end <= (run["end_time"] or END)


def examples(api: Api) -> Iterator[tuple[str, Any]]:
    """The examples of the requests that list or count, each with its path."""
    for path, item in api.contract.root["paths"].items():
        if path.endswith(("/filter", "/count", "/paginate")):
            content = item["post"]["requestBody"]["content"]["application/json"]
            yield from ((path, example["value"].value) for _, example in content.entries("examples"))


def test_every_example_of_the_contract_finds_something(api: Api) -> None:
    bodies = list(examples(api))
    assert len(bodies) > 10
    with stand_in(DEMO) as client:
        for path, body in bodies:
            answer = client.post(path.lstrip("/"), json=body).raise_for_status().json()
            found = answer["count"] if "paginate" in path else answer
            assert found, f"{path} {body}"


def test_logs_are_within_the_time_of_their_runs(tables: Tables) -> None:
    flow_runs, task_runs = by_id(tables["flow_runs"]), by_id(tables["task_runs"])
    for row in tables["logs"]:
        flow_run = flow_runs[row["flow_run_id"]]
        run = flow_run if row["task_run_id"] is None else task_runs[row["task_run_id"]]
        assert run["start_time"] <= row["timestamp"] <= (run["end_time"] or END)
    failed = {row["id"] for row in tables["flow_runs"] if row["state_type"] in {"FAILED", "CRASHED"}}
    assert failed == {row["flow_run_id"] for row in tables["logs"] if row["level"] == 40} & failed
    assert len({row["message"] for row in tables["logs"]}) > 2000


def test_events_of_flow_runs_are_like_those_of_a_server(api: Api, tables: Tables) -> None:
    workspace = Workspace.empty(api.catalog)
    load(DEMO, workspace)
    runs, states = by_id(tables["flow_runs"]), 0
    for row in tables["events"]:
        assert END - timedelta(days=7) <= row["occurred"] < row["received"] <= END
        kind, _, run_id = row["resource"]["prefect.resource.id"].rpartition(".")
        if kind != "prefect.flow-run":
            continue
        run = runs[UUID(run_id)]
        assert row["related"] == related(workspace, run)
        if row["id"] == run["state_id"]:
            states += 1
            assert row["occurred"] == run["state_timestamp"]
            assert row["event"] == f"prefect.flow-run.{run['state_name']}"
            assert row["payload"]["validated_state"] == shown({**run["state"], "state_details": {}})
    assert states > 100
    assert sum(not row["event"].startswith("prefect.") for row in tables["events"]) > 30


def test_automations_are_like_those_created_by_requests(tables: Tables) -> None:
    with stand_in(DEMO) as api:
        for row in api.post("/automations/filter").raise_for_status().json():
            body = {name: value for name, value in row.items() if name not in {"id", "created", "updated"}}
            assert api.put(f"/automations/{row['id']}", json=body).status_code == 204


def test_blocks_have_the_checksum_of_their_fields(tables: Tables) -> None:
    (schema,) = tables["block_schemas"]
    with stand_in(DEMO) as api:
        body = {"fields": schema["fields"], "block_type_id": str(schema["block_type_id"])}
        made = api.post("/block_schemas/", json={**body, "capabilities": schema["capabilities"]}).raise_for_status()
        assert made.json()["checksum"] == schema["checksum"]
