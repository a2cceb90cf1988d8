"""Task runs are recorded from events as by a real server, also if their ids and keys contradict each other."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.real.clocks import played_on_both

Json = dict[str, Any]
RECORDING = 12  # seconds until a real server has recorded events, or has given up


class World:
    """A server with a flow run, whose task runs a client orchestrates."""

    def __init__(self, api: httpx.Client, wait: Callable[[float], object], now: Callable[[], datetime]) -> None:
        self.api = api
        self._wait = wait
        self._begin = now()
        flow = api.post("/flows/", json={"name": "flow"}).json()["id"]
        self._flow_run: str = api.post("/flow_runs/", json={"flow_id": flow}).json()["id"]
        self._count = 0

    def take(
        self, run: str, state: str, key: str, resource: str | None = None, owner: str | None = None, **values: Any
    ) -> None:
        """Send the event that takes a task run into a state. Its resources may be others than usual."""
        self._count += 1
        owner = f"prefect.flow-run.{self._flow_run}" if owner is None else owner
        related = {"prefect.resource.id": owner, "prefect.resource.role": "flow-run"}
        sent: Json = {
            "id": str(uuid4()),
            "occurred": (self._begin + timedelta(milliseconds=self._count)).isoformat(),
            "event": f"prefect.task-run.{state.capitalize()}",
            "resource": {"prefect.resource.id": f"prefect.task-run.{run}", "prefect.orchestration": "client"},
            "related": [related],
        }
        given = {"name": key, "task_key": "task", "dynamic_key": key, **values}
        sent["payload"] = {"task_run": given, "validated_state": {"type": state}}
        sent["resource"] |= {} if resource is None else {"prefect.resource.id": resource}
        self.api.post("/events", json=[sent]).raise_for_status()

    def play(self) -> Json:
        """Send events, and return the task runs and their states."""
        runs = {key: str(uuid4()) for key in ("a", "b", "c", "coerced", "plain", "other", "policy")}
        for key in ("a", "b", "c"):
            self.take(runs[key], "RUNNING", key)
        values: Json = {"run_count": "3", "start_time": 1_700_000_000, "total_run_time": "PT5S"}
        self.take(runs["coerced"], "COMPLETED", "coerced", **values, empirical_policy={"retry_delay": ["1", 2.5]})
        self._wait(RECORDING)
        self.take(runs["a"], "COMPLETED", "b")
        self.take(runs["c"], "FAILED", "d")
        self.take(str(uuid4()), "CANCELLED", "a")
        self._wait(RECORDING)
        self.take(runs["plain"], "RUNNING", "plain", resource=runs["plain"])
        self.take(runs["other"], "RUNNING", "other", owner=self._flow_run)
        self.take(runs["policy"], "RUNNING", "policy", empirical_policy={"retry_jitter_factor": -1})
        self._wait(RECORDING)
        return {key: self.shown(run) for key, run in runs.items()}

    def shown(self, run: str) -> Any:
        found = self.api.get(f"/task_runs/{run}")
        if found.is_error:
            return found.status_code
        states = self.api.get("/task_run_states/", params={"task_run_id": run}).json()
        fields = ("dynamic_key", "state_name", "run_count", "start_time", "total_run_time", "empirical_policy")
        return [*map(found.json().get, fields), [state["name"] for state in states]]


@pytest.mark.timeout(600)
def test_task_runs_of_events_are_the_same(tmp_path: Path) -> None:
    ours, real = played_on_both(lambda *server: World(*server).play(), tmp_path)
    assert ours == real
    assert (ours["b"][1], ours["plain"]) == ("Completed", 404)
