"""Workers, pools, queues and deployments become offline or not ready after a time without contact.

Source: `prefect.server.services.foreman`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from understudy.contract.columns import ID, Column
from understudy.operations.actions import change
from understudy.values import EPOCH, MICROSECOND, moved, now
from understudy.workspaces.workspace import Workspace

from ..server_events.statuses import keep_pool_status, keep_status

STATUS, POOL_ID = Column(("status",)), Column(("work_pool_id",))
INTERVAL = 30  # seconds between the heartbeats of a worker that states no interval
MISSED = 3  # heartbeats after which a worker is offline
POLLED = timedelta(seconds=60)  # the time since its last poll after which something is not ready


def due(workspace: Workspace) -> datetime | None:
    if any(True for _ in abandoned_pools(workspace)):
        return EPOCH
    found = (workers(workspace), deployments(workspace), queues(workspace))
    return min((time for some in found for _, time in some), default=None)


def run(workspace: Workspace) -> None:
    moment = now()
    for row, time in list(workers(workspace)):
        if time <= moment:
            workspace["workers"].update(row, {"status": "OFFLINE"})
    for row in list(abandoned_pools(workspace)):
        change(workspace["work_pools"], row, {"status": "NOT_READY"})
        keep_pool_status(workspace, row)
    for row, time in list(deployments(workspace)):
        if time <= moment:
            workspace["deployments"].update(row, {"status": "NOT_READY"})
            keep_status(workspace, "deployments", row)
    for row, time in list(queues(workspace)):
        if time <= moment:
            change(workspace["work_queues"], row, {"status": "NOT_READY"})
            keep_status(workspace, "work_queues", row)


def workers(workspace: Workspace) -> Iterator[tuple[int, datetime]]:
    """The online workers, each with the time at which it becomes offline."""
    table = workspace["workers"]
    for row in table.index(STATUS).rows("ONLINE"):
        worker = table.values(row)
        if worker["last_heartbeat_time"] is not None:
            silence = MISSED * (worker["heartbeat_interval_seconds"] or INTERVAL)
            yield row, moved(moved(worker["last_heartbeat_time"], silence), MICROSECOND)


def abandoned_pools(workspace: Workspace) -> Iterator[int]:
    """The ready pools without an online worker."""
    pools, table = workspace["work_pools"], workspace["workers"]
    online = table.index(STATUS).rows("ONLINE")
    for row in pools.live:
        if pools.values(row)["status"] == "READY" and not table.index(POOL_ID).rows(pools.key(ID, row)) & online:
            yield row


def queues(workspace: Workspace) -> Iterator[tuple[int, datetime]]:
    """The ready queues, each with the time at which it becomes not ready."""
    table = workspace["work_queues"]
    for row in table.live:
        queue = table.values(row)
        if queue["status"] == "READY" and queue["last_polled"] is not None:
            yield row, moved(queue["last_polled"], POLLED + MICROSECOND)


def deployments(workspace: Workspace) -> Iterator[tuple[int, datetime]]:
    """The ready deployments, each with the time at which neither it nor its queue has been polled for too long."""
    table = workspace["deployments"]
    for row in table.live:
        deployment = table.values(row)
        if deployment["status"] == "READY" and deployment["last_polled"] is not None:
            queue = workspace["work_queues"].get(deployment["work_queue_id"])
            polled = [deployment["last_polled"], queue and queue["last_polled"]]
            yield row, moved(max(time for time in polled if time is not None), POLLED + MICROSECOND)
