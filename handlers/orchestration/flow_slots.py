"""Rules by which flow runs take and release slots of the concurrency limits of deployments.

Source of each: the class of the same name in `prefect.server.orchestration.core_policy`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from understudy.workspaces.workspace import Workspace

from ..concurrency_slots import LEASES, LIMITS, acquire, lease_slots, settle
from .policy import ANY, Finish, rule, transform
from .slots import release, release_lease
from .transition import State, Transition, deployment_of, detail, new_state

LEASE_ID = "deployment_concurrency_lease_id"
OCCUPYING = frozenset({"PENDING", "RUNNING", "CANCELLING"})  # the states in which a flow run has a slot
SLOT_WAIT = 30.0  # seconds until a run that waits for a slot tries again, as on a real server
GRACE = 300.0  # seconds until a client must renew a lease for the first time
WITH_LEASES = (3, 4, 11, 0)  # the first version of the client that renews leases
MANAGE_SLOTS = frozenset({"3.0.0rc20", "3.0.0", "3.0.1", "3.0.2", "3.0.3"})  # versions whose workers take slots


@rule(ANY - OCCUPYING, {"PENDING"})
def secure_flow_concurrency_slots(transition: Transition) -> Finish | None:
    """A run that is submitted takes a slot of its deployment's limit; without one, it waits or is cancelled."""
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
    """Lease a taken slot to the run, unless the transition is not carried out."""
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
    """Apply the deployment's strategy to a run for which there is no free slot."""
    reason = "Deployment concurrency limit reached."
    if options.get("collision_strategy") == "CANCEL_NEW":
        transition.reject(reason, new_state("CANCELLED", transition.time, message=reason))
        return
    details = {"scheduled_time": transition.after(SLOT_WAIT)}
    waiting = new_state("SCHEDULED", transition.time, "AwaitingConcurrencySlot", state_details=details)
    transition.reject(reason, waiting)


@rule({"PENDING"}, {"RUNNING"})
def validate_deployment_concurrency_at_running(transition: Transition) -> None:
    """A run that starts renews the lease of its slot. If the lease has ended, the run takes another slot, or is
    cancelled.
    """
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
    """A run that ends, or is no longer submitted, releases its slot; one that is retried at once keeps it."""

    def finish(holds: bool) -> None:
        proposed, status = transition.proposed, transition.status
        leaves = transition.initial_type in OCCUPYING and proposed["type"] not in OCCUPYING
        is_retried = (proposed["type"], proposed["name"], status) == ("SCHEDULED", "AwaitingRetry", "REJECT")
        if leaves and not is_retried:
            release_of_deployment(transition.workspace, transition.run, transition.initial, transition.time)

    return finish


def release_of_deployment(workspace: Workspace, run: Mapping[str, Any], state: State, time: datetime) -> None:
    """Release the slot of its deployment's limit that a flow run held in a state."""
    lease = detail(state, LEASE_ID)
    deployment = deployment_of(workspace, run)
    limit = None if deployment is None else limit_row(workspace, deployment["concurrency_limit_id"])
    if deployment is not None and lease is not None:
        release_lease(workspace, lease, limit, time)
    elif limit is not None:
        release(workspace, [limit], 1, time)


def release_of_deleted(workspace: Workspace, run: Mapping[str, Any], time: datetime) -> None:
    """Release the slot of a flow run that is deleted. Its lease remains until it ends, and then releases a slot, too.

    Source: `cleanup_flow_run_concurrency_slots` in `prefect.server.models.flow_runs`.
    """
    limit = limit_of(workspace, run)
    if limit is not None and run["state"] is not None and run["state"]["type"] in OCCUPYING:
        release(workspace, [limit], 1, time)


def limit_of(workspace: Workspace, run: Mapping[str, Any]) -> int | None:
    """The limit of the deployment of a flow run."""
    deployment = deployment_of(workspace, run)
    return None if deployment is None else limit_row(workspace, deployment["concurrency_limit_id"])


def limit_row(workspace: Workspace, limit_id: UUID | None) -> int | None:
    return None if limit_id is None else workspace[LIMITS].find(limit_id.int)


def grace_period(options: dict[str, Any]) -> timedelta:
    seconds = options.get("grace_period_seconds")
    return timedelta(seconds=GRACE if seconds is None else seconds)


def take(transition: Transition, limit: int) -> bool:
    """Take a slot of a limit, if the limit is active and has a free one."""
    settle(transition.workspace, transition.time)
    is_active = transition.workspace[LIMITS].values(limit)["active"]
    return is_active and acquire(transition.workspace, [limit], 1, transition.time)
