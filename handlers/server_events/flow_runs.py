"""Events of flow runs: the server emits one for each new state of a flow run.

Source: `prefect.server.models.events`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from understudy.workspaces.workspace import Workspace

from ..event_filters import ID, ROLE
from ..events import store_event

LONGEST = 100_000  # the maximum length of a message
TIGHT = timedelta(minutes=5)  # the maximum time between two states for the second event to follow the first
CREATORS = {"DEPLOYMENT": "deployment", "AUTOMATION": "automation"}

Row = Mapping[str, Any]


def keep_state_change(workspace: Workspace, run: Row, initial: Row, state: Row) -> None:
    """Store the event of a flow run's new state. The former state is empty for a new run."""
    moment = state["timestamp"]
    is_tight = bool(initial) and -TIGHT < moment - initial["timestamp"] < TIGHT
    store_event(
        workspace,
        {
            "id": state["id"],
            "occurred": moment,
            "received": moment,
            "event": f"prefect.flow-run.{state['name']}",
            "resource": {
                ID: f"prefect.flow-run.{run['id']}",
                "prefect.resource.name": run["name"] or "",  # fixtures may have none
                "prefect.run-count": str(run["run_count"]),
                "prefect.state-message": truncated(state["message"] or ""),
                "prefect.state-name": state["name"] or "",
                "prefect.state-timestamp": moment.isoformat(),
                "prefect.state-type": state["type"],
            },
            "related": related(workspace, run),
            "payload": {
                "intended": {"from": initial.get("type"), "to": state["type"]},
                "initial_state": shown(initial),
                "validated_state": shown(state),
            },
            "follows": initial["id"] if is_tight else None,
        },
    )


def shown(state: Row) -> dict[str, Any] | None:
    """The values of a state in the payload of an event."""
    if not state:
        return None
    values = {"type": state["type"]}
    if state["name"]:
        values["name"] = state["name"]
    if state["message"]:
        values["message"] = truncated(state["message"])
    if state["type"] == "PAUSED":
        values["pause_reschedule"] = str(state["state_details"].get("pause_reschedule", False)).lower()
    return values


def truncated(text: str) -> str:
    """A text, shortened in the middle if it is too long."""
    half = LONGEST // 2
    short = f"{text[:half]}...{len(text) - LONGEST} additional characters...{text[-half:]}"
    return short if len(text) > LONGEST and len(short) < len(text) else text


def related(workspace: Workspace, run: Row) -> list[dict[str, str]]:
    """The resources related to a flow run, with their tags, and the creator of the run."""
    queue = workspace["work_queues"].look_up(run["work_queue_id"])
    owners = {
        "flow": workspace["flows"].look_up(run["flow_id"]),
        "deployment": workspace["deployments"].look_up(run["deployment_id"]),
        "work-queue": queue,
        "work-pool": queue and workspace["work_pools"].look_up(queue["work_pool_id"]),
        "task-run": workspace["task_runs"].look_up(run["parent_task_run_id"]),
    }
    found, tags = [], set(run["tags"])
    for kind, row in owners.items():
        if row is not None:
            resource = {ID: f"prefect.{kind}.{row['id']}", ROLE: kind, "prefect.resource.name": row["name"] or ""}
            if kind == "work-pool":
                resource["prefect.work-pool.type"] = row["type"]
            found.append(resource)
            tags |= set(row.get("tags") or ())
    found += [{ID: f"prefect.tag.{tag}", ROLE: "tag"} for tag in sorted(tags)]
    return found + creator(run["created_by"])


def creator(created_by: Row | None) -> list[dict[str, str]]:
    kind = CREATORS.get(created_by["type"]) if created_by else None
    if created_by is None or kind is None:
        return []
    name = {"prefect.resource.name": created_by["display_value"]} if created_by.get("display_value") else {}
    return [{ID: f"prefect.{kind}.{created_by['id']}", ROLE: "creator", **name}]
