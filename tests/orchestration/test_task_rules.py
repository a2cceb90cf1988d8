"""Rules of task runs, one by one, with the messages of a real server."""

from uuid import uuid4

import pytest

from tests.orchestration.world import PERSISTED, World, in_seconds


@pytest.mark.parametrize("kind", ["CANCELLING", "PAUSED", "CRASHED"])
def test_ended_task_is_not_stopped_again(world: World, kind: str) -> None:
    assert world.task(world.task_run("COMPLETED"), kind).brief == ("ABORT", "Run is already COMPLETED.", 200)


@pytest.mark.parametrize("data", [PERSISTED, "text"])
def test_task_with_a_stored_result_is_not_run_again(world: World, data: object) -> None:
    run = world.task_run("RUNNING")
    world.task(run, "COMPLETED", data=data)
    assert world.task(run, "RUNNING").brief == ("REJECT", "This run is already completed.", 200)


def test_retries_start_again_when_a_task_leaves_a_final_state(world: World) -> None:
    run = world.task_run("RUNNING")
    world.task(run, "FAILED")
    assert world.task(run, "RUNNING").state is not None
    assert world.task_row(run)["run_count"] == 1


def test_count_is_kept_if_a_later_rule_rejects(world: World) -> None:
    run = world.task_run("RUNNING", world.flow_run("RUNNING"))
    world.task(run, "FAILED")
    world.set(world.task_row(run)["flow_run_id"], "FAILED")
    assert world.task(run, "RUNNING").status == "ABORT"
    assert world.task_row(run)["run_count"] == 1


def test_task_of_a_retried_flow_is_retrying(world: World) -> None:
    flow_run = world.flow_run("RUNNING")
    run = world.task_run("PENDING", flow_run)
    world.task(run, "RUNNING")
    assert world.task_row(run)["flow_run_run_count"] == 1
    world.task(run, "FAILED")
    world.set(flow_run, "FAILED")
    world.set(flow_run, "RUNNING")
    again = world.task(run, "RUNNING")
    assert again.state is not None
    assert again.state["name"] == "Retrying"
    assert world.task_row(run)["flow_run_run_count"] == 2


def test_task_runs_only_while_its_flow_runs(world: World) -> None:
    run = world.task_run("PENDING", world.flow_run("PENDING"))
    reason = "The enclosing flow must be running to begin task execution."
    assert world.task(run, "RUNNING").brief == ("ABORT", reason, 200)


def test_task_is_not_ready_while_its_flow_is_paused(world: World) -> None:
    flow_run, moment = world.flow_run("RUNNING"), in_seconds(900)
    world.set(flow_run, "PAUSED", pause_timeout=moment)
    run = world.task_run("PENDING", flow_run)
    done = world.task(run, "RUNNING")
    reason = f"The flow is paused, new tasks can execute after resuming flow run: {flow_run}."
    assert done.brief == ("REJECT", reason, 201)
    state = world.task_row(run)["state"]
    assert (state["type"], state["name"], state["state_details"]["pause_timeout"]) == ("PAUSED", "NotReady", moment)


def test_task_waits_for_its_scheduled_time(world: World) -> None:
    run = world.task_run()
    world.task(run, "SCHEDULED", scheduled_time=in_seconds(50))
    assert world.task(run, "RUNNING").brief == ("WAIT", "Scheduled time is in the future", 200)


@pytest.mark.parametrize(("delay", "seconds"), [(30, 30), ([5, 40], 5), (2.5, 2.5), ([], 0), (None, 0)])
def test_failed_task_is_retried_after_its_delay(world: World, delay: object, seconds: float) -> None:
    run = world.task_run("RUNNING", empirical_policy={"retries": 2, "retry_delay": delay})
    done = world.task(run, "FAILED", message="Why")
    assert done.brief == ("REJECT", "Retrying", 201)
    state = world.task_row(run)["state"]
    assert (state["name"], state["message"]) == ("AwaitingRetry", "Why")
    assert (state["state_details"]["scheduled_time"] - state["timestamp"]).total_seconds() == seconds


def test_delay_of_a_task_can_be_random_within_bounds(world: World) -> None:
    delays = set()
    for _ in range(20):
        run = world.task_run("RUNNING", empirical_policy={"retries": 1, "retry_delay": 100, "retry_jitter_factor": 0.5})
        world.task(run, "FAILED")
        state = world.task_row(run)["state"]
        delays.add((state["state_details"]["scheduled_time"] - state["timestamp"]).total_seconds())
    assert len(delays) > 1
    assert 60 < min(delays) <= max(delays) <= 150


def test_later_retries_use_later_delays_and_end(world: World) -> None:
    run = world.task_run("RUNNING", empirical_policy={"retries": 2, "retry_delay": [0, -1]})
    names = []
    for _ in range(3):
        done = world.task(run, "FAILED")
        names.append(world.task_row(run)["state_name"])
        if done.status == "REJECT":
            world.task(run, "RUNNING", name="Again")
            names.append(world.task_row(run)["state_name"])
    assert names == ["AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Failed"]


def test_task_can_opt_out_of_retries(world: World) -> None:
    run = world.task_run("RUNNING", empirical_policy={"retries": 2})
    assert world.task(run, "FAILED", retriable=False).status == "ACCEPT"


def test_rerun_task_is_retrying(world: World) -> None:
    run = world.task_run("RUNNING")
    again = world.task(run, "RUNNING", name="Mine")
    assert again.state is not None
    assert again.state["name"] == "Rerunning"


def test_completed_task_is_reused_by_its_cache_key(world: World) -> None:
    first, second = world.task_run("RUNNING"), world.task_run("PENDING")
    world.task(first, "COMPLETED", cache_key="a", data=PERSISTED)
    done = world.task(second, "RUNNING", cache_key="a")
    assert done.brief == ("REJECT", "Retrieved state from cache", 201)
    state = world.task_row(second)["state"]
    assert (state["type"], state["name"], state["data"]) == ("COMPLETED", "Cached", PERSISTED)
    assert state["id"] != world.task_row(first)["state_id"]
    assert world.task(world.task_run(), "RUNNING", cache_key="a", refresh_cache=True).status == "ACCEPT"
    assert world.task(world.task_run(), "RUNNING", cache_key="b").status == "ACCEPT"


def test_latest_unexpired_state_in_the_cache_is_used(world: World) -> None:
    for expiration, message in ((None, "first"), (in_seconds(500), "second"), (in_seconds(-1), "third")):
        world.task(world.task_run("RUNNING"), "COMPLETED", cache_key="a", cache_expiration=expiration, message=message)
    run = world.task_run("PENDING")
    world.task(run, "RUNNING", cache_key="a")
    assert world.task_row(run)["state"]["message"] == "second"


def test_length_of_a_cache_key_is_limited(world: World) -> None:
    done = world.task(world.task_run("RUNNING"), "COMPLETED", cache_key="x" * 2001)
    reason = "Cache key exceeded maximum allowed length of 2000 characters."
    assert (done.brief, done.kind) == (("REJECT", reason, 201), "COMPLETED")


def test_deferred_task_becomes_pending_once_and_keeps_its_parameters(world: World) -> None:
    run, parameters = world.task_run(), uuid4()
    world.task(run, "SCHEDULED", deferred=True, task_parameters_id=parameters)
    assert world.task(run, "PENDING", deferred=True).status == "ACCEPT"
    assert world.task_row(run)["state"]["state_details"]["task_parameters_id"] == parameters
    reason = "This run is in a PENDING state and cannot transition to a PENDING state."
    assert world.task(run, "PENDING", deferred=True, force=True).brief == ("ABORT", reason, 200)
    assert world.task(run, "PENDING").status == "ACCEPT"


def test_force_skips_the_rules(world: World) -> None:
    run = world.task_run("RUNNING")
    world.task(run, "COMPLETED", data=PERSISTED)
    assert world.task(run, "RUNNING", force=True).status == "ACCEPT"
