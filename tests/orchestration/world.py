"""A workspace with runs, whose states are set by its operations."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from importlib import import_module
from itertools import count
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from pydantic_core import from_json, to_json

from understudy.operations.api_folder import Api
from understudy.workspaces.workspace import Workspace

Row = dict[str, Any]

CLIENT = {b"user-agent": b"prefect/3.9.1 (API 0.8.4)", b"x-prefect-api-version": b"0.8.4"}
PERSISTED = {"type": "reference", "storage_key": "a"}


def in_seconds(seconds: float) -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=seconds)


class Outcome(NamedTuple):
    """The outcome of a proposed state: the result, and the status of the response."""

    status: str
    reason: str | None
    state: Row | None
    code: int
    seconds: int | None = None

    @property
    def kind(self) -> str | None:
        return None if self.state is None else str(self.state["type"])

    @property
    def brief(self) -> tuple[str, str | None, int]:
        return self.status, self.reason, self.code


class World:
    """A workspace of an API, in memory."""

    def __init__(self, api: Api) -> None:
        self.workspace = Workspace.empty(api.catalog)
        self._api = api
        self._numbers = count()
        self.flow = self.add("flows", name="a flow")

    def add(self, table: str, **values: Any) -> UUID:
        """Add a row. Returns its id."""
        moment = in_seconds(-3600)
        row = {"id": uuid4(), "created": moment, "updated": moment, **values}
        self.workspace[table].insert(row)
        return UUID(int=row["id"].int)

    def call(self, operation: str, **arguments: Any) -> tuple[Any, int]:
        """Call an operation's handler. Returns its answer as JSON, and the status of the response."""
        found = self._api.operations[operation]
        if "headers" in found.prepared.of_request:
            arguments.setdefault("headers", CLIENT)
        answer = found.handler(self.workspace, **arguments)
        content, status = answer if isinstance(answer, tuple) else (answer, found.status)
        encoded = content if isinstance(content, bytes) else to_json(content)
        return (from_json(encoded) if encoded else None), int(status)

    # ---------------------------------------------------------------------- runs

    def deployment(self, limit: int | None = None, **options: Any) -> UUID:
        """Add a deployment, with a concurrency limit if one is given."""
        name = f"deployment-{next(self._numbers)}"
        limit_id = None if limit is None else self.add("concurrency_limits_v2", name=name, limit=limit)
        return self.add(
            "deployments",
            name=name,
            flow_id=self.flow,
            concurrency_limit_id=limit_id,
            concurrency_options=options or None,
        )

    def flow_run(self, kind: str | None = "PENDING", state: Row | None = None, **body: Any) -> UUID:
        """Create a flow run in a state."""
        given = state if state is not None or kind is None else {"type": kind}
        run, _ = self.call("flow_runs.create_flow_run", body={"flow_id": self.flow, "state": given, **body})
        return UUID(run["id"])

    def task_run(self, kind: str | None = None, flow_run: UUID | None = None, **values: Any) -> UUID:
        """Add a task run, and set its state."""
        key = f"task-{next(self._numbers)}"
        run = self.add("task_runs", name=key, task_key=key, dynamic_key="0", flow_run_id=flow_run, **values)
        if kind is not None:
            self.task(run, kind, force=True)
        return run

    # -------------------------------------------------------------------- states

    def set(self, run: UUID, kind: str, **given: Any) -> Outcome:
        """Propose a state for a flow run: its fields, its details by name, and the arguments of the operation."""
        return self._set("flow_runs.set_flow_run_state", run, kind, given)

    def task(self, run: UUID, kind: str, **given: Any) -> Outcome:
        """Propose a state for a task run."""
        return self._set("task_runs.set_task_run_state", run, kind, given)

    def set_at(self, run: UUID, kind: str, time: datetime) -> None:
        """Set the state of a flow run by a request at a time."""
        module = import_module(self._api.operations["flow_runs.set_flow_run_state"].handler.__module__)
        row = self.workspace["flow_runs"].find(run.int)
        module.flow_states.set_flow_run_state(self.workspace, row, module.proposed_state({"type": kind}, time), time)

    def resume(self, run: UUID, run_input: Row | None = None) -> Outcome:
        return outcome(*self.call("flow_runs.resume_flow_run", id=run, run_input=run_input))

    def _set(self, operation: str, run: UUID, kind: str, given: Mapping[str, Any]) -> Outcome:
        arguments: Row = {"force": False}
        state: Row = {"type": kind}
        details: Row = {}
        for name, value in given.items():
            target = (
                arguments if name in ("force", "headers") else state if name in ("name", "message", "data") else details
            )
            target[name] = value
        return outcome(*self.call(operation, id=run, state={**state, "state_details": details}, **arguments))

    # --------------------------------------------------------------------- reads

    def row(self, run: UUID, table: str = "flow_runs") -> Row:
        """The stored row with an id."""
        number = self.workspace[table].find(run.int)
        assert number is not None
        return self.workspace[table].values(number)

    def task_row(self, run: UUID) -> Row:
        return self.row(run, "task_runs")

    def states(self, run: UUID) -> list[tuple[str, str]]:
        """The types and names of a flow run's states, in order."""
        states, _ = self.call("flow_run_states.read_flow_run_states", flow_run_id=run)
        return [(state["type"], state["name"]) for state in states]

    def task_states(self, run: UUID) -> list[tuple[str, str]]:
        states, _ = self.call("task_run_states.read_task_run_states", task_run_id=run)
        return [(state["type"], state["name"]) for state in states]

    def state_rows(self, run: UUID) -> list[Row]:
        """The stored states of a flow run, in order."""
        states = self.workspace["flow_run_states"]
        rows = [row for row in map(states.values, states.live) if row["flow_run_id"] == run]
        return sorted(rows, key=itemgetter("timestamp"))

    def slots(self, deployment: UUID) -> int:
        """The slots that are taken of a deployment's limit."""
        limit = self.row(deployment, "deployments")["concurrency_limit_id"]
        return int(self.row(limit, "concurrency_limits_v2")["active_slots"])


def outcome(result: Row, code: int) -> Outcome:
    details = result["details"]
    return Outcome(result["status"], details.get("reason"), result["state"], code, details.get("delay_seconds"))
