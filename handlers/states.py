"""States of runs: each is a row of its own, and the latest one is also part of its run."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from pydantic_core import from_json, to_json, to_jsonable_python

from understudy.contract.columns import Column
from understudy.errors import NotFound
from understudy.operations.handler_results import Answer
from understudy.tables.table import Table
from understudy.values import now
from understudy.workspaces.workspace import Workspace

TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})
STATE_ID, TIMESTAMP = Column(("state_id",)), Column(("timestamp",))
STATES = {"flow_runs": "flow_run_states", "task_runs": "task_run_states"}
OWNERS = {"flow_runs": "flow_run_id", "task_runs": "task_run_id"}


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A row of states as responses show it."""
    show_state(row)


def show_state(state: dict[str, Any] | None) -> None:
    """A scheduled state that was loaded without its time is scheduled for now, as on a real server."""
    if state is not None and state["type"] == "SCHEDULED" and state["state_details"]["scheduled_time"] is None:
        state["state_details"]["scheduled_time"] = to_jsonable_python(now())


def whole(state: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The complete state of a run, which may lack its id, name and time in fixtures. It has stored values, or JSON."""
    if state.keys() >= {"id", "name", "timestamp"}:
        return dict(state)
    kind = type(run["id"])
    return {
        "id": run["state_id"] or kind(str(uuid5(UUID(str(run["id"])), "state"))),
        "name": run["state_name"] or state["type"].capitalize(),
        "timestamp": run["state_timestamp"] or run["updated"],
        **state,
    }


def read_state(workspace: Workspace, states: str, runs: str, id: UUID) -> Answer:
    """A state by its id. A loaded run may have its state only as a part of the run."""
    row = workspace[states].find(id.int)
    if row is not None:
        return workspace.shown(states, row)
    for run in workspace[runs].index(STATE_ID).rows(id.int):
        values = workspace[runs].values(run)
        if values["state"] is not None:
            shown = from_json(to_json(whole(values["state"], values)))
            show_state(shown)
            return shown
    raise NotFound("Flow run state not found")


def times_of(states: Table, owner: str, run_id: UUID) -> set[Any]:
    """The times of a run's states, as keys. `owner` is the field of a state with the id of its run."""
    return {states.key(TIMESTAMP, row) for row in states.index(Column((owner,))).rows(run_id.int)}


def states_of(workspace: Workspace, states: str, runs: str, run_id: UUID) -> Answer:
    """All states of a run, the earliest first."""
    table, owner = workspace[states], OWNERS[runs]
    found = [table.values(row) for row in table.index(Column((owner,))).rows(run_id.int)]
    run = workspace[runs].get(run_id)
    if run is not None and run["state"] is not None:
        latest = whole(run["state"], run)
        if latest["id"] not in {state["id"] for state in found}:
            found.append(latest)
    found.sort(key=lambda state: state["timestamp"])
    shown = from_json(to_json([{name: value for name, value in state.items() if name != owner} for state in found]))
    for state in shown:
        show_state(state)
    return shown
