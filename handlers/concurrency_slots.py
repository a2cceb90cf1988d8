"""Slots of global concurrency limits, and the leases that hold them.

The slots of a limit with a decay become free with time. A lease holds slots of some limits until it is released, or
until it expires; the effect of an expired lease is computed when the limit is next used.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import floor
from typing import Any
from uuid import UUID

from understudy.contract.columns import ID, Column
from understudy.errors import Conflict
from understudy.operations.actions import matching
from understudy.tables.table import Table
from understudy.values import key_of, later, new_id
from understudy.workspaces.workspace import Workspace

from . import CONFLICT

LIMITS, LEASES = "concurrency_limits_v2", "concurrency_leases"
NAME, LIMIT_IDS, EXPIRES = Column(("name",)), Column(("limit_ids",)), Column(("expires",))
PREFIX = "tag:"  # the prefix of the names of tags' limits

# The defaults of a real server.
LONGEST_WAIT = {True: 10.0, False: 30.0}  # seconds until the next attempt, for limits of tags and for others
SHORTEST_OCCUPANCY = 0.1  # seconds
SAMPLES = 2  # the number of occupancies per slot in the average

Limit = dict[str, Any]


# ------------------------------------------------------------------ with time


def slots_at(limit: Mapping[str, Any], time: datetime) -> int:
    """The slots of a limit that are taken at a time."""
    return left(limit, "active_slots", limit["slot_decay_per_second"], time)


def denied_at(limit: Mapping[str, Any], time: datetime) -> int:
    """The number of slots that were denied lately."""
    occupancy = max(SHORTEST_OCCUPANCY, min(limit["avg_slot_occupancy_seconds"], longest_wait(limit)))
    return left(limit, "denied_slots", limit["slot_decay_per_second"] or 1 / occupancy, time)


def left(limit: Mapping[str, Any], slots: str, decay: float, time: datetime) -> int:
    elapsed: float = max(0.0, (time - limit["updated"]).total_seconds())
    return max(0, int(limit[slots]) - floor(decay * elapsed))


def longest_wait(limit: Mapping[str, Any]) -> float:
    return LONGEST_WAIT[limit["name"].startswith(PREFIX)]


def released(limit: Mapping[str, Any], slots: int, time: datetime, occupied: float | None = None) -> Limit:
    """A limit after some slots are released, which had been occupied for some seconds.

    Raises:
        Conflict: the limit is 0, so there is no average of the occupied seconds per slot.
    """
    free = max(0, slots_at(limit, time) - slots)
    after = {**limit, "active_slots": free, "denied_slots": denied_at(limit, time), "updated": moment(limit, time)}
    if occupied:
        if not limit["limit"]:
            raise Conflict(CONFLICT)
        average = limit["avg_slot_occupancy_seconds"]
        sample = max(occupied / slots, SHORTEST_OCCUPANCY)
        after["avg_slot_occupancy_seconds"] = average + (sample - average) / (limit["limit"] * SAMPLES)
    return after


def moment(limit: Mapping[str, Any], time: datetime) -> datetime:
    """The time of a change, which is not before the previous one."""
    return later(time, limit["updated"])


# -------------------------------------------------------------------- expired


def limit_at(workspace: Workspace, row: int, time: datetime) -> Limit:
    """A limit without the slots of expired leases. No row is changed."""
    limit = workspace[LIMITS].values(row)
    leases = workspace[LEASES]
    for lease in map(leases.values, expired(leases, time)):
        if limit["id"] in lease["limit_ids"]:
            limit = after_lease(limit, lease, lease["expires"])
    return {**limit, "active_slots": slots_at(limit, time)}


def expired(leases: Table, time: datetime) -> Sequence[int]:
    """The expired leases, in the order of their expiration."""
    rows = leases.index(EXPIRES).up_to(key_of(time))
    return leases.index(EXPIRES).page(rows, False, 0, len(rows))


def after_lease(limit: Limit, lease: Mapping[str, Any], time: datetime) -> Limit:
    """A limit after the slots of a lease were released."""
    occupied = (time - lease["created"]).total_seconds() if limit["limit"] else None
    return released(limit, lease["slots"], time, occupied) if limit["active"] else limit


def settle(workspace: Workspace, time: datetime) -> None:
    """Release the slots of expired leases."""
    for lease in expired(workspace[LEASES], time):
        end_lease(workspace, lease, workspace[LEASES].values(lease)["expires"])


# --------------------------------------------------------------------- leases


def acquire(workspace: Workspace, rows: Iterable[int], slots: int, time: datetime) -> bool:
    """Take slots of all active limits, or of none. Returns whether they were taken."""
    limits = workspace[LIMITS]
    before = {row: limits.values(row) for row in rows}
    if any(slots_at(limit, time) + slots > limit["limit"] for limit in before.values()):
        return False
    for row, limit in before.items():
        changes = {"active_slots": slots_at(limit, time) + slots, "denied_slots": denied_at(limit, time)}
        limits.update(row, {**changes, "updated": moment(limit, time)})
    return True


def lease_slots(
    workspace: Workspace,
    rows: Iterable[int],
    slots: int,
    duration: timedelta,
    holder: Mapping[str, Any] | None,
    time: datetime,
) -> UUID:
    """Add a lease of slots that were taken. Returns its id."""
    limit_ids = [UUID(int=workspace[LIMITS].key(ID, row)) for row in rows]
    lease_id = new_id()
    lease = {"id": lease_id, "created": time, "updated": time, "expires": time + duration}
    workspace[LEASES].insert({**lease, "limit_ids": limit_ids, "slots": slots, "holder": holder})
    return lease_id


def end_lease(workspace: Workspace, lease_row: int, time: datetime) -> None:
    """Release the slots of a lease, and delete it."""
    limits, leases = workspace[LIMITS], workspace[LEASES]
    lease = leases.values(lease_row)
    for limit_id in lease["limit_ids"]:
        row = limits.find(limit_id.int)
        if row is not None:
            limits.update(row, after_lease(limits.values(row), lease, time))
    leases.delete(lease_row)


def revoke_leases(workspace: Workspace, limit_row: int) -> None:
    """Delete the leases of a limit. As on a real server, this does not release their slots."""
    workspace.delete(LEASES, leases_of(workspace, limit_row))


def leases_of(workspace: Workspace, limit_row: int) -> list[int]:
    """The leases of a limit, in the order of their creation."""
    leases = workspace[LEASES]
    rows = leases.index(LIMIT_IDS).rows(workspace[LIMITS].key(ID, limit_row))
    return sorted(rows, key=lambda row: leases.values(row)["created"])


def holders(workspace: Workspace, limit_row: int, kind: str, time: datetime) -> list[UUID]:
    """The ids of the holders of a kind, such as `task_run`, that hold slots of a limit by leases that have not
    expired.
    """
    leases = map(workspace[LEASES].values, leases_of(workspace, limit_row))
    held = [lease["holder"] for lease in leases if lease["expires"] > time and lease["holder"] is not None]
    return [holder["id"] for holder in held if holder["type"] == kind]


def named(table: Table, column: Column, name: str) -> int | None:
    rows = matching(table, [(column, name)])
    return rows.min() if rows else None


def limits_named(workspace: Workspace, names: Iterable[str]) -> dict[int, Limit]:
    """The existing limits with some names, by row, in the order of names."""
    limits = workspace[LIMITS]
    rows = (named(limits, NAME, name) for name in sorted(set(names)))
    return {row: limits.values(row) for row in rows if row is not None}
