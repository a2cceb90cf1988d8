"""The stand-in, when its clock moves, does the same as a real server's services in a minute."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.real.clocks import played_on_both

Json = dict[str, Any]
EACH_SECOND = {
    f"PREFECT_SERVER_SERVICES_{service}_LOOP_SECONDS": "1"
    for service in ("SCHEDULER", "LATE_RUNS", "PAUSE_EXPIRATIONS", "CANCELLATION_CLEANUP", "FOREMAN")
}
FIRST, INTERVAL = 20, 30  # seconds from the begin until the first scheduled start, and between two
PAUSING, END = 38, 76  # seconds; nothing is due shortly before or after them, however slow a server is
TRIES = 50


class World:
    """A server with deployments and runs, and their results in words without ids and times."""

    def __init__(self, api: httpx.Client, wait: Callable[[float], object], now: Callable[[], datetime]) -> None:
        self.api = api
        self._wait = wait
        self._now = now
        self.begin = now()
        self._flow: str = self.post("/flows/", name="flow")["id"]

    def post(self, path: str, **body: Any) -> Any:
        """Send a request, again if the database of a real server is locked by a service."""
        for _ in range(TRIES):
            answer = self.api.post(path, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.2)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def wait_until(self, seconds: float) -> None:
        """Wait until some seconds after the beginning."""
        self._wait((self.begin + timedelta(seconds=seconds) - self._now()).total_seconds())

    def deployment(self, name: str, seconds: int, **fields: Any) -> str:
        anchor = self.begin + timedelta(seconds=FIRST)
        schedule = {"interval": seconds, "anchor_date": anchor.isoformat(), "timezone": "UTC"}
        made = self.post("/deployments/", name=name, flow_id=self._flow, schedules=[{"schedule": schedule, **fields}])
        return str(made["id"])

    def run(self, name: str, *states: Json, **fields: Any) -> str:
        run: str = self.post("/flow_runs/", flow_id=self._flow, name=name, **fields)["id"]
        for state in states:
            self.post(f"/flow_runs/{run}/set_state", state=state)
        return run

    def play(self) -> Json:
        """Create rows for services, wait, and return the results."""
        deployments = {
            "often": self.deployment("often", INTERVAL, parameters={"x": 1}),
            "seldom": self.deployment("seldom", 3600),
            "inactive": self.deployment("inactive", INTERVAL, active=False),
            "paused": self.deployment("paused", INTERVAL),
        }
        self.post("/work_pools/", name="pool", type="process")
        self.post("/work_pools/pool/workers/heartbeat", name="worker", heartbeat_interval_seconds=4)
        running: Json = {"type": "RUNNING"}
        timeout = (self._now() + timedelta(seconds=8)).isoformat()
        details: Json = {"pause_timeout": timeout, "pause_key": "1"}
        runs = [self.run("paused", running, {"type": "PAUSED", "state_details": details})]
        runs.append(self.run("later", {"type": "PAUSED", "state_details": {**details, "pause_timeout": None}}))
        runs.append(self.run("parent", running))
        body = {"flow_run_id": runs[-1], "task_key": "t", "dynamic_key": "0", "name": "task", "state": running}
        task: str = self.post("/task_runs/", **body)["id"]
        runs.append(self.run("child", running, parent_task_run_id=task))
        self.post(f"/flow_runs/{runs[2]}/set_state", state={"type": "CANCELLED"}, force=True)
        for seconds in (PAUSING, PAUSING + 8):  # again, as the real scheduler may have interfered the first time
            self.wait_until(seconds)
            self.post(f"/deployments/{deployments['paused']}/pause_deployment")
        self.wait_until(END)
        found: Json = {name: self.results_of(each) for name, each in deployments.items()}
        states = [self.api.get(f"/flow_runs/{run}").json()["state"] for run in runs]
        found["runs"] = [(state["type"], state["name"], state["message"]) for state in states]
        found["task"] = self.api.get(f"/task_runs/{task}").json()["state"]["message"]
        (worker,) = self.post("/work_pools/pool/workers/filter")
        found["worker"] = (worker["status"], self.api.get("/work_pools/pool").json()["status"])
        return found

    def results_of(self, deployment: str) -> Json:
        """The runs of a deployment up to the end, and whether more are to come."""
        criteria = {"deployment_id": {"any_": [deployment]}}
        runs = self.post("/flow_runs/filter", flow_runs=criteria, sort="EXPECTED_START_TIME_ASC")
        passed = []
        for run in runs:
            start = datetime.fromisoformat(run["expected_start_time"].replace("Z", "+00:00"))
            if start <= self.begin + timedelta(seconds=END):
                shown = (
                    run["state_name"],
                    run["auto_scheduled"],
                    run["tags"],
                    run["parameters"],
                    run["created_by"]["type"],
                )
                passed.append((round((start - self.begin).total_seconds()), *shown))
        return {"passed": passed, "has more": len(runs) > len(passed)}


@pytest.mark.timeout(600)
def test_services_do_the_same(tmp_path: Path) -> None:
    ours, real = played_on_both(lambda *server: World(*server).play(), tmp_path, EACH_SECOND)
    assert [run[1] for run in ours["often"]["passed"]] == ["Late", "Late"]
    differences = {name: (ours[name], real[name]) for name in real if ours[name] != real[name]}
    assert not differences, differences
