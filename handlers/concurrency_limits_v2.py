"""Global concurrency limits, by name."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from understudy.errors import ApiError, NotFound, Unprocessable
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, check_keys
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.values import is_id, now
from understudy.workspaces.workspace import Workspace

from . import CONFLICT
from .concurrency_slots import (
    LEASES,
    LIMITS,
    NAME,
    Limit,
    acquire,
    end_lease,
    lease_slots,
    limit_at,
    limits_named,
    longest_wait,
    named,
    released,
    settle,
)


def read_concurrency_limit_v2(workspace: Workspace, id_or_name: str) -> Answer:
    return shown(workspace, global_limit(workspace, id_or_name), now())


def read_all_concurrency_limits_v2(workspace: Workspace, criteria: Criteria, limit: int, offset: int) -> Answer:
    time = now()
    return [shown(workspace, row, time) for row in workspace.first(LIMITS, criteria, Sort(NAME), limit, offset)]


def update_concurrency_limit_v2(workspace: Workspace, id_or_name: str, body: dict[str, Any]) -> Answer:
    settle(workspace, now())
    limits, row = workspace[LIMITS], global_limit(workspace, id_or_name)
    check_keys(workspace, limits, body, CONFLICT, row)
    change(limits, row, body)
    return NO_CONTENT


def delete_concurrency_limit_v2(workspace: Workspace, id_or_name: str) -> Answer:
    workspace.delete(LIMITS, [global_limit(workspace, id_or_name)])
    return NO_CONTENT


def bulk_increment_active_slots(
    workspace: Workspace,
    slots: int,
    names: list[str],
    mode: str,
    create_if_missing: bool | None,
) -> Answer:
    return minimal(take_slots(workspace, names, slots, mode, now()).values())


def bulk_increment_active_slots_with_lease(
    workspace: Workspace,
    slots: int,
    names: list[str],
    mode: str,
    lease_duration: float,
    holder: dict[str, Any] | None,
) -> Answer:
    time = now()
    taken = take_slots(workspace, names, slots, mode, time)
    lease_id = lease_slots(workspace, taken, slots, timedelta(seconds=lease_duration), holder, time)
    return {"lease_id": lease_id, "limits": minimal(taken.values())}


def bulk_decrement_active_slots(
    workspace: Workspace,
    slots: int,
    names: list[str],
    occupancy_seconds: float | None,
    create_if_missing: bool | None,
) -> Answer:
    time = now()
    settle(workspace, time)
    limits = limits_named(workspace, names)
    for row, limit in limits.items():
        if limit["active"]:
            workspace[LIMITS].update(row, released(limit, slots, time, occupancy_seconds))
    return minimal(limits.values())


def bulk_decrement_active_slots_with_lease(workspace: Workspace, lease_id: UUID) -> Answer:
    time = now()
    settle(workspace, time)
    lease = workspace[LEASES].find(lease_id.int)
    if lease is not None:
        end_lease(workspace, lease, time)
    return NO_CONTENT


def renew_concurrency_lease(workspace: Workspace, lease_id: str, lease_duration: float) -> Answer:
    time = now()
    settle(workspace, time)
    lease = workspace[LEASES].find(UUID(lease_id).int)
    if lease is None:
        raise ApiError(HTTPStatus.GONE, {"detail": "Lease not found - it may have expired or been revoked"})
    workspace[LEASES].update(lease, {"updated": time, "expires": time + timedelta(seconds=lease_duration)})
    return NO_CONTENT


def take_slots(
    workspace: Workspace, names: Iterable[str], slots: int, mode: str, time: datetime
) -> Mapping[int, Limit]:
    """Take slots of the limits with some names. Returns them by row.

    Raises:
        Unprocessable: a limit is below the number of slots, or has no decay, which the mode requires.
        ApiError: not all slots are free (423).
    """
    settle(workspace, time)
    limits = limits_named(workspace, names)
    active = {row: limit for row, limit in limits.items() if limit["active"]}
    if any(limit["limit"] < slots for limit in active.values()):
        raise Unprocessable("Slots requested is greater than the limit")
    constant = [limit["name"] for limit in active.values() if not limit["slot_decay_per_second"]]
    if mode == "rate_limit" and constant:
        raise Unprocessable(
            "Only concurrency limits with slot decay can be used for rate limiting. The following limits do not have a"
            f" decay configured: {','.join(constant)!r}"
        )
    if not acquire(workspace, active, slots, time):
        # A real server means to count the slots that it denies, but undoes that with the refused request.
        seconds = max((blocking(limit, slots), wait(limit, slots)) for limit in active.values())[1]
        raise ApiError(HTTPStatus.LOCKED, {"detail": "Locked"}, {"Retry-After": str(seconds)})
    return limits


def blocking(limit: Mapping[str, Any], slots: int) -> float:
    """The demand for a limit: the slots that clients wait for, per slot unless slots decay."""
    waiting: int = slots + limit["denied_slots"]
    return waiting if limit["slot_decay_per_second"] else waiting / limit["limit"]


def wait(limit: Mapping[str, Any], slots: int) -> float:
    """The seconds to wait for slots of a limit.

    A real server varies them at random by up to 30 %. Here, they are always the average.
    """
    decay: float = limit["slot_decay_per_second"]
    occupancy: float = limit["avg_slot_occupancy_seconds"]
    if decay:
        return blocking(limit, slots) / decay
    return min(occupancy * blocking(limit, slots), longest_wait(limit))


def global_limit(workspace: Workspace, id_or_name: str) -> int:
    limits = workspace[LIMITS]
    row = limits.find(UUID(id_or_name).int) if is_id(id_or_name) else named(limits, NAME, id_or_name)
    if row is None:
        raise NotFound("Concurrency Limit not found")
    return row


def shown(workspace: Workspace, row: int, time: datetime) -> dict[str, Any]:
    """A limit with the slots that are taken at a time."""
    values = limit_at(workspace, row, time)
    del values["denied_slots"], values["avg_slot_occupancy_seconds"]
    return values


def minimal(limits: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: limit[name] for name in ("id", "name", "limit")} for limit in limits]
