"""Random sessions that set states, on a real server and on the stand-in, and the resulting rows."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from tests.real.alike import Likeness
from tests.real.conftest import Pair, effort
from tests.real.state_rows import Rows

STEPS = 500

# States that often follow a state, so that sessions reach many states.
NEXT = {
    "SCHEDULED": ["PENDING", "PENDING", "RUNNING", "CANCELLING", "SCHEDULED"],
    "PENDING": ["RUNNING"] * 5 + ["PENDING", "CANCELLING"],
    "RUNNING": ["PAUSED", "PAUSED", "FAILED", "FAILED", "COMPLETED", "CANCELLING", "CRASHED"],
    "PAUSED": ["RUNNING", "RUNNING", "SCHEDULED", "PENDING", "CANCELLING"],
    "FAILED": ["SCHEDULED", "RUNNING", "PENDING"],
    "COMPLETED": ["RUNNING", "COMPLETED", "PENDING"],
}
TYPES = ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING"]
NAMES = ["Late", "Suspended", "Submitting", "AwaitingRetry", "Resuming", "", "Pending", "Other", None]
UNSTORED = {"type": "unpersisted"}
STORED = {"type": "reference", "storage_key": "k", "artifact_key": "res", "artifact_type": "result"}
SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
KEYSET = {"schema": "a-schema", "response": "a-response"}
AGENTS = ["prefect/3.9.1 (API 0.8.4)"] * 4 + ["prefect/3.4.0 (API 0.8.4)", "prefect/3.0.3 (API 0.8.4)", "curl"]
VERSIONS = ["", "0.8.4", "0.8.4", "0.8.3", "0.8.2"]


class Step(NamedTuple):
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] | None = None


def test_random_session_of_states_leaves_the_same_rows(
    pair: Callable[[Path], Pair], randomness: random.Random, tmp_path: Path
) -> None:
    rows = Rows(randomness)
    (tmp_path / "rows").mkdir()
    rows.write(tmp_path / "rows")
    real, ours = pair(tmp_path / "rows")
    likeness, session, outcomes = Likeness(), Session(rows, randomness), Counter[str]()
    done: list[Step] = []

    def play(step: Step) -> Any:
        """Send a request to both. Returns the answer of the real server."""
        done.append(step)
        text = None if step.body is None else json.dumps(step.body)
        headers = {"content-type": "application/json", **(step.headers or {})}
        expected = real.request(step.method, step.path, content=text, headers=headers)
        ours_text = None if text is None else likeness.translated(text)
        got = ours.request(step.method, likeness.translated(step.path), content=ours_text, headers=headers)
        answers = [(answer.status_code, answer.json() if answer.content else None) for answer in (expected, got)]
        difference = likeness.difference([*answers[0]], [*answers[1]])
        assert difference is None, f"step {len(done)}: {step}: {difference}, after {done[-4:-1]}"
        return answers[0][1]

    for step in session.steps(effort(STEPS)):
        answer = play(step)
        session.learn(step, answer)
        if isinstance(answer, dict) and "details" in answer:
            outcomes[answer["status"]] += 1
    assert outcomes.keys() >= {"ACCEPT", "REJECT", "ABORT"}
    for step in session.all_rows():
        play(step)


class Session:
    """Draws the requests of a session."""

    def __init__(self, rows: Rows, randomness: random.Random) -> None:
        self.random = randomness
        self.flow = rows.tables["flows"][0]["id"]
        self.deployments = [None, *(row["id"] for row in rows.tables["deployments"])]
        self.flow_runs = [row["id"] for row in rows.tables["flow_runs"]]
        self.task_runs = [row["id"] for row in rows.tables["task_runs"]]
        every = [*rows.tables["flow_runs"], *rows.tables["task_runs"]]
        self.types: dict[str, str | None] = {row["id"]: row.get("state_type") for row in every}
        self.watched = self.random.sample(self.flow_runs, k=10) + self.random.sample(self.task_runs, k=10)
        self.transitions = [str(UUID(int=number)) for number in range(1, 4)]

    def steps(self, count: int) -> Iterator[Step]:
        kinds = {
            self.set_state: 70, self.read: 15, self.create_flow_run: 5, self.create_task_run: 2, self.set_many: 3,
            self.resume: 5, self.add_input: 2, self.delete: 1,
        }  # fmt: skip
        for kind in self.random.choices(list(kinds), weights=list(kinds.values()), k=count):
            yield kind()

    def learn(self, step: Step, answer: Any) -> None:
        """Record the existing runs, and their states."""
        if step.path in ("/flow_runs/", "/task_runs/") and answer["id"] not in self.types:
            (self.flow_runs if step.path == "/flow_runs/" else self.task_runs).append(answer["id"])
            self.types[answer["id"]] = answer["state_type"]
            self.watched[self.random.randrange(len(self.watched))] = answer["id"]
        elif step.path.endswith(("/set_state", "/resume")) and answer.get("state"):
            self.types[step.path.split("/")[2]] = answer["state"]["type"]

    def all_rows(self) -> Iterator[Step]:
        for kind, runs in (("flow_run", self.flow_runs), ("task_run", self.task_runs)):
            for run in runs:
                yield Step("GET", f"/{kind}s/{run}")
                yield Step("GET", f"/{kind}_states/?{kind}_id={run}")
        yield Step("POST", "/v2/concurrency_limits/filter", {})
        yield Step("POST", "/concurrency_limits/filter", {})
        yield Step("POST", "/artifacts/count", {})

    # ---------------------------------------------------------------------- steps

    def set_state(self) -> Step:
        run = self.random.choice(self.watched)
        if self.chance(0.2):
            run = self.random.choice([*self.flow_runs, *self.task_runs])
        if self.chance(0.03):
            self.watched[self.random.randrange(len(self.watched))] = run
        is_task = run in self.task_runs
        force = {"force": True} if self.chance(0.12) else {}
        body = {"state": self.state(is_task, self.types.get(run)), **force}
        return Step("POST", f"/{'task' if is_task else 'flow'}_runs/{run}/set_state", body, self.headers())

    def read(self) -> Step:
        run = self.random.choice(self.watched)
        return Step("GET", f"/{'task' if run in self.task_runs else 'flow'}_runs/{run}")

    def create_flow_run(self) -> Step:
        # A real server cannot answer with a new run whose state has data.
        state = {name: value for name, value in self.state(is_task=False).items() if name != "data"}
        policy = {"retries": self.random.choice([0, 1, 3]), "retry_delay": self.random.choice([0, 10])}
        parent = {"parent_task_run_id": self.random.choice(self.task_runs)} if self.chance(0.3) else {}
        body = {"flow_id": self.flow, "name": "new", "deployment_id": self.random.choice(self.deployments), **parent}
        return Step("POST", "/flow_runs/", {**body, "state": state, "empirical_policy": policy}, self.headers())

    def create_task_run(self) -> Step:
        state = {name: value for name, value in self.state(is_task=True).items() if name != "data"}
        keys = {"task_key": "new", "dynamic_key": str(self.random.randrange(8))}
        flow_run = self.random.choice([None, self.random.choice(self.flow_runs)])
        return Step("POST", "/task_runs/", {**keys, "name": "new", "flow_run_id": flow_run, "state": state})

    def set_many(self) -> Step:
        chosen = {"id": {"any_": [self.random.choice(self.flow_runs)]}}
        body = {"flow_runs": chosen, "state": self.state(is_task=False), "force": self.chance(0.2)}
        return Step("POST", "/flow_runs/bulk_set_state", body, self.headers())

    def paused(self) -> str:
        paused = [run for run in self.flow_runs if self.types.get(run) == "PAUSED"]
        return str(self.random.choice(paused or self.flow_runs))

    def resume(self) -> Step:
        body = self.random.choice([{}, {"run_input": {"n": 1}}, {"run_input": {"n": "x"}}])
        return Step("POST", f"/flow_runs/{self.paused()}/resume", body, self.headers())

    def add_input(self) -> Step:
        return Step("POST", f"/flow_runs/{self.paused()}/input", {"key": "a-schema", "value": SCHEMA})

    def delete(self) -> Step:
        # Other rows refer to those of the fixture set.
        added = self.flow_runs[50:]
        if not added:
            return self.read()
        run = self.random.choice(added)
        self.flow_runs.remove(run)
        self.watched = [each if each != run else self.random.choice(self.flow_runs) for each in self.watched]
        return Step("DELETE", f"/flow_runs/{run}")

    # ---------------------------------------------------------------------- parts

    def chance(self, part: float) -> bool:
        return self.random.random() < part

    def headers(self) -> dict[str, str]:
        version = self.random.choice(VERSIONS)
        return {"user-agent": self.random.choice(AGENTS), **({"x-prefect-api-version": version} if version else {})}

    def state(self, is_task: bool, before: str | None = None) -> dict[str, Any]:
        choice = self.random.choice
        kind = choice(NEXT.get(before or "", TYPES)) if self.chance(0.7) else choice(TYPES)
        state: dict[str, Any] = {"type": kind, "state_details": self.details(is_task, kind)}
        if self.chance(0.25):
            state["name"] = choice(NAMES)
        if kind == "PAUSED" and self.chance(0.4):
            state["name"] = "Suspended"
        if self.chance(0.2):
            state["message"] = choice(["message", "", None])
        # A real server fails on a text of a completed task, and on any data of a deferred one.
        if self.chance(0.4) and not state["state_details"].get("deferred"):
            state["data"] = choice([None, UNSTORED, STORED, {"type": "other"}, {}, 0])
        return state

    def details(self, is_task: bool, kind: str) -> dict[str, Any]:
        pauses = kind == "PAUSED"
        chances: dict[str, tuple[float, list[Any]]] = {
            "transition_id": (0.15, self.transitions),
            "scheduled_time": (0.5 if kind == "SCHEDULED" else 0.1, [self.at(-100), self.at(100), self.at(3600), None]),
            "cache_key": (0.4 if is_task else 0.05, ["a", "b", "c", "d", "", "x" * 2001]),
            "cache_expiration": (0.15, [self.at(-50), self.at(5000)]),
            "refresh_cache": (0.08, [True, False]),
            "pause_key": (0.6 if pauses else 0.05, list("abcdefgh")),
            "pause_timeout": (0.4 if pauses else 0.05, [self.at(-50), self.at(5000)]),
            "pause_reschedule": (0.35 if pauses else 0.05, [True]),
            "run_input_keyset": (0.2 if pauses else 0, [KEYSET]),
            "retriable": (0.1, [True, False]),
            "deferred": (0.08, [True, False]),
            "task_parameters_id": (0.05, self.transitions),
            "untrackable_result": (0.05, [True]),
            "traceparent": (0.05, ["trace"]),
            "child_flow_run_id": (0.05, self.transitions),
        }
        return {name: self.random.choice(values) for name, (part, values) in chances.items() if self.chance(part)}

    def at(self, seconds: float) -> str:
        return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()
