"""Rules by which task runs take and release slots of the concurrency limits of tags.

Source of each: the class of the same name in `prefect.server.orchestration.core_policy`.
"""

from datetime import timedelta
from uuid import UUID

from understudy.contract.columns import Column
from understudy.operations.actions import matching

from ..concurrency_slots import (
    LEASES,
    PREFIX,
    Limit,
    acquire,
    lease_slots,
    leases_of,
    limits_named,
    longest_wait,
    settle,
)
from .policy import ANY, Finish, rule, transform
from .random_delays import clamped
from .slots import release_lease
from .transition import Transition

FORMER, TAG = "concurrency_limits", Column(("tag",))  # limits of tags that were made before there were global ones
TAG_SLOT_WAIT = 10  # seconds until a task that waits for a slot of a former limit tries again
JITTER = 0.3
FOREVER = timedelta(days=100 * 365)  # the duration of leases of tags, which are not renewed


@rule(ANY, {"RUNNING"})
def secure_task_concurrency_slots(transition: Transition) -> Finish | None:
    """A task that starts takes a slot of each limit of its tags, or waits."""
    workspace = transition.workspace
    settle(workspace, transition.time)
    limits = limits_named(workspace, [PREFIX + tag for tag in transition.run["tags"]])
    active = {row: limit for row, limit in limits.items() if limit["active"]}
    lease = lease_of_tags(transition, active)
    if not transition.proposed:
        return None
    taken = take_former(transition, {tag_of(limit) for limit in active.values()})
    if not transition.proposed:
        if lease is not None:
            release_lease(transition.workspace, lease, None, transition.time)
        return None

    def finish(holds: bool) -> None:
        if not holds:
            if lease is not None:
                release_lease(transition.workspace, lease, None, transition.time)
            for row in taken:
                free_former(transition, row)

    return finish


def lease_of_tags(transition: Transition, limits: dict[int, Limit]) -> UUID | None:
    """Take a slot of each limit, and lease the slots to the task run. Returns the lease's id; None without limits."""
    empty = next((limit for limit in limits.values() if limit["limit"] == 0), None)
    if empty is not None:
        abort_at_zero(transition, tag_of(empty))
    elif limits and acquire(transition.workspace, limits, 1, transition.time):
        holder = {"type": "task_run", "id": transition.run["id"]}
        return lease_slots(transition.workspace, limits, 1, FOREVER, holder, transition.time)
    elif limits:
        fullest = max(limits.values(), key=lambda limit: limit["active_slots"] / limit["limit"])
        longest = longest_wait(fullest)
        average = min(fullest["avg_slot_occupancy_seconds"] or longest, longest)
        names = ", ".join(map(tag_of, limits.values()))
        transition.wait(round(clamped(average, JITTER)), f"Concurrency limit reached for tags: {names}")
    return None


def tag_of(limit: Limit) -> str:
    return str(limit["name"]).removeprefix(PREFIX)


def take_former(transition: Transition, counted: set[str]) -> list[int]:
    """Take slots of the former limits of a task's tags, unless each has a global limit. Returns the rows of the
    limits.
    """
    limits, run_id = transition.workspace[FORMER], transition.run["id"]
    rows = former_limits(transition)
    taken: list[int] = []
    if all(limits.key(TAG, row) in counted for row in rows):
        return taken
    for row in rows:
        limit = limits.values(row)
        if limit["concurrency_limit"] > len(limit["active_slots"]):
            taken.append(row)
            limits.update(row, {"active_slots": [*(each for each in limit["active_slots"] if each != run_id), run_id]})
            continue
        for other in taken:
            free_former(transition, other)
        taken.clear()
        if limit["concurrency_limit"] == 0:
            abort_at_zero(transition, limit["tag"])
        else:
            transition.wait(TAG_SLOT_WAIT, f"Concurrency limit for the {limit['tag']} tag has been reached")
    return taken


def abort_at_zero(transition: Transition, tag: str) -> None:
    reason = f'The concurrency limit on tag "{tag}" is 0 and will deadlock if the task tries to run again.'
    transition.abort(reason)


@transform
def release_task_concurrency_slots(transition: Transition) -> Finish:
    """A task that is no longer running releases the slots of its tags' limits."""

    def finish(holds: bool) -> None:
        if transition.proposed_type in ("RUNNING", "CANCELLING"):
            return
        workspace, run_id = transition.workspace, transition.run["id"]
        for limit in limits_named(workspace, [PREFIX + tag for tag in transition.run["tags"]]):
            for row in leases_of(workspace, limit):
                lease = workspace[LEASES].values(row)
                if lease["holder"] is not None and lease["holder"]["id"] == run_id:
                    release_lease(workspace, lease["id"], None, transition.time)
        for row in former_limits(transition):
            free_former(transition, row)

    return finish


def former_limits(transition: Transition) -> list[int]:
    """The former limits of a task's tags, in the order of tags."""
    limits = transition.workspace[FORMER]
    return [row for tag in sorted(set(transition.run["tags"])) for row in matching(limits, [(TAG, tag)])]


def free_former(transition: Transition, row: int) -> None:
    limits, run_id = transition.workspace[FORMER], transition.run["id"]
    slots = limits.values(row)["active_slots"]
    if run_id in slots:
        limits.update(row, {"active_slots": [each for each in slots if each != run_id]})
