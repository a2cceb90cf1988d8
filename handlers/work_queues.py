"""Work queues: how they are shown, by themselves and by other rows, and what keeps their priorities apart."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.contract.columns import Column
from understudy.operations.actions import change, insert
from understudy.tables.table import Table
from understudy.values import now
from understudy.workspaces.workspace import Workspace

POOL_ID, QUEUE_ID, STATE_TYPE = Column(("work_pool_id",)), Column(("work_queue_id",)), Column(("state_type",))
OCCUPYING = ("PENDING", "RUNNING")  # the states in which a run takes a slot
RECENT = timedelta(seconds=60)  # since the last poll of a queue that is ready


def show_queue(tables: Mapping[str, Table], row: dict[str, Any]) -> dict[str, Any] | None:
    """Set the id and the name of a row's queue, where it has one. Returns the queue's pool."""
    queue = row_of(tables["work_queues"], row["work_queue_id"])
    if queue is None:
        return None
    row["work_queue_name"] = queue["name"]
    return row_of(tables["work_pools"], queue["work_pool_id"])


def row_of(table: Table, row_id: str | None) -> dict[str, Any] | None:
    """The JSON of the row with an id; None where there is none."""
    row = None if row_id is None else table.find(UUID(row_id).int)
    found: dict[str, Any] | None = None if row is None else from_json(table.encoded(row))
    return found


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A queue with the name of its pool, and the slots that its runs take, where it has a limit."""
    pool = row_of(tables["work_pools"], row["work_pool_id"])
    row["work_pool_name"] = pool and pool["name"]
    if row["filter"] is not None:
        row["filter"] = {"tags": None, "deployment_ids": None, **row["filter"]}
    limited = row["concurrency_limit"] is not None
    row["active_slots"] = active_slots(tables, [UUID(row["id"]).int]) if limited else None


def active_slots(tables: Mapping[str, Table], queue_ids: Iterable[int]) -> int:
    """How many runs of some queues take a slot."""
    runs = tables["flow_runs"]
    return len(runs.index(QUEUE_ID).any_of(queue_ids) & runs.index(STATE_TYPE).any_of(OCCUPYING))


def create_queue(workspace: Workspace, pool: UUID, body: Mapping[str, Any]) -> int:
    """Add a queue to a pool, with the first priority that is free where it has none. Returns its number."""
    queues = workspace["work_queues"]
    priority = body.get("priority")
    free = priority or first_free(queues.values(row)["priority"] for row in queues.index(POOL_ID).rows(pool.int))
    row = insert(queues, {**body, "work_pool_id": pool, "priority": free})
    if priority is not None:
        renumber(workspace, pool, row)
    return row


def change_queue(workspace: Workspace, row: int, body: Mapping[str, Any]) -> None:
    queues = workspace["work_queues"]
    before = queues.values(row)
    change(queues, row, {**body, **changed_status(before, body)})
    if "priority" in body:
        renumber(workspace, before["work_pool_id"], row)


def changed_status(queue: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, str]:
    """The status of a queue that is paused or goes on: then it is ready if it was polled lately."""
    if body.get("is_paused") is True and queue["status"] != "PAUSED":
        return {"status": "PAUSED"}
    if body.get("is_paused") is False and queue["status"] == "PAUSED":
        polled = body["last_polled"] if "last_polled" in body else queue["last_polled"]
        return {"status": "READY" if polled is not None and polled > now() - RECENT else "NOT_READY"}
    return {}


def first_free(priorities: Iterable[int]) -> int:
    """The first priority that the queues of a pool skip, else the one after the last."""
    taken = sorted(priorities)
    skipped = next((rank for rank, priority in enumerate(taken, 1) if rank != priority), None)
    return skipped or max(taken, default=0) + 1


def renumber(workspace: Workspace, pool: UUID, moved: int | None = None) -> None:
    """Make the priorities of a pool's queues differ: those that clash with an earlier one move down.

    A queue that was `moved` comes before those that had its priority.
    """
    queues = workspace["work_queues"]
    own = {row: queues.values(row)["priority"] for row in queues.index(POOL_ID).rows(pool.int)}
    last = 0
    for row in sorted(own, key=lambda row: (own[row], row != moved)):
        if own[row] > last:
            last = own[row]
        else:
            last += 1
            change(queues, row, {"priority": last})
