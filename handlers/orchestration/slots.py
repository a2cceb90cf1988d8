"""Slots of global concurrency limits, and their leases, as flow runs and task runs release them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from understudy.workspaces.workspace import Workspace

from ..concurrency_slots import LEASES, LIMITS, released


def release(workspace: Workspace, rows: Iterable[int], slots: int, time: datetime) -> None:
    """Release slots of limits that are active."""
    limits = workspace[LIMITS]
    for row in rows:
        limit = limits.values(row)
        if limit["active"]:
            limits.update(row, released(limit, slots, time))


def release_lease(workspace: Workspace, lease_id: UUID, fallback: int | None, time: datetime) -> None:
    """Release the slots of a lease. If the lease has ended, release a slot of the limit that it was for."""
    leases, limits = workspace[LEASES], workspace[LIMITS]
    row = leases.find(lease_id.int)
    if row is None:
        release(workspace, [] if fallback is None else [fallback], 1, time)
        return
    lease = leases.values(row)
    rows = [limits.find(limit_id.int) for limit_id in lease["limit_ids"]]
    release(workspace, [each for each in rows if each is not None], lease["slots"], time)
    leases.delete(row)
