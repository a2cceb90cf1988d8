"""Cleanups: a worker of the pool tears down the infrastructure of a run whose cancellation timed out.

A cleanup is delivered to one worker at a time, which holds it by a token as long as its lease lasts. If the worker
releases it, or its lease ends, it is delivered again, three times in all. It is deleted when a worker acknowledges it.
Source: `prefect.server.worker_communication.cleanup_queue.memory` and `prefect.server.services.cancellation_cleanup`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from understudy.contract.columns import Column
from understudy.operations.actions import change, insert, matching
from understudy.values import now
from understudy.workspaces.workspace import Workspace

CLEANUPS, POOL_ID = "worker_cleanups", Column(("work_pool_id",))
TIMED_OUT = "cancelling_timeout_teardown.v1"
WITHOUT_WORKERS = (":push", ":managed")  # suffixes of the types of pools without workers
LEASE = timedelta(seconds=30)
MOST_DELIVERIES = 3
FREE = {"reservation_token": None, "lease_expires_at": None, "holder": None}
ENDED = ("dead_lettered", "max_delivery_attempts_reached")
Json = dict[str, Any]


@dataclass(frozen=True)
class Cleaner:
    """A worker that takes cleanups of its pool, first those of its queues.

    Args:
        name: its unique name.
        pool: the id of its work pool.
        queues: the ids of the queues that it polls.
        kinds: the kinds of cleanups that it supports.
        most: how many cleanups it holds at the same time, at most.
    """

    name: str
    pool: UUID
    queues: frozenset[UUID]
    kinds: frozenset[str]
    most: int


def request_cleanup(workspace: Workspace, run: Mapping[str, Any]) -> None:
    """Add a cleanup for the infrastructure of a run, if its pool exists."""
    queue = workspace["work_queues"].get(run["work_queue_id"])
    pool = None if queue is None else workspace["work_pools"].get(queue["work_pool_id"])
    if queue is None or pool is None or pool["type"].endswith(WITHOUT_WORKERS):
        return
    values = {
        "id": uuid5(NAMESPACE_URL, f"prefect:{TIMED_OUT}:{run['id']}:{run['state_id']}"),
        "work_pool_id": pool["id"],
        "work_queue_id": queue["id"],
        "kind": TIMED_OUT,
        "target": {"flow_run_id": str(run["id"]), "infrastructure_pid": run["infrastructure_pid"]},
    }
    insert(workspace[CLEANUPS], values)


# ---------------------------------------------------------------------- deliveries


def cleanup_for(workspace: Workspace, cleaner: Cleaner) -> int | None:
    """The next cleanup for a worker; None without one, or if the worker has as many as it takes."""
    table, moment = workspace[CLEANUPS], now()
    rows = {row: table.values(row) for row in matching(table, [(POOL_ID, cleaner.pool.int)])}
    held = [row for row in rows.values() if is_held(row, moment) and row["holder"] == cleaner.name]
    if len(held) >= cleaner.most:
        return None
    waiting = [
        (values["work_queue_id"] not in cleaner.queues, values["created"], row)
        for row, values in rows.items()
        if values["kind"] in cleaner.kinds and not is_held(values, moment) and not is_used_up(values)
    ]
    return min(waiting)[2] if waiting else None


def deliver(workspace: Workspace, cleaner: Cleaner) -> Json | None:
    """Give a worker its next cleanup, as a message; None without one."""
    table, row = workspace[CLEANUPS], cleanup_for(workspace, cleaner)
    if row is None:
        return None
    lease = {"reservation_token": token_urlsafe(32), "lease_expires_at": now() + LEASE, "holder": cleaner.name}
    change(table, row, {"delivery_count": table.values(row)["delivery_count"] + 1, **lease})
    values = table.values(row)
    shown = ("reservation_token", "lease_expires_at", "delivery_count", "work_queue_id")
    return {
        "message_id": values["id"],
        **{name: values[name] for name in shown},
        "data": {},
        "kind": values["kind"],
        "target": values["target"],
    }


def is_held(cleanup: Mapping[str, Any], time: datetime) -> bool:
    return cleanup["lease_expires_at"] is not None and cleanup["lease_expires_at"] > time


def is_used_up(cleanup: Mapping[str, Any]) -> bool:
    return bool(cleanup["delivery_count"] >= MOST_DELIVERIES)


def free(workspace: Workspace, row: int) -> bool:
    """Take a cleanup from its worker. Returns whether it will be delivered again; otherwise, it is deleted."""
    table = workspace[CLEANUPS]
    if is_used_up(table.values(row)):
        workspace.delete(CLEANUPS, [row])
        return False
    change(table, row, FREE)
    return True


# ------------------------------------------------------------------------- actions


def operate(workspace: Workspace, action: str, pool: UUID, message_id: UUID, token: str) -> Json:
    """A worker's operation on a cleanup that it holds: `ack`, `release` or `renew`. Returns the result."""
    table, lease = workspace[CLEANUPS], None
    row = table.find(message_id.int)
    if row is None:
        return result_of(message_id, action, "not_found", "message_not_found")
    status, reason = problem(table.values(row), pool, token)
    if status == "accepted":
        if is_held(table.values(row), now()):
            status, reason, lease = ACTIONS[action](workspace, row)
        else:
            status, reason = ("expired", "lease_expired") if free(workspace, row) else ENDED
    return result_of(message_id, action, status, reason, lease)


def result_of(message_id: UUID, action: str, status: str, reason: str | None, lease: datetime | None = None) -> Json:
    """The result of a worker's operation on a cleanup, as a message."""
    return {
        "message_id": message_id,
        "operation": action,
        "status": status,
        "lease_expires_at": lease,
        "reason": reason,
        "detail": None,
    }


def problem(cleanup: Mapping[str, Any], pool: UUID, token: str) -> tuple[str, str | None]:
    """The status of a worker's operation on a cleanup, and the reason if it is not accepted."""
    if cleanup["work_pool_id"] != pool:
        return "unauthorized", "work_pool_mismatch"
    if cleanup["reservation_token"] is None:
        return "not_current", "no_active_reservation"
    if cleanup["reservation_token"] != token:
        return "invalid_token", "reservation_token_mismatch"
    return "accepted", None


Result = tuple[str, str | None, datetime | None]
"""The status of an action, the reason for it, and the new end of the lease."""


def acknowledge(workspace: Workspace, row: int) -> Result:
    workspace.delete(CLEANUPS, [row])
    return "accepted", None, None


def release(workspace: Workspace, row: int) -> Result:
    return ("accepted", None, None) if free(workspace, row) else (*ENDED, None)


def renew(workspace: Workspace, row: int) -> Result:
    end = now() + LEASE
    change(workspace[CLEANUPS], row, {"lease_expires_at": end})
    return "accepted", None, end


ACTIONS: dict[str, Callable[[Workspace, int], Result]] = {"ack": acknowledge, "release": release, "renew": renew}
