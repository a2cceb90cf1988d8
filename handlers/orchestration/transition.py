"""A transition: the attempt to change the state of one run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from understudy.values import moved, new_ordered_id
from understudy.workspaces.workspace import Workspace

from .client import UNKNOWN, Client

State = dict[str, Any]
"""The values of a state; empty without a state."""


@dataclass(frozen=True)
class Runs:
    """A kind of run: the table of the runs, the table of their states, and the field of a state that refers to its
    run.
    """

    table: str
    states: str
    owner: str


FLOW_RUNS = Runs("flow_runs", "flow_run_states", "flow_run_id")
TASK_RUNS = Runs("task_runs", "task_run_states", "task_run_id")


@dataclass
class Transition:
    """The attempt to change the state of a run, as rules see and change it.

    `run` has the values of the run's row; rules change them in place. `initial` is the run's state before, empty for a
    new run. `proposed` is the state that will be written, empty if no state will be. After that, `validated` is the
    run's state. `time` is the time of the request.
    """

    workspace: Workspace
    runs: Runs
    run: dict[str, Any]
    initial: State
    proposed: State
    time: datetime
    client: Client = UNKNOWN
    status: str = "ACCEPT"
    details: dict[str, Any] = field(default_factory=lambda: {"type": "accept_details"})
    validated: State = field(default_factory=dict)

    @property
    def initial_type(self) -> str | None:
        return self.initial.get("type")

    @property
    def proposed_type(self) -> str | None:
        return self.proposed.get("type")

    @property
    def policy(self) -> dict[str, Any]:
        """The run's `empirical_policy`: how it is retried and paused."""
        policy: dict[str, Any] = self.run["empirical_policy"]
        return policy

    def reject(self, reason: str, state: State | None = None) -> None:
        """Refuse the proposed state, in favour of another one or of the run's present state."""
        self.proposed, self.status = state or {}, "REJECT"
        self.details = {"type": "reject_details", "reason": reason}

    def wait(self, seconds: int, reason: str) -> None:
        """Instruct the client to try again after some seconds."""
        self.proposed, self.status = {}, "WAIT"
        self.details = {"type": "wait_details", "delay_seconds": seconds, "reason": reason}

    def abort(self, reason: str) -> None:
        """Refuse the proposed state, and instruct the client to stop."""
        self.proposed, self.status = {}, "ABORT"
        self.details = {"type": "abort_details", "reason": reason}

    def after(self, seconds: float) -> datetime:
        """The time some seconds from now, or the maximum time."""
        return moved(self.time, seconds)

    def linked_flow_run(self) -> Mapping[str, Any] | None:
        """The flow run of a task run."""
        return self.workspace[FLOW_RUNS.table].get(self.run["flow_run_id"])


def deployment_of(workspace: Workspace, flow_run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The deployment of a flow run."""
    return workspace["deployments"].get(flow_run["deployment_id"])


def new_state(kind: str, time: datetime, name: str | None = None, **values: Any) -> State:
    """A state of a type, with details other than the usual ones if given."""
    details = dict(values.pop("state_details", None) or {})
    if kind == "SCHEDULED" and details.get("scheduled_time") is None:
        details["scheduled_time"] = time
    state = {
        "id": new_ordered_id(),
        "type": kind,
        "name": kind.capitalize() if name is None else name,
        "timestamp": time,
    }
    return {**state, "message": None, "data": None, **values, "state_details": details}


def proposed_state(given: Mapping[str, Any] | None, time: datetime) -> State:
    """The state that a request proposes, by default a pending one."""
    values = {"type": "PENDING", **(given or {})}
    return new_state(values.pop("type"), time, **values)


def copy_of(state: State, time: datetime, **values: Any) -> State:
    """A copy of a state with its own id, at another time."""
    return {**state, "state_details": dict(state["state_details"]), "id": new_ordered_id(), "timestamp": time, **values}


def detail(state: State, name: str) -> Any:
    """A detail of a state; None if there is no state."""
    return state["state_details"].get(name) if state else None


def same_id(first: UUID | None, second: UUID | None) -> bool:
    return first is not None and first == second
