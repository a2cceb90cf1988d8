"""Slots of concurrency limits, which runs take and release."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from tests.orchestration.world import CLIENT, World, in_seconds

OLD = {**CLIENT, b"user-agent": b"prefect/3.4.0 (API 0.8.4)"}
OWN_SLOTS = {**CLIENT, b"user-agent": b"prefect/3.0.3 (API 0.8.4)"}


def scheduled(world: World, deployment: UUID) -> UUID:
    return world.flow_run("SCHEDULED", deployment_id=deployment)


def pending(world: World, deployment: UUID) -> UUID:
    run = scheduled(world, deployment)
    assert world.set(run, "PENDING").status == "ACCEPT"
    return run


def test_run_waits_for_a_slot_of_its_deployment(world: World) -> None:
    deployment = world.deployment(limit=1)
    first, second = pending(world, deployment), scheduled(world, deployment)
    assert world.slots(deployment) == 1
    assert world.row(first)["state"]["state_details"]["deployment_concurrency_lease_id"] is not None
    refused = world.set(second, "PENDING")
    assert refused.brief == ("REJECT", "Deployment concurrency limit reached.", 201)
    assert world.states(second)[-1] == ("SCHEDULED", "AwaitingConcurrencySlot")
    assert in_seconds(20) < world.row(second)["next_scheduled_start_time"] < in_seconds(31)
    world.set(first, "RUNNING")
    world.set(first, "COMPLETED")
    assert world.slots(deployment) == 0
    assert world.set(second, "PENDING").status == "ACCEPT"


def test_deployment_can_cancel_runs_without_a_slot(world: World) -> None:
    deployment = world.deployment(limit=1, collision_strategy="CANCEL_NEW")
    pending(world, deployment)
    refused = world.set(scheduled(world, deployment), "PENDING")
    assert refused.brief == ("REJECT", "Deployment concurrency limit reached.", 201)
    assert refused.kind == "CANCELLED"


def test_limit_of_zero_aborts(world: World) -> None:
    refused = world.set(scheduled(world, world.deployment(limit=0)), "PENDING")
    reason = "The deployment concurrency limit is 0. The flow will deadlock if submitted again."
    assert refused.brief == ("ABORT", reason, 200)


def test_slots_are_not_taken_for_workers_that_take_them_themselves(world: World) -> None:
    deployment = world.deployment(limit=1)
    assert world.set(scheduled(world, deployment), "PENDING", headers=OWN_SLOTS).status == "ACCEPT"
    assert world.slots(deployment) == 0


def test_slot_is_released_if_a_later_rule_rejects(world: World) -> None:
    deployment = world.deployment(limit=1)
    run = pending(world, deployment)
    world.set(run, "RUNNING")
    world.set(run, "PAUSED")
    refused = world.set(run, "PENDING")
    assert refused.status == "REJECT"
    assert refused.state is not None
    assert refused.state["state_details"]["deployment_concurrency_lease_id"] is None
    assert world.slots(deployment) == 0


def test_run_keeps_its_lease_until_it_ends(world: World) -> None:
    deployment = world.deployment(limit=1)
    run = pending(world, deployment)
    lease = world.row(run)["state"]["state_details"]["deployment_concurrency_lease_id"]
    world.set(run, "PENDING", name="Submitting", deployment_concurrency_lease_id=None)
    world.set(run, "RUNNING")
    assert world.row(run)["state"]["state_details"]["deployment_concurrency_lease_id"] == lease
    world.set(run, "CRASHED")
    assert world.slots(deployment) == 0
    assert not world.workspace["concurrency_leases"].live


def test_retried_run_keeps_its_slot(world: World) -> None:
    deployment = world.deployment(limit=1)
    run = world.flow_run("SCHEDULED", deployment_id=deployment, empirical_policy={"retries": 1})
    world.set(run, "PENDING")
    world.set(run, "RUNNING")
    assert world.set(run, "FAILED").reason == "Retrying"
    assert world.slots(deployment) == 1
    assert world.row(run)["state"]["state_details"]["deployment_concurrency_lease_id"] is not None


def test_slot_of_a_client_without_lease_renewal_has_no_lease(world: World) -> None:
    deployment = world.deployment(limit=1)
    run = pending(world, deployment)
    world.set(run, "RUNNING", headers=OLD)
    assert not world.workspace["concurrency_leases"].live
    assert world.slots(deployment) == 1
    world.set(run, "FAILED", headers=OLD)
    assert world.slots(deployment) == 0


@pytest.mark.parametrize(
    ("version", "leases"),
    [("3.4.10", 0), ("3.4.11.dev2", 0), ("3.4.11rc1", 0), ("3.4.11", 1), ("3.4.11+1.gabc", 1), ("3.4.12.dev1", 1)],
)
def test_clients_renew_leases_since_a_version(world: World, version: str, leases: int) -> None:
    run = pending(world, world.deployment(limit=1))
    world.set(run, "RUNNING", headers={**CLIENT, b"user-agent": f"prefect/{version} (API 0.8.4)".encode()})
    assert len(world.workspace["concurrency_leases"].live) == leases


def expire(world: World) -> None:
    leases = world.workspace["concurrency_leases"]
    for row in leases.live:
        leases.update(row, {"expires": in_seconds(-1)})


def test_run_with_an_expired_lease_takes_another_slot(world: World) -> None:
    deployment = world.deployment(limit=1)
    run = pending(world, deployment)
    lease = world.row(run)["state"]["state_details"]["deployment_concurrency_lease_id"]
    expire(world)
    assert world.set(run, "RUNNING").status == "ACCEPT"
    assert world.row(run)["state"]["state_details"]["deployment_concurrency_lease_id"] not in (None, lease)
    assert world.slots(deployment) == 1


def test_run_with_an_expired_lease_is_cancelled_without_a_slot(world: World) -> None:
    deployment = world.deployment(limit=1)
    run = pending(world, deployment)
    expire(world)
    pending(world, deployment)
    done = world.set(run, "RUNNING")
    assert done.brief == ("REJECT", "Deployment concurrency limit reached after lease expiry.", 201)
    assert done.kind == "CANCELLED"


@pytest.mark.parametrize("kind", ["PENDING", "RUNNING"])
def test_deleting_a_run_releases_its_slot(world: World, kind: str) -> None:
    deployment = world.deployment(limit=2)
    run, other = pending(world, deployment), pending(world, deployment)
    if kind == "RUNNING":
        world.set(run, "RUNNING")
    world.call("flow_runs.delete_flow_run", id=run)
    assert world.slots(deployment) == 1
    world.set(other, "CANCELLED")
    assert world.slots(deployment) == 0


def test_lease_of_a_deleted_run_releases_a_slot_once_it_ends(world: World) -> None:
    deployment = world.deployment(limit=3)
    for run in [pending(world, deployment) for _ in range(3)][:2]:
        world.call("flow_runs.delete_flow_run", id=run)
    assert (world.slots(deployment), len(world.workspace["concurrency_leases"].live)) == (1, 3)
    expire(world)
    pending(world, deployment)
    assert (world.slots(deployment), len(world.workspace["concurrency_leases"].live)) == (1, 1)


def test_task_waits_for_a_slot_of_each_of_its_tags(world: World) -> None:
    limits = [world.add("concurrency_limits_v2", name=f"tag:{tag}", limit=limit) for tag, limit in (("a", 1), ("b", 2))]
    first, second = (world.task_run(tags=["a", "b"]) for _ in range(2))

    def slots() -> list[int]:
        return [world.row(limit, "concurrency_limits_v2")["active_slots"] for limit in limits]

    assert world.task(first, "RUNNING").status == "ACCEPT"
    waits = world.task(second, "RUNNING")
    assert waits.brief == ("WAIT", "Concurrency limit reached for tags: a, b", 200)
    assert waits.seconds is not None
    assert 1 <= waits.seconds <= 3
    assert slots() == [1, 1]
    world.task(first, "COMPLETED")
    assert slots() == [0, 0]
    assert world.task(second, "RUNNING").status == "ACCEPT"


def test_tag_without_slots_aborts(world: World) -> None:
    world.add("concurrency_limits_v2", name="tag:a", limit=0)
    refused = world.task(world.task_run(tags=["a"]), "RUNNING")
    reason = 'The concurrency limit on tag "a" is 0 and will deadlock if the task tries to run again.'
    assert refused.brief == ("ABORT", reason, 200)


def test_task_waiting_for_its_time_holds_no_slot(world: World) -> None:
    limit = world.add("concurrency_limits_v2", name="tag:a", limit=1)
    former = world.add("concurrency_limits", tag="b", concurrency_limit=1)
    run = world.task_run(tags=["a", "b"])
    world.task(run, "SCHEDULED", scheduled_time=in_seconds(60))
    assert world.task(run, "RUNNING").reason == "Scheduled time is in the future"
    assert world.row(limit, "concurrency_limits_v2")["active_slots"] == 0
    assert world.row(former, "concurrency_limits")["active_slots"] == []


def test_former_limits_of_tags_count_runs(world: World) -> None:
    one, two = (world.add("concurrency_limits", tag=tag, concurrency_limit=n) for tag, n in (("b", 1), ("a", 2)))
    first, second = (world.task_run(tags=["b", "a"]) for _ in range(2))
    world.task(first, "RUNNING")
    assert world.row(one, "concurrency_limits")["active_slots"] == [first]
    waits = world.task(second, "RUNNING")
    assert (waits.brief, waits.seconds) == (("WAIT", "Concurrency limit for the b tag has been reached", 200), 10)
    assert world.row(two, "concurrency_limits")["active_slots"] == [first]
    world.task(first, "FAILED", force=True)
    assert world.row(one, "concurrency_limits")["active_slots"] == []


def test_former_slots_are_released_if_another_tag_is_full(world: World) -> None:
    free, full = (world.add("concurrency_limits", tag=tag, concurrency_limit=1) for tag in ("a", "b"))
    world.task(world.task_run(tags=["b"]), "RUNNING")
    waits = world.task(world.task_run(tags=["a", "b"]), "RUNNING")
    assert waits.brief == ("WAIT", "Concurrency limit for the b tag has been reached", 200)
    assert world.row(free, "concurrency_limits")["active_slots"] == []
    assert len(world.row(full, "concurrency_limits")["active_slots"]) == 1


def test_former_limit_of_zero_aborts(world: World) -> None:
    world.add("concurrency_limits", tag="a", concurrency_limit=0)
    reason = 'The concurrency limit on tag "a" is 0 and will deadlock if the task tries to run again.'
    assert world.task(world.task_run(tags=["a"]), "RUNNING").brief == ("ABORT", reason, 200)


def test_former_limit_does_not_count_slots_of_a_global_limit(world: World) -> None:
    world.add("concurrency_limits_v2", name="tag:a", limit=2)
    former = world.add("concurrency_limits", tag="a", concurrency_limit=1)
    runs = [world.task_run(tags=["a"]) for _ in range(2)]
    assert [world.task(run, "RUNNING").status for run in runs] == ["ACCEPT", "ACCEPT"]
    assert world.row(former, "concurrency_limits")["active_slots"] == []


def test_slot_of_an_expired_lease_of_a_tag_is_free(world: World) -> None:
    limit = world.add("concurrency_limits_v2", name="tag:a", limit=1)
    world.task(world.task_run(tags=["a"]), "RUNNING")
    expire(world)
    assert world.task(world.task_run(tags=["a"]), "RUNNING").status == "ACCEPT"
    assert world.row(limit, "concurrency_limits_v2")["active_slots"] == 1


def test_task_waits_for_the_fullest_tag(world: World) -> None:
    for tag, limit, taken, seconds in (("a", 10, 1, 2.0), ("b", 1, 1, 8.0)):
        slots = {"active_slots": taken, "avg_slot_occupancy_seconds": seconds}
        world.add("concurrency_limits_v2", name=f"tag:{tag}", limit=limit, **slots)
    waits = world.task(world.task_run(tags=["a", "b"]), "RUNNING")
    assert waits.seconds is not None
    assert 5 <= waits.seconds <= 11  # 8, give or take 30 %


def test_inactive_limit_of_a_tag_does_not_block(world: World) -> None:
    limit = world.add("concurrency_limits_v2", name="tag:a", limit=0, active=False)
    assert world.task(world.task_run(tags=["a"]), "RUNNING").status == "ACCEPT"
    assert world.row(limit, "concurrency_limits_v2")["active_slots"] == 0


@pytest.mark.parametrize(
    ("options", "seconds"), [({}, 300), ({"collision_strategy": "ENQUEUE", "grace_period_seconds": 90}, 90)]
)
def test_duration_of_a_lease_is_set_by_the_deployment(world: World, options: dict[str, Any], seconds: int) -> None:
    deployment = world.deployment(limit=1, **options)
    run = pending(world, deployment)
    leases = world.workspace["concurrency_leases"]

    def expires() -> datetime:
        (row,) = leases.live
        found: datetime = leases.values(row)["expires"]
        return found

    assert in_seconds(seconds - 5) < expires() <= in_seconds(seconds)
    leases.update(next(iter(leases.live)), {"expires": in_seconds(10)})
    world.set(run, "RUNNING")
    assert in_seconds(seconds - 5) < expires() <= in_seconds(seconds)
