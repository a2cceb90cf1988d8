"""Work queues: how they and rows that refer to them are shown, and how their priorities are kept unique."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.contract.columns import ID, Column
from understudy.errors import Conflict, NotFound, Unprocessable
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, check_keys, insert, matching
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.operations.observers import observing
from understudy.tables.table import Table
from understudy.values import now
from understudy.workspaces.workspace import Workspace

NAME, TAGS, DEPLOYMENT_ID = Column(("name",)), Column(("tags",)), Column(("deployment_id",))
NAMES = re.compile("[^/%&><]+")
AGENT_POOL = {
    "name": "default-agent-pool",
    "type": "prefect-agent",
}  # the pool of queues without a pool
CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs for"
    " details."
)
POOL_ID, QUEUE_ID, STATE_TYPE = Column(("work_pool_id",)), Column(("work_queue_id",)), Column(("state_type",))
DEFAULT_QUEUE_ID = Column(("default_queue_id",))
OCCUPYING = ("PENDING", "RUNNING")  # the states in which a run takes a slot
RECENT = timedelta(seconds=60)  # the time since the last poll within which a queue is ready


def show_queue(tables: Mapping[str, Table], row: dict[str, Any]) -> dict[str, Any] | None:
    """Set the id and the name of a row's queue, if it has one. Returns the queue's pool."""
    queue = row_of(tables["work_queues"], row["work_queue_id"])
    if queue is None:
        return None
    row["work_queue_name"] = queue["name"]
    return row_of(tables["work_pools"], queue["work_pool_id"])


def row_of(table: Table, row_id: str | None) -> dict[str, Any] | None:
    """The JSON of the row with an id; None without one."""
    row = None if row_id is None else table.find(UUID(row_id).int)
    found: dict[str, Any] | None = None if row is None else from_json(table.encoded(row))
    return found


def pool_of(workspace: Workspace, deployment: Mapping[str, Any]) -> dict[str, Any] | None:
    """The work pool of a deployment's queue."""
    queue = workspace["work_queues"].get(deployment["work_queue_id"])
    return None if queue is None else workspace["work_pools"].get(queue["work_pool_id"])


# ------------------------------------------------------------------- operations


def create_work_queue(workspace: Workspace, body: dict[str, Any]) -> Answer:
    queues = workspace["work_queues"]
    row, is_new = agent_pool(workspace)
    pool = workspace["work_pools"].values(row)
    if is_new and body["name"] == "default":
        return by_id_shown(workspace, queues.find(pool["default_queue_id"].int))
    names = {"name": body["name"], "work_pool_id": pool["id"]}
    check_keys(workspace, queues, names, "A work queue with this name already exists.")
    shown = by_id_shown(workspace, observed_queue(workspace, pool["id"], body))
    return {**shown, "active_slots": None if shown["concurrency_limit"] is None else 0}


def update_work_queue(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    queues = workspace["work_queues"]
    row = queues.find(id.int)
    if row is None:
        raise NotFound(f"Work Queue {id} not found")
    check_changes(workspace, row, body)
    change(queues, row, {**body, **changed_status(queues.values(row), body)})
    return NO_CONTENT


def read_work_queue(workspace: Workspace, id: UUID) -> Answer:
    return by_id_shown(workspace, workspace["work_queues"].find(id.int))


def read_work_queue_by_name(workspace: Workspace, name: str) -> Answer:
    return by_id_shown(workspace, queue_without_pool(workspace, name))


def read_work_queues(workspace: Workspace, criteria: Criteria, limit: int, offset: int = 0) -> Answer:
    rows = workspace.first("work_queues", criteria, Sort(NAME), limit, offset)
    return [by_id_shown(workspace, row) for row in rows]


def check_changes(workspace: Workspace, row: int, body: Mapping[str, Any]) -> None:
    """Check the changes of a queue. A real server accepts any name, and fails from then on."""
    if body.get("name") is not None:
        check_name(body["name"])
    check_keys(workspace, workspace["work_queues"], body, CONFLICT, row)


def check_name(name: str) -> None:
    if NAMES.fullmatch(name) is None:
        raise Unprocessable("The name of a work queue cannot be empty, nor have any of the characters / % & > <.")


def delete_work_queue(workspace: Workspace, id: UUID) -> Answer:
    row = workspace["work_queues"].find(id.int)
    if row is None:
        raise NotFound("work queue not found")
    if workspace["work_pools"].index(DEFAULT_QUEUE_ID).rows(id.int):
        raise Conflict(CONFLICT)
    workspace.delete("work_queues", [row])
    return NO_CONTENT


def by_id_shown(workspace: Workspace, row: int | None) -> dict[str, Any]:
    """A queue as the operations by id show it. They count slots differently."""
    if row is None:
        raise NotFound("work queue not found")
    queue: dict[str, Any] = from_json(workspace.shown("work_queues", row))
    if queue["concurrency_limit"] is not None:
        queue["active_slots"] = slots_by_id(workspace, queue)
    return queue


def slots_by_id(workspace: Workspace, queue: Mapping[str, Any]) -> int:
    """The runs of a queue that take a slot; if it has a filter, those with its tags and of its deployments."""
    runs, chosen = workspace["flow_runs"], queue["filter"]
    states = runs.index(STATE_TYPE)
    if chosen is None:
        own = runs.index(QUEUE_ID).rows(UUID(queue["id"]).int)
        return len(own & states.any_of((*OCCUPYING, "CANCELLING")))
    rows = states.any_of(OCCUPYING) & runs.index(DEPLOYMENT_ID).filled
    for tag in chosen["tags"] or ():
        rows &= runs.index(TAGS).rows(tag)
    if chosen["deployment_ids"] is not None:
        rows &= runs.index(DEPLOYMENT_ID).any_of(UUID(each).int for each in chosen["deployment_ids"])
    return len(rows)


# ---------------------------------------------------------------------- as shown


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A queue with the name of its pool, and the slots that its runs take, if it has a limit."""
    pool = row_of(tables["work_pools"], row["work_pool_id"])
    row["work_pool_name"] = pool and pool["name"]
    row["filter"] = whole_filter(row["filter"])
    limited = row["concurrency_limit"] is not None
    row["active_slots"] = active_slots(tables, [UUID(row["id"]).int]) if limited else None


def whole_filter(chosen: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A queue's filter with all fields; None without a filter."""
    return None if chosen is None else {"tags": None, "deployment_ids": None, **chosen}


def active_slots(tables: Mapping[str, Table], queue_ids: Iterable[int]) -> int:
    """How many runs of some queues take a slot."""
    runs = tables["flow_runs"]
    return len(runs.index(QUEUE_ID).any_of(queue_ids) & runs.index(STATE_TYPE).any_of(OCCUPYING))


def create_pool(workspace: Workspace, values: Mapping[str, Any]) -> int:
    """Add a pool with its default queue. Returns its number."""
    pools = workspace["work_pools"]
    row = insert(pools, values)
    queue = {"name": "default", "description": "The work pool's default queue."}
    queue_row = create_queue(workspace, pools.values(row)["id"], queue)
    change(pools, row, {"default_queue_id": workspace["work_queues"].values(queue_row)["id"]})
    return row


def create_queue(workspace: Workspace, pool: UUID, body: Mapping[str, Any]) -> int:
    """Add a queue to a pool, by default with the first free priority. Returns its number."""
    queues = workspace["work_queues"]
    priority = body.get("priority")
    free = priority or first_free(queues.values(row)["priority"] for row in queues.index(POOL_ID).rows(pool.int))
    values = {**body, "description": body.get("description") or "", "work_pool_id": pool, "priority": free}
    row = insert(queues, values)
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
    """The status of a queue that is paused or resumed. A resumed queue is ready if it was polled recently."""
    if body.get("is_paused") is True and queue["status"] != "PAUSED":
        return {"status": "PAUSED"}
    if body.get("is_paused") is False and queue["status"] == "PAUSED":
        polled = body["last_polled"] if "last_polled" in body else queue["last_polled"]
        return {"status": "READY" if polled is not None and polled > now() - RECENT else "NOT_READY"}
    return {}


def first_free(priorities: Iterable[int]) -> int:
    """The first unused priority of a pool's queues."""
    taken = sorted(priorities)
    skipped = next((rank for rank, priority in enumerate(taken, 1) if rank != priority), None)
    return skipped or max(taken, default=0) + 1


def renumber(workspace: Workspace, pool: UUID, moved: int | None = None) -> None:
    """Make the priorities of a pool's queues unique: a queue with the priority of an earlier one moves down.

    A `moved` queue comes before the queue that had its priority.
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


def pool_queue(workspace: Workspace, pool_name: str, queue_name: str, priority: int | None = None) -> UUID:
    """The id of a pool's queue, which is created if it does not exist.

    Raises:
        NotFound: there is no such pool.
    """
    pools, queues = workspace["work_pools"], workspace["work_queues"]
    found = matching(pools, [(NAME, pool_name)])
    if not found:
        raise NotFound(f'Work pool "{pool_name}" not found.')
    pool: UUID = pools.values(found.min())["id"]
    rows = matching(queues, [(POOL_ID, pool.int), (NAME, queue_name)])
    if not rows:
        check_name(queue_name)  # a real server fails with 500
    row = rows.min() if rows else observed_queue(workspace, pool, {"name": queue_name, "priority": priority})
    queue: UUID = queues.values(row)["id"]
    return queue


def agent_queue(workspace: Workspace, name: str) -> UUID:
    """The id of a queue that is named without a pool. It is created in the pool for agents if necessary, and so is that
    pool.

    A new queue gets the first priority.
    """
    row = queue_without_pool(workspace, name)
    if row is not None:
        queue: UUID = workspace["work_queues"].values(row)["id"]
        return queue
    agent_pool(workspace)
    return pool_queue(workspace, AGENT_POOL["name"], name, priority=1)


def agent_pool(workspace: Workspace) -> tuple[int, bool]:
    """The pool for agents, which is created if necessary. Returns its number, and whether it is new."""
    found = matching(workspace["work_pools"], [(NAME, AGENT_POOL["name"])])
    if found:
        return found.min(), False
    with observing(workspace, "work_queues", "work_pools"):
        return create_pool(workspace, AGENT_POOL), True


def observed_queue(workspace: Workspace, pool: UUID, body: Mapping[str, Any]) -> int:
    """Add a queue to a pool. Returns its number.

    Its event is stored at once, so it precedes the events of what refers to the queue.
    """
    with observing(workspace, "work_queues"):
        return create_queue(workspace, pool, body)


def queue_without_pool(workspace: Workspace, name: str) -> int | None:
    """The queue with a name in the pool for agents; if there is no such pool, in any pool."""
    pools, queues = workspace["work_pools"], workspace["work_queues"]
    pool = matching(pools, [(NAME, AGENT_POOL["name"])])
    rows = matching(queues, [(NAME, name), *((POOL_ID, pools.values(row)["id"].int) for row in pool)])
    return rows.min() if rows else None


def queue_of(workspace: Workspace, pool_name: str, queue_name: str | None) -> UUID | None:
    """The id of a pool's queue, or of its default queue.

    Raises:
        NotFound: there is no such pool, or no such queue.
    """
    pools, queues = workspace["work_pools"], workspace["work_queues"]
    found = pools.index(NAME).rows(pool_name)
    if not queue_name:
        if not found:
            raise NotFound(f'Work pool "{pool_name}" not found.')
        default: UUID | None = pools.values(found.min())["default_queue_id"]
        return default
    rows = queues.index(NAME).rows(queue_name) & queues.index(POOL_ID).any_of(pools.key(ID, row) for row in found)
    if not rows:
        raise NotFound(f"Work pool queue '{pool_name}/{queue_name}' not found.")
    return UUID(int=queues.key(ID, rows.min()))
