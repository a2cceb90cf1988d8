"""Task runs that clients orchestrate themselves: each of their state changes comes as an event, in any order."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from understudy.operations.actions import same_row
from understudy.values import key_of, now
from understudy.workspaces.workspace import Workspace

from .event_filters import ID, ROLE
from .states import times_of

TASK_RUN, FLOW_RUN = "prefect.task-run.", "prefect.flow-run."
NOT_SENT = {"id", "state", "state_id", "created", "estimated_run_time", "estimated_start_time_delta"}
"""Fields of task runs that an event does not change. Source: the real server's task run recorder."""


def record(workspace: Workspace, event: Mapping[str, Any]) -> None:
    """Store the task run of an event with its state, unless a later one is known.

    An event that does not have what it needs changes nothing.
    """
    own = event["resource"]
    if event["event"].startswith("prefect.task-run") and own.get("prefect.orchestration") == "client":
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            record_state(workspace, event, UUID(own[ID].removeprefix(TASK_RUN)))


def record_state(workspace: Workspace, event: Mapping[str, Any], task_run_id: UUID) -> None:
    runs, states, payload = workspace["task_runs"], workspace["task_run_states"], event["payload"]
    owners = [each[ID].removeprefix(FLOW_RUN) for each in event.get("related", []) if each.get(ROLE) == "flow-run"]
    flow_run_id = UUID(owners[0]) if owners else None
    sent = {name: value for name, value in payload["task_run"].items() if name in runs.schema.fields - NOT_SENT}
    existing = runs.find(task_run_id.int)
    if existing is None and flow_run_id is not None:
        existing = same_row(runs, {**sent, "flow_run_id": flow_run_id})
    if existing is not None:
        task_run_id = runs.values(existing)["id"]
    moment, given = now(), payload["validated_state"]
    details = {**given.get("state_details", {}), "task_run_id": task_run_id, "flow_run_id": flow_run_id}
    whole = {"id": event["id"], "timestamp": event["occurred"], **given, "state_details": details}
    state = states.schema.parse(to_json({**whole, "task_run_id": task_run_id}))
    if key_of(state["timestamp"]) in times_of(states, "task_run_id", task_run_id):
        return
    state["name"] = state["name"] or state["type"].capitalize()
    values = {
        **sent,
        "flow_run_id": flow_run_id,
        "state": {name: value for name, value in state.items() if name != "task_run_id"},
        "state_id": state["id"],
        "state_type": state["type"],
        "state_name": state["name"],
        "state_timestamp": state["timestamp"],
        "updated": moment,
    }
    if existing is None:
        # Without labels, it has none at all, where other new runs have an empty object.
        runs.add(runs.schema.parse(to_json({"labels": None, **values, "id": task_run_id, "created": moment})))
    else:
        row = runs.values(existing)
        if row["state_timestamp"] is not None and row["state_timestamp"] < state["timestamp"]:
            runs.update(existing, runs.schema.parse(to_json({**row, **values})))
    if states.find(state["id"].int) is None:
        states.add(state)
