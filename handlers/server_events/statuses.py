"""Events of deployments, work pools and work queues that become ready, or no longer are.

Source: `prefect.server.models.events`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace

from ..event_filters import ID, ROLE
from ..events import keep

Row = Mapping[str, Any]
NAME, POOL_TYPE = "prefect.resource.name", "prefect.work-pool.type"
RECENT = timedelta(minutes=10)  # between the events of a pool of which one follows the other
KINDS = {"deployments": "deployment", "work_pools": "work-pool", "work_queues": "work-queue"}


def keep_pool_status(workspace: Workspace, row: int) -> None:
    """Store the event of the status that a pool has got, and note it: the next one follows it."""
    pools, moment = workspace["work_pools"], now()
    pool = pools.values(row)
    last = pool["last_transitioned_status_at"]
    is_recent = last is not None and moment - last < RECENT
    event = keep_status(workspace, "work_pools", row, pool["last_status_event_id"] if is_recent else None)
    pools.update(row, {"last_status_event_id": event["id"], "last_transitioned_status_at": event["occurred"]})


def keep_status(workspace: Workspace, table: str, row: int, follows: UUID | None = None) -> Row:
    """Store the event of the status that a row has now. Returns it."""
    values, moment, kind = workspace[table].values(row), now(), KINDS[table]
    resource = resource_of(kind, values)
    if table == "work_queues":
        resource[ROLE] = kind
    event = {
        "id": new_id(),
        "occurred": moment,
        "received": moment,
        "event": f"prefect.{kind}.{values['status'].lower().replace('_', '-')}",
        "resource": resource,
        "related": [{**resource_of(name, of), ROLE: name} for name, of in owners(workspace, table, values)],
        "payload": {},
        "follows": follows,
    }
    keep(workspace, event)
    return event


def owners(workspace: Workspace, table: str, values: Row) -> list[tuple[str, Row]]:
    """What a row belongs to, with its kind."""
    queue = workspace["work_queues"].get(values["work_queue_id"]) if table == "deployments" else values
    pool = None if queue is None else workspace["work_pools"].get(queue.get("work_pool_id"))
    flow = workspace["flows"].get(values["flow_id"]) if table == "deployments" else None
    found = {"flow": flow, "work-queue": queue if table == "deployments" else None, "work-pool": pool}
    return [(kind, row) for kind, row in found.items() if row is not None]


def resource_of(kind: str, values: Row) -> dict[str, str]:
    resource = {ID: f"prefect.{kind}.{values['id']}", NAME: values["name"]}
    return {**resource, POOL_TYPE: values["type"]} if kind == "work-pool" else resource
