"""Concurrency limits of tags, which are global concurrency limits named `tag:…`.

Limits from before there were global ones (the table `concurrency_limits`) can still be read and deleted.
"""

import re
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import ApiError, NotFound, Unprocessable
from understudy.filters.criteria import EVERY, Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, insert
from understudy.operations.handler_results import Answer
from understudy.values import now
from understudy.workspaces.workspace import Workspace

from .concurrency_slots import (
    LEASES,
    LIMITS,
    LONGEST_WAIT,
    NAME,
    PREFIX,
    Limit,
    acquire,
    end_lease,
    holders,
    lease_slots,
    leases_of,
    limits_named,
    named,
    revoke_leases,
    settle,
)

TAG = Column(("tag",))
RESERVED = re.compile("[/%&><]")
BOUND = "concurrency_limit"  # the field with the limit of a former limit
TASK_RUN = "task_run"
LEASE = timedelta(days=100 * 365)  # the duration of leases of these limits, which clients do not renew


def create_concurrency_limit(workspace: Workspace, body: dict[str, Any]) -> Answer:
    time = now()
    settle(workspace, time)
    limits, tag, limit = workspace[LIMITS], body["tag"], body["concurrency_limit"]
    row = named(limits, NAME, PREFIX + tag)
    # A real server fails on these with 500.
    if row is None and RESERVED.search(tag):
        raise Unprocessable("A tag with a concurrency limit cannot have any of the characters / % & > <.")
    if row is not None and limit < 0:
        raise Unprocessable("A concurrency limit cannot be changed to a number below 0.")
    if row is None:
        return of_tag(workspace, insert(limits, {"name": PREFIX + tag, "limit": limit}), time), 201
    change(limits, row, {"limit": limit})
    return of_tag(workspace, row, time), 200


def read_concurrency_limit(workspace: Workspace, id: UUID) -> Answer:
    row = workspace[LIMITS].find(id.int)
    if row is not None and workspace[LIMITS].key(NAME, row).startswith(PREFIX):
        return of_tag(workspace, row, now())
    return former(workspace, workspace["concurrency_limits"].find(id.int))


def read_concurrency_limit_by_tag(workspace: Workspace, tag: str) -> Answer:
    row = named(workspace[LIMITS], NAME, PREFIX + tag)
    if row is not None:
        return of_tag(workspace, row, now())
    return former(workspace, named(workspace["concurrency_limits"], TAG, tag))


def read_concurrency_limits(workspace: Workspace, criteria: Criteria, limit: int, offset: int) -> Answer:
    """The limits of both kinds. Of each kind, the first rows up to the end of the page are read; those that are limits
    of tags are returned.
    """
    limits, before, time = workspace[LIMITS], workspace["concurrency_limits"], now()
    end = min(limit + offset, sys.maxsize)
    rows = workspace.first(LIMITS, EVERY, Sort(NAME), end)
    current = [of_tag(workspace, row, time) for row in rows if limits.key(NAME, row).startswith(PREFIX)]
    tags = {each["tag"] for each in current}
    rows = workspace.first(before.schema.name, criteria, Sort(TAG), end)
    others = [before.values(row) for row in rows if before.key(TAG, row) not in tags]
    return [*current, *others][offset:end]


def delete_concurrency_limit(workspace: Workspace, id: UUID) -> Answer:
    remove(workspace, workspace[LIMITS].find(id.int), workspace["concurrency_limits"].find(id.int))


def delete_concurrency_limit_by_tag(workspace: Workspace, tag: str) -> Answer:
    remove(workspace, named(workspace[LIMITS], NAME, PREFIX + tag), named(workspace["concurrency_limits"], TAG, tag))


def reset_concurrency_limit_by_tag(workspace: Workspace, tag: str, slot_override: list[UUID] | None) -> Answer:
    time = now()
    settle(workspace, time)
    row = named(workspace[LIMITS], NAME, PREFIX + tag)
    if row is None:
        limits = workspace["concurrency_limits"]
        former_row = named(limits, TAG, tag)
        if former_row is None:
            raise NotFound("Concurrency limit not found")
        change(limits, former_row, {"active_slots": slot_override or []})
        return
    revoke_leases(workspace, row)
    for task_run_id in slot_override or ():
        # As on a real server, there is a lease even where the limit is inactive or has no slot left.
        if workspace[LIMITS].values(row)["active"]:
            acquire(workspace, [row], 1, time)
        lease_slots(workspace, [row], 1, LEASE, holder_of(task_run_id), time)


def increment_concurrency_limits_v1(workspace: Workspace, names: list[str], task_run_id: UUID) -> Answer:
    """Take a slot of the limit of each tag: of the global limit if it is active, else of a former one."""
    time = now()
    settle(workspace, time)
    limits, before = global_limits(workspace, names), former_limits(workspace, names)
    for tag in names:
        if any(found[tag][1][bound] == 0 for found, bound in ((limits, "limit"), (before, BOUND)) if tag in found):
            raise locked(f'The concurrency limit on tag "{tag}" is 0 and will deadlock if the task tries to run again.')
    active = [tag for tag in names if tag in limits and limits[tag][1]["active"]]
    others = [tag for tag in names if tag in before and tag not in active]
    for tag in others:
        if len(before[tag][1]["active_slots"]) >= before[tag][1][BOUND]:
            raise reached(tag)
    rows = [limits[tag][0] for tag in active]
    # As on a real server, a limit whose tag is named twice counts as reached.
    if len({*rows}) < len(rows) or not acquire(workspace, rows, 1, time):
        raise reached(active[0])
    if rows:
        lease_slots(workspace, rows, 1, LEASE, holder_of(task_run_id), time)
    for tag in others:
        row, limit = before[tag]
        change(workspace["concurrency_limits"], row, {"active_slots": list({*limit["active_slots"], task_run_id})})
    taken = [minimal(limits[tag][1], tag, "limit") for tag in active]
    return taken + [minimal(before[tag][1], tag, BOUND) for tag in others]


def decrement_concurrency_limits_v1(workspace: Workspace, names: list[str], task_run_id: UUID) -> Answer:
    """Release the slots that a task run holds of the limits of some tags."""
    time = now()
    settle(workspace, time)
    limits, leases = limits_named(workspace, [PREFIX + tag for tag in names]), workspace[LEASES]
    held = {lease for row in limits for lease in leases_of(workspace, row)}
    for lease in held:
        holder = leases.values(lease)["holder"]
        if holder is not None and holder["id"] == task_run_id:
            end_lease(workspace, lease, time)
    released = [minimal(limit, limit["name"], "limit") for limit in limits.values()]
    is_global = {limit["name"].removeprefix(PREFIX) for limit in limits.values()}
    for tag, (row, limit) in former_limits(workspace, names).items():
        if tag not in is_global and task_run_id in limit["active_slots"]:
            slots = [slot for slot in limit["active_slots"] if slot != task_run_id]
            change(workspace["concurrency_limits"], row, {"active_slots": slots})
            released.append(minimal(limit, tag, BOUND))
    return released


def global_limits(workspace: Workspace, tags: list[str]) -> dict[str, tuple[int, Limit]]:
    """The global limits of some tags: the row and values of each by tag."""
    found = limits_named(workspace, [PREFIX + tag for tag in tags])
    return {limit["name"].removeprefix(PREFIX): (row, limit) for row, limit in found.items()}


def former_limits(workspace: Workspace, tags: list[str]) -> dict[str, tuple[int, Limit]]:
    """The same for former limits."""
    limits = workspace["concurrency_limits"]
    found = {tag: named(limits, TAG, tag) for tag in sorted(set(tags))}
    return {tag: (row, limits.values(row)) for tag, row in found.items() if row is not None}


def minimal(limit: Limit, name: str, bound: str) -> dict[str, Any]:
    return {"id": limit["id"], "name": name, "limit": limit[bound]}


def holder_of(task_run_id: UUID) -> dict[str, Any]:
    return {"type": TASK_RUN, "id": task_run_id}


def locked(detail: str, headers: Mapping[str, str] | None = None) -> ApiError:
    return ApiError(HTTPStatus.LOCKED, {"detail": detail}, headers)


def reached(tag: str) -> ApiError:
    seconds = str(LONGEST_WAIT[True])
    return locked(f"Concurrency limit for the {tag} tag has been reached", {"Retry-After": seconds})


def remove(workspace: Workspace, row: int | None, former_row: int | None) -> None:
    """Delete a global limit and its leases or, without one, a former limit."""
    if row is not None:
        revoke_leases(workspace, row)
        workspace.delete(LIMITS, [row])
    elif former_row is not None:
        workspace.delete("concurrency_limits", [former_row])
    else:
        raise NotFound("Concurrency limit not found")


def former(workspace: Workspace, row: int | None) -> bytes:
    if row is None:
        raise NotFound("Concurrency limit not found")
    return workspace["concurrency_limits"].encoded(row)


def of_tag(workspace: Workspace, row: int, time: datetime) -> dict[str, Any]:
    """A global limit as the limit of a tag, with the task runs that hold its slots."""
    values = workspace[LIMITS].values(row)
    kept = {name: values[name] for name in ("id", "created", "updated")}
    tag, slots = values["name"].removeprefix(PREFIX), holders(workspace, row, TASK_RUN, time)
    return {**kept, "tag": tag, "concurrency_limit": values["limit"], "active_slots": slots}
