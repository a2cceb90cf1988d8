"""Rows of a workspace as objects, and in the report of a failed test."""

import subprocess
import sys
from copy import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

from understudy import ControlError, StandIn


def test_rows_of_each_table_are_objects() -> None:
    with StandIn() as server, server.workspace() as workspace, httpx.Client(base_url=workspace.url) as api:
        begun = datetime.now(timezone.utc)
        flow = api.post("/flows/", json={"name": "mine", "labels": {"a": "b"}}).json()
        for number in range(2):
            api.post("/flow_runs/", json={"flow_id": flow["id"], "name": f"run-{number}"}).raise_for_status()
        first, second = workspace.flow_runs(flow_id=flow["id"])
        assert (first.name, second.name, first.state_name) == ("run-0", "run-1", "Pending")
        assert (first.state.type, first["state"]["type"]) == ("PENDING", "PENDING")
        assert repr(first) == "<flow_runs 'run-0' 'Pending'>"
        assert [run.id for run in workspace.rows("flow_runs", name="run-1")] == [second.id]
        assert workspace.rows("flows", name="mine") == workspace.flows(id=flow["id"])
        assert workspace.flows(since=begun, name="mine")[0].labels.values == {"a": "b"}
        assert workspace.flow_runs(since=begun + timedelta(days=1)) == []
        assert workspace.flow_runs(name="none") == []
        with pytest.raises(AttributeError, match="has no `nme`; it has id, created"):
            _ = first.nme
        with pytest.raises(ControlError, match="No table is named `flow_run`; did you mean `flow_runs`"):
            workspace.flow_run()


def test_attributes_before_the_start_are_an_error() -> None:
    server = StandIn()
    for name in ("url", "clock", "flows", "requests"):
        with pytest.raises(AttributeError, match=r"yet: the server has not been started, by `with` or `start\(\)`$"):
            getattr(server, name)
    with pytest.raises(AttributeError, match="yet: the server has not been started"):
        server.state()
    assert not hasattr(server, "__array__")
    assert copy(server) is not server


def test_unknown_fields_and_tables_are_errors() -> None:
    with StandIn() as server, server.workspace() as workspace:
        with pytest.raises(ControlError, match=r"^no row of flows has a field `nmae`; did you mean `name`\?$"):
            workspace.flows(nmae="x")
        for name in ("../state", "flows/", ""):
            with pytest.raises(ControlError, match=f"table is named `{name}`|/rows/"):
                workspace.rows(name)
        assert workspace.rows("flows", since="2100-01-01T00:00Z") == []  # type: ignore[arg-type]


FAILING = """
import httpx

def test_a_run(understudy, understudy_client):
    flow = understudy_client.post("/flows/", json={"name": "mine"}).json()
    state = {"type": "FAILED", "message": "it broke"}
    run = understudy_client.post("/flow_runs/", json={"flow_id": flow["id"], "name": "mine-1", "state": state}).json()
    log = {"name": "x", "level": 40, "message": "oh no", "timestamp": "2026-01-01T00:00:00Z", "flow_run_id": run["id"]}
    understudy_client.post("/logs/", json=[log]).raise_for_status()
    assert False
"""


def test_failed_test_shows_its_runs(tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert "Rows of the test" in output
    assert "flow_runs: mine-1, Failed, it broke\n" in output
    assert "logs: 40, oh no\n" in output
