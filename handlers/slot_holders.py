"""The runs that take the slots of work pools and work queues, and whether queues are polled."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pyroaring import BitMap

from understudy.contract.columns import ID, Column
from understudy.errors import NotFound, ObjectNotFound
from understudy.operations.actions import matching
from understudy.operations.handler_results import Answer
from understudy.values import now
from understudy.workspaces.workspace import Workspace

from .work_queues import NAME, OCCUPYING, POOL_ID, QUEUE_ID, RECENT, STATE_TYPE

QUEUE_NAME, STATE_NAME = Column(("work_queue_name",)), Column(("state_name",))
POLICY = {"maximum_late_runs": 0, "maximum_seconds_since_last_polled": 60}


def read_work_pool_concurrency_status(
    workspace: Workspace, name: str, limit: int, page: int, flow_run_limit: int
) -> Answer:
    pools, queues, moment = workspace["work_pools"], workspace["work_queues"], now()
    found = matching(pools, [(NAME, name)])
    if not found:
        raise NotFound(f"Work pool {name!r} not found.")
    pool = pools.values(found.min())
    rows = [queues.values(row) for row in queues.index(POOL_ID).rows(pool["id"].int)]
    rows.sort(key=lambda queue: queue["priority"])
    holders = {queue["id"]: in_states(workspace, of_queue(workspace, queue["id"]), OCCUPYING) for queue in rows}
    shown = []
    for queue in rows[(page - 1) * limit : page * limit]:
        own = holders[queue["id"]]
        shown.append({
            "queue_id": queue["id"], "queue_name": queue["name"], "active_slots": len(own),
            "concurrency_limit": queue["concurrency_limit"],
            "flow_runs": [summary(workspace, row, moment) for row in own[:flow_run_limit]], "flow_run_count": len(own),
        })  # fmt: skip
    return {
        "active_slots": sum(map(len, holders.values())), "concurrency_limit": pool["concurrency_limit"],
        "queues": shown, **pages(len(rows), limit, page),
    }  # fmt: skip


def read_work_queue_concurrency_status(workspace: Workspace, id: UUID, limit: int, page: int) -> Answer:
    row, runs, moment = workspace["work_queues"].find(id.int), workspace["flow_runs"], now()
    if row is None:
        raise NotFound("Work queue not found.")
    queue = workspace["work_queues"].values(row)
    by_name = runs.index(QUEUE_ID).nulls & runs.index(QUEUE_NAME).rows(queue["name"])
    own = in_states(workspace, of_queue(workspace, id) | by_name, (*OCCUPYING, "CANCELLING"))
    return {
        "active_slots": len(own), "concurrency_limit": queue["concurrency_limit"],
        "flow_runs": [summary(workspace, row, moment) for row in own[(page - 1) * limit : page * limit]],
        **pages(len(own), limit, page),
    }  # fmt: skip


def read_work_queue_status(workspace: Workspace, id: UUID) -> Answer:
    row, runs = workspace["work_queues"].find(id.int), workspace["flow_runs"]
    if row is None:
        raise ObjectNotFound(f"Work queue with id {id} not found")
    polled = workspace["work_queues"].values(row)["last_polled"]
    late = len(of_queue(workspace, id) & runs.index(STATE_NAME).rows("Late"))
    healthy = late == 0 and polled is not None and now() - polled <= RECENT
    return {"healthy": healthy, "late_runs_count": late, "last_polled": polled, "health_check_policy": POLICY}


def of_queue(workspace: Workspace, queue: UUID) -> BitMap:
    return workspace["flow_runs"].index(QUEUE_ID).rows(queue.int)


def in_states(workspace: Workspace, rows: BitMap, states: tuple[str, ...]) -> list[int]:
    """The runs in some states, by their ids."""
    runs = workspace["flow_runs"]
    return sorted(rows & runs.index(STATE_TYPE).any_of(states), key=lambda row: runs.key(ID, row))


def summary(workspace: Workspace, row: int, moment: datetime) -> Mapping[str, Any]:
    run = workspace["flow_runs"].values(row)
    shown = {name: run[name] for name in ("id", "name", "state_type", "state_name", "start_time", "state_timestamp")}
    since = run["state_timestamp"]
    return {**shown, "time_in_current_state": None if since is None else (moment - since).total_seconds()}


def pages(count: int, limit: int, page: int) -> dict[str, int]:
    return {"count": count, "limit": limit, "pages": -(-count // limit) if limit else 0, "page": page}
