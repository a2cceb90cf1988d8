"""Events of deployments, work pools and work queues that become ready or not ready.

Source: `prefect.server.models.events`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from understudy.operations.observers import Row
from understudy.values import new_ordered_id, now
from understudy.workspaces.workspace import Workspace

from ..event_filters import ID, ROLE
from ..events import store_event
from .related import NAME, POOL_TYPE, Labels, Lookup, Related, related_to_deployment, related_to_queue, unrelated

RECENT = timedelta(minutes=10)  # the maximum time between two events of a pool of which one follows the other


class Kind(NamedTuple):
    """A kind of resource with a status, and the labels of its events."""

    name: str
    related: Related
    labels: Callable[[Row], Labels] = lambda row: {}


KINDS = {
    "deployments": Kind("deployment", related_to_deployment),
    "work_pools": Kind("work-pool", unrelated, lambda row: {POOL_TYPE: row["type"]}),
    "work_queues": Kind("work-queue", related_to_queue, lambda row: {ROLE: "work-queue"}),
}


def keep_pool_status(workspace: Workspace, row: int) -> None:
    """Store the event of a pool's new status, and remember it, since the next event follows it."""
    pools, moment = workspace["work_pools"], now()
    pool = pools.values(row)
    last = pool["last_transitioned_status_at"]
    is_recent = last is not None and moment - last < RECENT
    event = keep_status(workspace, "work_pools", row, pool["last_status_event_id"] if is_recent else None)
    pools.update(row, {"last_status_event_id": event["id"], "last_transitioned_status_at": event["occurred"]})


def keep_status(workspace: Workspace, table: str, row: int, follows: UUID | None = None) -> Row:
    """Store the event of a row's present status. Returns it."""
    values, moment, kind = workspace[table].values(row), now(), KINDS[table]
    resource = {ID: f"prefect.{kind.name}.{values['id']}", NAME: values["name"], **kind.labels(values)}
    event = {
        "id": new_ordered_id(),
        "occurred": moment,
        "received": moment,
        "event": f"prefect.{kind.name}.{values['status'].lower().replace('_', '-')}",
        "resource": resource,
        "related": kind.related(Lookup(workspace), values),
        "payload": {},
        "follows": follows,
    }
    store_event(workspace, event)
    return event
