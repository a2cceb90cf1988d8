"""Polls: workers request the runs to start, within the limits of pools and queues. What is polled becomes ready."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from pyroaring import BitMap

from understudy.contract.columns import ID, Column
from understudy.errors import ObjectNotFound
from understudy.filters.criteria import Condition, Criteria, all_of
from understudy.filters.query import Sort
from understudy.operations.actions import change
from understudy.operations.handler_results import Answer
from understudy.values import key_of, now
from understudy.workspaces.workspace import Workspace

from .request_origin import is_from_ui
from .server_events.statuses import keep_status
from .work_pools import pool_named, queue_named
from .work_queues import DEPLOYMENT_ID, OCCUPYING, POOL_ID, QUEUE_ID, STATE_TYPE, TAGS

QUEUE_NAME, NEXT_START = Column(("work_queue_name",)), Column(("next_scheduled_start_time",))
EARLIEST_FIRST = Sort(NEXT_START)
MOST = 1000  # the maximum number of runs of a queue or pool without a limit
SCHEDULED: Criteria = Condition(STATE_TYPE, "eq_", "SCHEDULED")
OF_POOL = ("work_pool_id", "work_pool_name")  # fields of runs that workers do not see


# ------------------------------------------------------------------- operations


def get_scheduled_flow_runs(
    workspace: Workspace,
    name: str,
    limit: int,
    work_queue_names: list[str] | None,
    scheduled_before: datetime | None,
    scheduled_after: datetime | None,
) -> Answer:
    pools, queues = workspace["work_pools"], workspace["work_queues"]
    pool = pools.values(pool_named(workspace, name))
    if work_queue_names:
        chosen = list(dict.fromkeys(queue_named(workspace, name, each) for each in work_queue_names))
    else:
        chosen = list(queues.index(POOL_ID).rows(pool["id"].int))
    when = all_of([SCHEDULED, *between(scheduled_before, scheduled_after)])
    found = waiting_in_pool(workspace, pool, chosen, when)[:limit]
    mark_ready(workspace, chosen)
    return [
        {
            "work_pool_id": pool["id"],
            "work_queue_id": queues.values(queue)["id"],
            "flow_run": worker_run(workspace, run),
        }
        for queue, run in found
    ]


def read_work_queue_runs(
    workspace: Workspace, id: UUID, limit: int, scheduled_before: datetime | None, headers: Mapping[bytes, bytes]
) -> Answer:
    queues, runs, from_ui = workspace["work_queues"], workspace["flow_runs"], is_from_ui(headers)
    row = queues.find(id.int)
    if row is None:
        raise ObjectNotFound(f"Work queue with id {id} not found.")
    queue = queues.values(row)
    when = all_of([SCHEDULED, *between(scheduled_before, None)])
    criteria: Criteria = Condition(QUEUE_NAME, "eq_", queue["name"])
    occupied: tuple[str, ...] = (*OCCUPYING, "CANCELLING")
    if queue["filter"] is not None:
        criteria, occupied = filtered(queue["filter"]), OCCUPYING
    if queue["concurrency_limit"] is not None:
        taken = len(workspace.select("flow_runs", criteria) & runs.index(STATE_TYPE).any_of(occupied))
        limit = min(limit, max(0, queue["concurrency_limit"] - taken))
    most = 0 if queue["is_paused"] else limit
    found = from_json(workspace.page("flow_runs", all_of([criteria, when]), EARLIEST_FIRST, most))
    if not from_ui:  # the UI looks, but does not poll
        mark_ready(workspace, [row])
    return [{**run, **dict.fromkeys(OF_POOL)} for run in found]


def get_scheduled_flow_runs_for_deployments(
    workspace: Workspace, deployment_ids: list[UUID], limit: int, scheduled_before: datetime | None
) -> Answer:
    ids = tuple(map(key_of, deployment_ids))
    when = [SCHEDULED, Condition(DEPLOYMENT_ID, "any_", ids), *between(scheduled_before, None)]
    page = workspace.page("flow_runs", all_of(when), EARLIEST_FIRST, limit)
    deployments = workspace["deployments"]
    mark_deployments(workspace, (row for row in map(deployments.find, ids) if row is not None))
    return page


# ------------------------------------------------------------------------- runs


def between(before: datetime | None, after: datetime | None) -> list[Criteria]:
    """Criteria for runs that are to start between two times, both included."""
    bounds = (("before_", before), ("after_", after))
    return [Condition(NEXT_START, operator, key_of(time)) for operator, time in bounds if time is not None]


def filtered(chosen: Mapping[str, Any]) -> Criteria:
    """The criteria of a queue that selects runs by a filter."""
    criteria: list[Criteria] = [Condition(DEPLOYMENT_ID, "is_null_", False)]
    if chosen.get("tags"):
        criteria.append(Condition(TAGS, "all_", tuple(chosen["tags"])))
    if chosen.get("deployment_ids") is not None:
        ids = tuple(UUID(str(each)).int for each in chosen["deployment_ids"])
        criteria.append(Condition(DEPLOYMENT_ID, "any_", ids))
    return all_of(criteria)


def waiting_in_pool(
    workspace: Workspace, pool: Mapping[str, Any], chosen: list[int], when: Criteria
) -> list[tuple[int, int]]:
    """The runs to start in some queues of a pool, each with its queue, by the queues' priority and then by time."""
    queues = workspace["work_queues"]
    if pool["is_paused"]:
        return []
    found = []
    for queue in chosen:
        values = queues.values(queue)
        if not values["is_paused"]:
            key = values["id"].int
            most = free_slots(workspace, values["concurrency_limit"], [key])
            own = all_of([Condition(QUEUE_ID, "eq_", key), when])
            rows = workspace.first("flow_runs", own, EARLIEST_FIRST, len(workspace["flow_runs"]))
            # A run that is retried in its process is not for workers.
            fit = [row for row in rows if not is_retried_in_process(workspace, row)][:most]
            found += [(values["priority"], queue, row) for row in fit]
    in_order = sorted(found, key=lambda each: (each[0], *start_key(workspace, each[2])))
    of_pool = [queues.key(ID, row) for row in queues.index(POOL_ID).rows(pool["id"].int)]
    most = free_slots(workspace, pool["concurrency_limit"], of_pool)
    return [(queue, row) for _, queue, row in in_order[:most]]


def start_key(workspace: Workspace, row: int) -> tuple[bool, int]:
    key = workspace["flow_runs"].key(NEXT_START, row)
    return key is not None, key or 0


def is_retried_in_process(workspace: Workspace, row: int) -> bool:
    return bool(workspace["flow_runs"].values(row)["empirical_policy"].get("retry_type") == "in_process")


def free_slots(workspace: Workspace, limit: int | None, queue_ids: Iterable[int]) -> int:
    """How many more runs may start in some queues, which share a limit."""
    if limit is None:
        return MOST
    runs = workspace["flow_runs"]
    taken = runs.index(QUEUE_ID).any_of(queue_ids) & runs.index(STATE_TYPE).any_of(OCCUPYING)
    return min(MOST, max(0, limit - len(taken)))


def worker_run(workspace: Workspace, row: int) -> dict[str, Any]:
    """A run as workers see it: with the name of the requested queue, rather than that of its own queue."""
    run: dict[str, Any] = from_json(workspace.shown("flow_runs", row))
    run["work_queue_name"] = workspace["flow_runs"].values(row)["work_queue_name"]
    last = {name: run.pop(name) for name in ("work_queue_id", "state", "job_variables")}
    return {name: value for name, value in run.items() if name not in OF_POOL} | last


# ------------------------------------------------------------------- being ready


def mark_ready(workspace: Workspace, polled: Iterable[int]) -> None:
    """Mark polled queues as ready, and so the deployments whose runs are in them."""
    queues, deployments, moment = workspace["work_queues"], workspace["deployments"], now()
    ready, changed = BitMap(), []
    for row in polled:
        is_idle = queues.values(row)["status"] == "NOT_READY"
        change(queues, row, {"last_polled": moment, **({"status": "READY"} if is_idle else {})})
        changed += [row] if is_idle else []
        ready |= deployments.index(QUEUE_ID).rows(queues.key(ID, row))
    keep_statuses(workspace, "work_queues", changed)
    mark_deployments(workspace, ready)


def mark_deployments(workspace: Workspace, rows: Iterable[int]) -> None:
    """Mark deployments as polled, which does not count as a change."""
    deployments, changed = workspace["deployments"], []
    for row in list(rows):
        changed += [row] if deployments.values(row)["status"] != "READY" else []
        deployments.update(row, {"last_polled": now(), "status": "READY"})
    keep_statuses(workspace, "deployments", changed)


def keep_statuses(workspace: Workspace, table: str, rows: Iterable[int]) -> None:
    """Store the events of rows that have become ready, in the order of their ids, as a real server finds them."""
    for row in sorted(rows, key=lambda row: workspace[table].key(ID, row)):
        keep_status(workspace, table, row)
