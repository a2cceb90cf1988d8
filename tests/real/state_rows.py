"""Rows for random sessions of states: runs of several deployments and tags, some with limits."""

import random
from pathlib import Path
from typing import Any
from uuid import UUID

from tests import jsonl

Row = dict[str, Any]

TIME = "2025-03-01T10:00:00.123456Z"
OPTIONS = {"grace_period_seconds": 3600}  # longer than a session, since a real server may let leases end later
LIMITS: dict[str, tuple[int, Row | None]] = {
    "zero": (0, None),
    "one": (1, {"collision_strategy": "ENQUEUE", **OPTIONS}),
    "cancelling": (1, {"collision_strategy": "CANCEL_NEW", **OPTIONS}),
    "two": (2, {"collision_strategy": "ENQUEUE", **OPTIONS}),
}
TAGS = {"one": 1, "zero": 0, "two": 2}


class Rows:
    """Makes the rows. `tables` has them by table."""

    def __init__(self, randomness: random.Random) -> None:
        self.random = randomness
        self.tables: dict[str, list[Row]] = {}
        flow = self.row("flows", name="flow", labels={})
        self.row("deployments", name="free", flow_id=flow["id"], labels={})
        for name, (limit, options) in LIMITS.items():
            row = self.row("concurrency_limits_v2", name=f"deployment:{name}", limit=limit)
            about = {"concurrency_limit_id": row["id"], "concurrency_options": options}
            self.row("deployments", name=name, flow_id=flow["id"], labels={}, **about)
        for tag, limit in TAGS.items():
            self.row("concurrency_limits", tag=tag, concurrency_limit=limit, active_slots=[])
        for number in range(50):
            self.flow_run(number)
        for number in range(80):
            self.task_run(number)

    def write(self, folder: Path) -> None:
        for table, rows in self.tables.items():
            jsonl.write(folder / f"{table}.jsonl", rows)

    def row(self, table: str, **values: Any) -> Row:
        row = {"id": self.new_id(), "created": TIME, "updated": TIME, **values}
        self.tables.setdefault(table, []).append(row)
        return row

    def new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def flow_run(self, number: int) -> None:
        choice = self.random.choice
        deployment = choice([None, *self.tables["deployments"]])
        about = {"infrastructure_pid": "pid"} if self.random.random() < 0.3 else {}
        policy = {**self.retries([0, 1, 30]), **choice([{}, {}, {"pause_keys": ["a"]}, {"resuming": True}])}
        self.row(
            "flow_runs", name=f"run-{number}", flow_id=self.tables["flows"][0]["id"], labels={}, tags=[], parameters={},
            context={}, deployment_id=deployment and deployment["id"], empirical_policy=policy, **about, **self.state(),
        )  # fmt: skip

    def task_run(self, number: int) -> None:
        choice, runs = self.random.choice, self.tables["flow_runs"]
        delays: list[Any] = [0, 1, 30, [5, 10], [1], 2.5]
        jitter = {}
        if self.random.random() < 0.2:
            # Each server draws another delay: short ones differ by less than the comparison allows.
            delays, jitter = [0, 1, [1], 2.5], {"retry_jitter_factor": choice([0, 0.3, 1])}
        self.row(
            "task_runs", name=f"task-{number}", task_key=f"key-{number}", dynamic_key="0", labels={}, task_inputs={},
            flow_run_id=choice([None, choice(runs)["id"], choice(runs[:5])["id"]]),
            empirical_policy={**self.retries(delays), **jitter},
            tags=choice([[], [], ["one"], ["zero"], ["two", "one"], ["two", "other"]]), **self.state(),
        )  # fmt: skip

    def retries(self, delays: list[Any]) -> Row:
        policy = {"retries": self.random.choice([0, 1, 2, 5]), "retry_delay": self.random.choice(delays)}
        return {name: policy[name] for name in self.random.sample(list(policy), k=self.random.randrange(3))}

    def state(self) -> Row:
        """The fields of a run's row about its state, which not all runs have."""
        if self.random.random() < 0.5:
            return {}
        kind = self.random.choice(["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED"])
        details = {"scheduled_time": TIME}
        state = {"id": self.new_id(), "type": kind, "name": kind.capitalize(), "timestamp": TIME, "message": None}
        about = {"state_id": state["id"], "state_type": kind, "state_name": state["name"], "state_timestamp": TIME}
        ends = {"start_time": TIME, "end_time": TIME} if kind in ("COMPLETED", "FAILED") else {}
        return {**about, "state": {**state, "state_details": details}, "run_count": self.random.randrange(3), **ends}
