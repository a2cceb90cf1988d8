"""Rules that take and release slots of concurrency limits.

Source of each: the class of the same name in `prefect.server.orchestration.core_policy`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.operations.actions import matching
from understudy.workspaces.workspace import Workspace

from ..concurrency_slots import (
    LEASES,
    LIMITS,
    PREFIX,
    Limit,
    acquire,
    lease_slots,
    leases_of,
    limits_named,
    longest_wait,
    released,
    settle,
)
from .policy import ANY, Finish, rule, transform
from .random_delays import clamped
from .transition import State, Transition, deployment_of, detail, new_state

FORMER, TAG = "concurrency_limits", Column(("tag",))  # limits of tags that were made before there were global ones
LEASE_ID = "deployment_concurrency_lease_id"
OCCUPYING = frozenset({"PENDING", "RUNNING", "CANCELLING"})  # the states in which a flow run has a slot
SLOT_WAIT = 30.0  # seconds until a run that waits for a slot tries again, and other defaults of a real server
TAG_SLOT_WAIT = 10
JITTER = 0.3
GRACE = 300.0  # seconds of a lease until its client first renews it
FOREVER = timedelta(days=100 * 365)  # of leases of tags, which are not renewed
WITH_LEASES = (3, 4, 11)  # the first version of the client that renews leases
MANAGE_SLOTS = frozenset({"3.0.0rc20", "3.0.0", "3.0.1", "3.0.2", "3.0.3"})  # versions whose workers take slots


# --------------------------------------------------------------- of deployments


@rule(ANY - OCCUPYING, {"PENDING"})
def secure_flow_concurrency_slots(transition: Transition) -> Finish | None:
    """A run that is submitted takes a slot of its deployment's limit, or waits or is cancelled."""
    if transition.run["deployment_id"] is None or transition.client.release in MANAGE_SLOTS:
        return None
    deployment = deployment_of(transition.workspace, transition.run)
    if deployment is None:
        transition.abort("Deployment not found.")
        return None
    limit = limit_row(transition.workspace, deployment["concurrency_limit_id"])
    if limit is None:
        return None
    options = deployment["concurrency_options"] or {}
    if transition.workspace[LIMITS].values(limit)["limit"] == 0:
        transition.abort("The deployment concurrency limit is 0. The flow will deadlock if submitted again.")
    elif take(transition, limit):
        return hold(transition, limit, grace_period(options))
    else:
        refuse(transition, options)
    return None


def hold(transition: Transition, limit: int, duration: timedelta) -> Finish:
    """Lease a slot that was taken to the run, unless the transition does not hold."""
    lease = lease_slots(transition.workspace, [limit], 1, duration, None, transition.time)
    transition.proposed["state_details"][LEASE_ID] = lease

    def finish(holds: bool) -> None:
        if not holds:
            release_lease(transition.workspace, lease, limit, transition.time)
            if transition.validated:
                transition.validated["state_details"][LEASE_ID] = None

    return finish


@rule({"SCHEDULED"}, {"SCHEDULED"})
def enforce_deployment_concurrency_on_late(transition: Transition) -> None:
    """A run that becomes late is cancelled if its deployment cancels new runs and has no free slot."""
    deployment = deployment_of(transition.workspace, transition.run)
    if transition.proposed.get("name") != "Late" or deployment is None:
        return
    if (deployment["concurrency_options"] or {}).get("collision_strategy") != "CANCEL_NEW":
        return
    row = limit_row(transition.workspace, deployment["concurrency_limit_id"])
    limit = None if row is None else transition.workspace[LIMITS].values(row)
    if limit is not None and limit["active_slots"] >= limit["limit"]:
        transition.reject(
            "Deployment concurrency limit is full and uses the CANCEL_NEW strategy.",
            new_state("CANCELLED", transition.time, message="Deployment concurrency limit reached."),
        )


def refuse(transition: Transition, options: dict[str, Any]) -> None:
    """What a deployment does with a run for which there is no slot."""
    reason = "Deployment concurrency limit reached."
    if options.get("collision_strategy") == "CANCEL_NEW":
        transition.reject(reason, new_state("CANCELLED", transition.time, message=reason))
        return
    details = {"scheduled_time": transition.after(SLOT_WAIT)}
    waiting = new_state("SCHEDULED", transition.time, "AwaitingConcurrencySlot", state_details=details)
    transition.reject(reason, waiting)


@rule({"PENDING"}, {"RUNNING"})
def validate_deployment_concurrency_at_running(transition: Transition) -> None:
    """A run that starts renews the lease of its slot. If it has ended, the run takes another slot, or is cancelled."""
    workspace, proposed = transition.workspace, transition.proposed
    lease = detail(transition.initial, LEASE_ID)
    proposed["state_details"][LEASE_ID] = lease
    if lease is None or transition.client.numbers < WITH_LEASES or transition.run["deployment_id"] is None:
        return
    deployment = deployment_of(transition.workspace, transition.run)
    limit = None if deployment is None else limit_row(workspace, deployment["concurrency_limit_id"])
    if deployment is None or limit is None:
        return
    settle(workspace, transition.time)
    leases, duration = workspace[LEASES], grace_period(deployment["concurrency_options"] or {})
    row = leases.find(lease.int)
    if row is not None:
        leases.update(row, {"expires": transition.time + duration})
    elif take(transition, limit):
        holder = {"type": "flow_run", "id": transition.run["id"]}
        new = lease_slots(workspace, [limit], 1, duration, holder, transition.time)
        proposed["state_details"][LEASE_ID] = new
    else:
        message = "Deployment concurrency slot lost during provisioning - no slots available to continue execution"
        cancelled = new_state("CANCELLED", transition.time, message=message)
        transition.reject("Deployment concurrency limit reached after lease expiry.", cancelled)


@rule({"PENDING"}, {"RUNNING", "CANCELLING"})
def remove_deployment_concurrency_lease_for_old_client_versions(transition: Transition) -> Finish:
    """A client that does not renew leases keeps its slot without one."""

    def finish(holds: bool) -> None:
        lease, leases = detail(transition.initial, LEASE_ID), transition.workspace[LEASES]
        if holds and lease is not None and transition.client.numbers < WITH_LEASES:
            row = leases.find(lease.int)
            if row is not None:
                leases.delete(row)

    return finish


@transform
def release_flow_concurrency_slots(transition: Transition) -> Finish:
    """A run that ends, or is not submitted any more, releases its slot; one that is tried again at once keeps it."""

    def finish(holds: bool) -> None:
        proposed, status = transition.proposed, transition.status
        leaves = transition.initial_type in OCCUPYING and proposed["type"] not in OCCUPYING
        is_retried = (proposed["type"], proposed["name"], status) == ("SCHEDULED", "AwaitingRetry", "REJECT")
        if leaves and not is_retried:
            release_of_deployment(transition.workspace, transition.run, transition.initial, transition.time)

    return finish


def release_of_deployment(workspace: Workspace, run: Mapping[str, Any], state: State, time: datetime) -> None:
    """Release the slot that a flow run had of its deployment's limit while it was in a state."""
    lease = detail(state, LEASE_ID)
    deployment = deployment_of(workspace, run)
    limit = None if deployment is None else limit_row(workspace, deployment["concurrency_limit_id"])
    if deployment is not None and lease is not None:
        release_lease(workspace, lease, limit, time)
    elif limit is not None:
        release(workspace, [limit], 1, time)


def release_of_deleted(workspace: Workspace, run: Mapping[str, Any], time: datetime) -> None:
    """Release the slot of a flow run that is deleted.

    Source: `cleanup_flow_run_concurrency_slots` in `prefect.server.models.flow_runs`, which leaves the lease.
    """
    if run["state"] is not None and run["state"]["type"] in OCCUPYING:
        release_of_deployment(workspace, run, run["state"], time)


# ---------------------------------------------------------------------- of tags


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
    """Take a slot of each limit, and lease them to the task run. Returns the lease's id, if there are limits."""
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
    """Take slots of the former limits of a task's tags, unless each is counted by a global one. Returns their rows."""
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
    """A task that does not run any more releases the slots of its tags' limits."""

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


# ----------------------------------------------------------------------- shared


def limit_row(workspace: Workspace, limit_id: UUID | None) -> int | None:
    return None if limit_id is None else workspace[LIMITS].find(limit_id.int)


def grace_period(options: dict[str, Any]) -> timedelta:
    seconds = options.get("grace_period_seconds")
    return timedelta(seconds=GRACE if seconds is None else seconds)


def take(transition: Transition, limit: int) -> bool:
    """Take a slot of a limit, if it is active and has one."""
    settle(transition.workspace, transition.time)
    is_active = transition.workspace[LIMITS].values(limit)["active"]
    return is_active and acquire(transition.workspace, [limit], 1, transition.time)


def release(workspace: Workspace, rows: Iterable[int], slots: int, time: datetime) -> None:
    """Release slots of limits that are active."""
    limits = workspace[LIMITS]
    for row in rows:
        limit = limits.values(row)
        if limit["active"]:
            limits.update(row, released(limit, slots, time))


def release_lease(workspace: Workspace, lease_id: UUID, fallback: int | None, time: datetime) -> None:
    """Release the slots of a lease; if it has ended, one of the limit that it was of."""
    leases, limits = workspace[LEASES], workspace[LIMITS]
    row = leases.find(lease_id.int)
    if row is None:
        release(workspace, [] if fallback is None else [fallback], 1, time)
        return
    lease = leases.values(row)
    rows = [limits.find(limit_id.int) for limit_id in lease["limit_ids"]]
    release(workspace, [each for each in rows if each is not None], lease["slots"], time)
    leases.delete(row)
