"""Prefect's worker and `flow.serve()` start the runs that are due, and complete them."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import REAL, ROOT, stand_in

PROGRAM = ROOT / "tests" / "real" / "deployed_flow.py"
WAITING = 120  # seconds for a process to start, and for a run to end


def environment_of(api: httpx.Client, home: Path) -> dict[str, str]:
    settings = {"PREFECT_API_URL": str(api.base_url).rstrip("/"), "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
    return {**os.environ, **settings, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def ran(environment: dict[str, str], *command: str) -> None:
    done = subprocess.run(
        [str(REAL / "bin" / command[0]), *command[1:]],
        env=environment, capture_output=True, text=True, timeout=WAITING, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def awaited(found: Callable[[], Any]) -> Any:
    """The result, once it is not empty."""
    end = time.monotonic() + WAITING
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.5)
    raise AssertionError("nothing was found in time")


def completed(api: httpx.Client, deployment: str) -> list[dict[str, Any]]:
    criteria = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["COMPLETED"]}}}
    return list(api.post("/flow_runs/filter", json={"flow_runs": criteria}).json())


@pytest.mark.timeout(600)
def test_worker_completes_scheduled_runs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with stand_in(tmp_path / "empty", "--services") as api:
        environment = environment_of(api, tmp_path / "home")
        ran(environment, "prefect", "work-pool", "create", "pool", "--type", "process")
        ran(environment, "python", str(PROGRAM), "deploy")
        ran(
            environment,
            "prefect",
            "worker",
            "start",
            "--pool",
            "pool",
            "--name",
            "worker",
            "--run-once",
            "--limit",
            "1",
        )
        (deployment,) = api.post("/deployments/filter", json={}).json()
        (run,) = completed(api, deployment["id"])
        assert (run["auto_scheduled"], run["work_pool_name"], run["run_count"]) == (True, "pool", 1)
        assert run["state_name"] == "Completed"
        assert deployment["status"] == "READY"
        (worker,) = api.post("/work_pools/pool/workers/filter", json={}).json()
        assert (worker["name"], worker["status"]) == ("worker", "ONLINE")


@pytest.mark.timeout(600)
def test_served_flow_completes_a_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with stand_in(tmp_path / "empty", "--services") as api:
        environment = environment_of(api, tmp_path / "home")
        with subprocess.Popen([REAL / "bin" / "python", PROGRAM, "serve"], env=environment) as serving:
            try:
                (deployment,) = awaited(lambda: api.post("/deployments/filter", json={}).json())
                path = f"/deployments/{deployment['id']}/create_flow_run"
                made = api.post(path, json={"parameters": {"number": 5}}).raise_for_status().json()
                (run,) = awaited(lambda: completed(api, deployment["id"]))
            finally:
                serving.terminate()
                serving.wait(WAITING)
        assert (run["id"], run["parameters"]) == (made["id"], {"number": 5})
        assert len(api.post("/task_runs/filter", json={}).json()) == 1
