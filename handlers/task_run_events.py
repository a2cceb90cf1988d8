"""Task runs that clients orchestrate themselves: each state change arrives as an event, in any order."""

from collections.abc import Mapping, Set
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from understudy.operations.actions import same_row
from understudy.tables.table import Table
from understudy.values import key_of, now
from understudy.workspaces.workspace import Workspace

from .event_filters import ID, ROLE
from .names import new_name, with_name
from .states import times_of
from .task_run_values import coerced_state, coerced_task_run

TASK_RUN, FLOW_RUN = "prefect.task-run.", "prefect.flow-run."
NOT_SENT = {"id", "state", "state_id", "created", "estimated_run_time", "estimated_start_time_delta"}
"""Fields of task runs that an event does not change. Source: the real server's task run recorder."""


def record(workspace: Workspace, event: Mapping[str, Any]) -> None:
    """Store the task run of an event with its state, unless a later one is stored.

    An event that lacks required values changes nothing.
    """
    own = event["resource"]
    if event["event"].startswith("prefect.task-run") and own.get("prefect.orchestration") == "client":
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            record_state(workspace, event, id_after(TASK_RUN, own))


def record_state(workspace: Workspace, event: Mapping[str, Any], task_run_id: UUID) -> None:
    runs, states, moment = workspace["task_runs"], workspace["task_run_states"], now()
    task_run = task_run_of(event, task_run_id)
    check_keys(workspace, task_run)
    existing = existing_run(runs, task_run)
    row = None if existing is None else runs.values(existing)
    run_id = task_run["id"] if row is None else row["id"]
    state = states.schema.parse(to_json(state_of(event, run_id, moment, states.schema.fields)))
    if key_of(state["timestamp"]) in times_of(states, "task_run_id", run_id):
        return
    state["name"] = state["type"].capitalize() if state["name"] is None else state["name"]
    sent = {name: value for name, value in task_run.items() if name in runs.schema.fields - NOT_SENT}
    values = {**sent, **as_shown(state), "updated": moment}
    if existing is None or row is None:
        # Without labels, it has none at all, where other new runs have an empty object.
        made = {"name": new_name(), "labels": None, **values, "id": run_id, "created": moment}
        runs.add(runs.schema.parse(to_json(made)))
    elif row["state_timestamp"] is not None and row["state_timestamp"] < state["timestamp"]:
        runs.update(existing, runs.schema.parse(to_json({**row, **values})))
    if states.find(state["id"].int) is None:
        states.add(state)


def task_run_of(event: Mapping[str, Any], task_run_id: UUID) -> dict[str, Any]:
    """The task run of an event. Ids in its payload take precedence over the resources of the event."""
    given = coerced_task_run(with_name(event["payload"]["task_run"]))
    found = {"id": task_run_id, "flow_run_id": flow_run_of(event), **given}
    return {**found, "id": UUID(str(found["id"])), "flow_run_id": uuid_or_none(found["flow_run_id"])}


def flow_run_of(event: Mapping[str, Any]) -> UUID | None:
    owners = [each for each in event.get("related", []) if each.get(ROLE) == "flow-run"]
    return id_after(FLOW_RUN, owners[0]) if owners else None


def id_after(prefix: str, resource: Mapping[str, str]) -> UUID:
    """The id of the row that a resource is.

    Raises:
        ValueError: it is none of its kind.
    """
    if not resource[ID].startswith(prefix):
        raise ValueError(f"{resource[ID]} does not begin with {prefix}")
    return UUID(resource[ID].removeprefix(prefix))


def existing_run(runs: Table, task_run: Mapping[str, Any]) -> int | None:
    """The row number of a task run, found by its keys within a flow run or, otherwise, by its id."""
    found = None if task_run["flow_run_id"] is None else same_row(runs, task_run)
    return runs.find(task_run["id"].int) if found is None else found


def state_of(event: Mapping[str, Any], task_run_id: UUID, moment: datetime, fields: Set[str]) -> dict[str, Any]:
    """The state of an event, as a row. A scheduled state without a time is scheduled for the present."""
    given = coerced_state(event["payload"]["validated_state"])
    details = {**given.get("state_details", {}), "flow_run_id": flow_run_of(event), "task_run_id": task_run_id}
    if given["type"] == "SCHEDULED" and details.get("scheduled_time") is None:
        details["scheduled_time"] = moment
    row = {"id": event["id"], "timestamp": event["occurred"], **given, "state_details": details}
    return {**{name: value for name, value in row.items() if name in fields}, "task_run_id": task_run_id}


def as_shown(state: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a run that depend on its state."""
    return {
        "state": {name: value for name, value in state.items() if name != "task_run_id"},
        "state_id": state["id"],
        "state_type": state["type"],
        "state_name": state["name"],
        "state_timestamp": state["timestamp"],
    }


def check_keys(workspace: Workspace, task_run: Mapping[str, Any]) -> None:
    """Check the required fields of an event's task run.

    Raises:
        LookupError: it has no keys, or its flow run does not exist.
    """
    if not all(isinstance(task_run[name], str) for name in ("task_key", "dynamic_key")):
        raise LookupError("a task run needs its keys")
    owner = task_run["flow_run_id"]
    if owner is not None and workspace["flow_runs"].find(owner.int) is None:
        raise LookupError("the flow run does not exist")


def uuid_or_none(value: Any) -> UUID | None:
    return None if value is None else UUID(str(value))
