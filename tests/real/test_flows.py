"""Prefect's SDK runs the same flows with a real server and with Understudy, with the same rows afterwards."""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import REAL, ROOT, real_server, stand_in

UNLIKE = {
    "id", "created", "updated", "timestamp", "state_id", "name", "start_time", "end_time", "total_run_time",
    "estimated_run_time", "estimated_start_time_delta", "expected_start_time", "next_scheduled_start_time",
    "cache_key", "cache_expiration", "flow_version", "idempotency_key", "task_version", "traceparent", "transition_id",
    "occurred", "received", "latest_id", "storage_key", "storage_block_id", "expiration", "dynamic_key",
    "estimated_start_time", "scheduled_time", "prefect.state-timestamp", "follows", "prefect.resource.name",
}  # fmt: skip
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NAMED = re.compile(r"'[a-z]+-[a-z]+'|[a-z_]+-[0-9a-f]{3,8}\b|run '[^']+'")
NOT_COMPARED = re.compile(r"prefect\.(flow-run\.heartbeat|block-type\.[a-z]+)")
"""Heartbeats, which depend on how long a flow takes, and events of the block types that a real server installs."""


def likened(value: Any, *, keep_names: bool = False) -> Any:
    """A value without ids, times and random names."""
    if isinstance(value, dict):
        left = {
            name: likened(part) for name, part in value.items() if name not in UNLIKE or (keep_names and name == "name")
        }
        return dict(sorted(left.items()))
    if isinstance(value, list):
        parts = [likened(part) for part in value]
        return sorted(parts) if all(isinstance(part, str) for part in parts) else parts  # such as tags, a set
    if isinstance(value, str):
        return NAMED.sub("NAME", ID.sub("ID", value))
    return round(value, 1) if isinstance(value, float) else value


def all_of(api: httpx.Client, path: str, **body: Any) -> list[dict[str, Any]]:
    return list(api.post(path, json={"limit": 200, **body}).raise_for_status().json())


def outcome(api: httpx.Client) -> dict[str, list[Any]]:
    """The stored rows: runs with all their states, logs, artifacts and events, each without random values."""
    flows = {flow["id"]: flow["name"] for flow in all_of(api, "/flows/filter")}
    runs, tasks = all_of(api, "/flow_runs/filter"), all_of(api, "/task_runs/filter")
    found: dict[str, list[Any]] = {"flow_runs": [], "task_runs": []}
    owner = {run["id"]: flows[run["flow_id"]] for run in runs}
    for run in runs:
        states = api.get("/flow_run_states/", params={"flow_run_id": run["id"]}).json()
        kinds = [(state["type"], state["name"], state["message"]) for state in states]
        found["flow_runs"].append((owner[run["id"]], likened(kinds), likened(run)))
    for run in tasks:
        states = api.get("/task_run_states/", params={"task_run_id": run["id"]}).json()
        kinds = [(state["type"], state["name"], state["message"]) for state in states]
        found["task_runs"].append((owner[run["flow_run_id"]], run["task_key"], likened(kinds), likened(run)))
    logs = all_of(api, "/logs/filter", sort="TIMESTAMP_ASC")
    found["logs"] = [
        (owner.get(log["flow_run_id"]), log["name"], log["level"], likened(log["message"])) for log in logs
    ]
    found["artifacts"] = [likened(row) for row in all_of(api, "/artifacts/filter")]
    found["variables"] = [likened(row, keep_names=True) for row in all_of(api, "/variables/filter")]
    events, page = [], api.post("/events/filter", json={}).json()
    events += page["events"]
    while page["next_page"]:
        page = api.get(page["next_page"]).json()
        events += page["events"]
    found["events"] = [likened(each) for each in events if not NOT_COMPARED.fullmatch(each["event"])]
    return {kind: sorted(rows, key=repr) for kind, rows in found.items()}


def settled(api: httpx.Client) -> dict[str, list[Any]]:
    """The outcome, once nothing has arrived for 12 s: a real server stores events that wait in groups, each 5 s."""
    last, unchanged = outcome(api), 0
    for _ in range(40):
        time.sleep(3)
        now = outcome(api)
        unchanged = unchanged + 1 if now == last else 0
        if unchanged == 4:
            return now
        last = now
    return last


def play(api: httpx.Client, home: Path) -> None:
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment |= {"PREFECT_API_URL": str(api.base_url).rstrip("/"), "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
    command = [str(REAL / "bin/python"), str(ROOT / "tests/real/flows.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(900)
def test_flows_leave_the_same_rows_on_both_servers(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with (
        real_server(tmp_path / "empty", tmp_path / "real", services=True) as real,
        stand_in(tmp_path / "empty") as ours,
    ):
        with ThreadPoolExecutor() as both:
            list(both.map(play, (real, ours), (tmp_path / "home-real", tmp_path / "home-ours")))
        expected, found = settled(real), outcome(ours)
    for kind, rows in expected.items():
        assert found[kind] == rows, kind
