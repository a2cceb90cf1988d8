"""Rules of flow runs, one by one, with the messages of a real server."""

from uuid import uuid4

import pytest

from tests.orchestration.world import CLIENT, PERSISTED, World, in_seconds

BEFORE_PAUSES = {**CLIENT, b"x-prefect-api-version": b"0.8.3"}


def test_state_is_accepted(world: World) -> None:
    run = world.flow_run()
    assert world.set(run, "RUNNING", name="Going").brief == ("ACCEPT", None, 201)
    assert world.states(run) == [("PENDING", "Pending"), ("RUNNING", "Going")]


def test_same_transition_is_made_once(world: World) -> None:
    run, transition = world.flow_run(), uuid4()
    assert world.set(run, "RUNNING", transition_id=transition).code == 201
    again = world.set(run, "RUNNING", transition_id=transition)
    assert again.brief == ("REJECT", "This run has already made this state transition.", 200)
    assert again.state is not None
    assert again.state["id"] == str(world.row(run)["state_id"])


@pytest.mark.parametrize("kind", ["CANCELLING", "PAUSED", "CRASHED"])
def test_ended_run_is_not_stopped_again(world: World, kind: str) -> None:
    run = world.flow_run("FAILED")
    assert world.set(run, kind).brief == ("ABORT", "Run is already in terminal state FAILED.", 200)


def test_run_with_a_stored_result_is_not_run_again(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "COMPLETED", data=PERSISTED)
    assert world.set(run, "RUNNING").brief == ("REJECT", "Run is already COMPLETED.", 200)
    assert world.set(run, "RUNNING", force=True).code == 201


def test_stored_result_is_kept_even_by_force(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "COMPLETED", data=PERSISTED)
    lost = "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not."
    for force in (False, True):
        assert world.set(run, "COMPLETED", data={"type": "unpersisted"}, force=force).brief == ("REJECT", lost, 200)
    assert world.set(run, "COMPLETED", data={"type": "other"}).code == 201


def test_run_without_a_stored_result_can_be_run_again(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "COMPLETED", data={"type": "unpersisted"})
    assert world.row(run)["state"]["data"] is None
    assert world.set(run, "RUNNING").status == "ACCEPT"
    assert world.row(run)["run_count"] == 2


def test_only_runs_of_deployments_are_rescheduled(world: World) -> None:
    refused = world.set(world.flow_run("FAILED"), "SCHEDULED")
    assert refused.brief == ("ABORT", "Cannot reschedule a run without an associated deployment.", 200)
    run = world.flow_run("FAILED", deployment_id=world.deployment(), empirical_policy={"pause_keys": ["a"]})
    assert world.set(run, "SCHEDULED").status == "ACCEPT"
    policy = world.row(run)["empirical_policy"]
    assert (policy["pause_keys"], policy["retry_type"]) == ([], "reschedule")


def test_pauses_are_kept_if_a_later_rule_rejects(world: World) -> None:
    run = world.flow_run("CANCELLED", empirical_policy={"pause_keys": ["a"]})
    refused = world.set(run, "PENDING")
    assert refused.brief == ("ABORT", "This run is in a CANCELLED state and cannot transition to a PENDING state.", 200)
    assert world.row(run)["empirical_policy"]["pause_keys"] == ["a"]


def test_cancelling_run_ends_as_cancelled(world: World) -> None:
    run = world.flow_run("CANCELLING")
    reason = "Cannot transition flows that are cancelling to a state other than Cancelled."
    assert world.set(run, "RUNNING").brief == ("REJECT", reason, 200)
    assert world.set(run, "CANCELLED").status == "ACCEPT"


def test_scheduled_run_without_a_process_is_cancelled_at_once(world: World) -> None:
    run = world.flow_run("SCHEDULED")
    done = world.set(run, "CANCELLING", force=True)
    assert done.brief == ("REJECT", "Scheduled flow run has no infrastructure to terminate.", 201)
    assert world.states(run)[-1] == ("CANCELLED", "Cancelled")


def test_suspended_run_is_cancelled_at_once_but_not_a_paused_one(world: World) -> None:
    suspended, paused = (world.flow_run("RUNNING", deployment_id=world.deployment()) for _ in range(2))
    world.set(suspended, "PAUSED", name="Suspended", pause_reschedule=True)
    world.set(paused, "PAUSED")
    done = world.set(suspended, "CANCELLING")
    assert done.brief == ("REJECT", "Suspended flow run has no infrastructure to terminate.", 201)
    assert world.set(paused, "CANCELLING").kind == "CANCELLING"


@pytest.mark.parametrize("kind", ["PENDING", "CANCELLING", "RUNNING", "CANCELLED"])
def test_run_becomes_pending_once(world: World, kind: str) -> None:
    reason = f"This run is in a {kind} state and cannot transition to a PENDING state."
    if kind == "CANCELLING":
        reason = "Cannot transition flows that are cancelling to a state other than Cancelled."
    assert world.set(world.flow_run(kind), "PENDING").reason == reason


def test_pending_run_can_be_renamed_and_keeps_its_time(world: World) -> None:
    moment = in_seconds(60)
    run = world.flow_run(state={"type": "SCHEDULED", "state_details": {"scheduled_time": moment}})
    world.set(run, "PENDING")
    assert world.set(run, "PENDING", name="Submitting").status == "ACCEPT"
    assert world.set(run, "PENDING", name="Submitting").status == "ABORT"
    assert world.set(run, "PENDING", name="Pending").status == "ABORT"
    assert world.row(run)["state"]["state_details"]["scheduled_time"] == moment


def test_only_scheduled_runs_become_late_once(world: World) -> None:
    run = world.flow_run("SCHEDULED")
    assert world.set(run, "SCHEDULED", name="Late").status == "ACCEPT"
    assert world.set(run, "SCHEDULED", name="Late").reason == "This flow run is already marked late."
    running = world.set(world.flow_run("RUNNING"), "SCHEDULED", name="Late")
    assert running.brief == ("REJECT", "Only scheduled flows can be marked late.", 200)


def test_run_pauses_once_for_each_key(world: World) -> None:
    run = world.flow_run("RUNNING")
    assert world.set(run, "PAUSED", pause_key="a").status == "ACCEPT"
    world.set(run, "RUNNING")
    assert world.set(run, "PAUSED", pause_key="a").brief == ("REJECT", "This pause has already fired.", 200)
    again = world.set(run, "PAUSED", name="Suspended", pause_key="a")
    assert again.reason == "This suspend has already fired."
    world.set(run, "PAUSED")
    assert len(world.row(run)["empirical_policy"]["pause_keys"]) == 2


def test_only_running_runs_pause(world: World) -> None:
    refused = world.set(world.flow_run(), "PAUSED")
    assert refused.brief == ("REJECT", "Cannot pause flows that are not currently running.", 200)


def test_run_is_suspended_if_it_can_be_started_again(world: World) -> None:
    alone = world.flow_run("RUNNING")
    refused = world.set(alone, "PAUSED", name="Suspended", pause_reschedule=True)
    assert refused.brief == ("ABORT", "Cannot suspend flows without a deployment.", 200)
    parent = world.task_run("RUNNING")
    subflow = world.flow_run("RUNNING", parent_task_run_id=parent, deployment_id=world.deployment())
    assert world.set(subflow, "PAUSED", pause_reschedule=True).reason == "Cannot pause subflows."


def test_resumed_run_is_not_counted_again(world: World) -> None:
    run = world.flow_run("RUNNING", deployment_id=world.deployment())
    world.set(run, "PAUSED", pause_reschedule=True)
    world.set(run, "SCHEDULED")
    assert world.row(run)["empirical_policy"]["resuming"] is True
    assert world.set(run, "RUNNING").status == "ACCEPT"
    row = world.row(run)
    assert (row["run_count"], row["empirical_policy"]["resuming"]) == (1, False)


def test_run_resumed_without_schedule_is_counted_and_resuming_until_its_next_start(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "PAUSED")
    assert world.set(run, "RUNNING").status == "ACCEPT"
    row = world.row(run)
    assert (row["run_count"], row["empirical_policy"]["resuming"]) == (2, True)
    world.set(run, "COMPLETED")
    assert world.row(run)["empirical_policy"]["resuming"] is False


def test_clients_older_than_pauses_count_every_start(world: World) -> None:
    run = world.flow_run("RUNNING", empirical_policy={"resuming": True})
    assert world.row(run)["run_count"] == 0
    world.set(run, "RUNNING", headers=BEFORE_PAUSES)
    world.set(run, "RUNNING", headers=BEFORE_PAUSES)
    assert world.row(run)["run_count"] == 2


def test_paused_run_does_not_become_pending(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "PAUSED")
    reason = "This run cannot transition to the StateType.PENDING state from the StateType.PAUSED state."
    assert world.set(run, "PENDING").brief == ("REJECT", reason, 200)


def test_paused_run_fails_after_its_timeout(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "PAUSED", pause_timeout=in_seconds(-1))
    done = world.set(run, "RUNNING")
    assert done.brief == ("REJECT", "The flow run pause has timed out and can no longer resume.", 201)
    assert done.state is not None
    assert (done.kind, done.state["message"]) == ("FAILED", "The flow was running and never resumed.")


def test_suspended_run_without_a_deployment_is_not_resumed(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "PAUSED", pause_reschedule=True, force=True)
    reason = "Cannot reschedule a running flow run without a deployment."
    assert world.set(run, "RUNNING").brief == ("REJECT", reason, 200)


def test_run_scheduled_from_a_pause_starts_again(world: World) -> None:
    run = world.flow_run("RUNNING", deployment_id=world.deployment())
    world.set(run, "PAUSED", pause_key="a")
    world.set(run, "SCHEDULED")
    policy = world.row(run)["empirical_policy"]
    assert (policy["pause_keys"], policy["resuming"], policy["retry_type"]) == ([], False, "reschedule")


def test_resume(world: World) -> None:
    run = world.flow_run("RUNNING", deployment_id=world.deployment())
    assert world.resume(run).brief == ("ABORT", "Cannot resume a flow run that is not paused.", 200)
    world.set(run, "PAUSED")
    assert world.resume(run).kind == "RUNNING"
    world.set(run, "PAUSED", name="Suspended", pause_reschedule=True)
    assert world.resume(run).kind == "SCHEDULED"
    assert world.states(run)[-1] == ("SCHEDULED", "Resuming")


SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'


def test_run_waiting_for_input_is_resumed_with_valid_input(world: World) -> None:
    run = world.flow_run("RUNNING")
    keyset = {"schema": "a-schema", "response": "a-response"}
    world.set(run, "PAUSED", run_input_keyset=keyset)
    assert world.resume(run).brief == ("REJECT", "Run input schema not found.", 200)
    world.call("flow_run_inputs.create_flow_run_input", id=run, key="a-schema", value=SCHEMA, sender=None)
    missing = "Reason: Validation failed. Failure reason: 'n' is a required property"
    assert world.resume(run).brief == ("REJECT", missing, 200)
    wrong = "Reason: Validation failed for field 'n'. Failure reason: 'x' is not of type 'integer'"
    assert world.resume(run, {"n": "x"}).reason == wrong
    unknown = {"n": {"__prefect_kind": "workspace_variable", "variable_name": "none"}}
    reason = "Error hydrating run input: Variable 'none' not found in workspace."
    assert world.resume(run, unknown).reason == reason
    assert world.resume(run, {"n": 2}).status == "ACCEPT"
    answer, _ = world.call("flow_run_inputs.filter_flow_run_input", id=run, prefix="", limit=9, exclude_keys=[])
    assert {each["key"]: each["value"] for each in answer} == {"a-schema": SCHEMA, "a-response": '{"n":2}'}


def test_input_of_an_earlier_pause_is_deleted(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.call("flow_run_inputs.create_flow_run_input", id=run, key="a-response", value="{}", sender=None)
    world.set(run, "PAUSED", run_input_keyset={"schema": "a-schema", "response": "a-response"})
    assert not world.workspace["flow_run_inputs"].live


def test_pending_run_keeps_its_scheduled_time_and_waits_for_it(world: World) -> None:
    moment = in_seconds(100)
    run = world.flow_run(state={"type": "SCHEDULED", "state_details": {"scheduled_time": moment}})
    early = world.set(run, "RUNNING")
    assert early.brief == ("WAIT", "Scheduled time is in the future", 200)
    assert early.seconds is not None
    assert 0 < early.seconds <= 100
    world.set(run, "PENDING")
    assert world.row(run)["state"]["state_details"]["scheduled_time"] == moment
    assert world.set(run, "RUNNING").status == "WAIT"
    assert world.set(run, "RUNNING", force=True).status == "ACCEPT"


@pytest.mark.parametrize(("delay", "seconds"), [(60.95, 61), (60.45, 60)])
def test_wait_is_in_whole_seconds(world: World, delay: float, seconds: int) -> None:
    run = world.flow_run(state={"type": "SCHEDULED", "state_details": {"scheduled_time": in_seconds(delay)}})
    assert world.set(run, "RUNNING").seconds == seconds


def test_failed_run_is_retried(world: World) -> None:
    run = world.flow_run("RUNNING", empirical_policy={"retries": 1, "retry_delay": 60, "pause_keys": ["a"]})
    done = world.set(run, "FAILED", message="Why")
    assert done.brief == ("REJECT", "Retrying", 201)
    assert done.state is not None
    assert (done.kind, done.state["name"], done.state["message"]) == ("SCHEDULED", "AwaitingRetry", "Why")
    row = world.row(run)
    assert row["next_scheduled_start_time"] > in_seconds(30)
    assert (row["empirical_policy"]["retry_type"], row["empirical_policy"]["pause_keys"]) == ("in_process", [])
    assert world.set(run, "RUNNING").status == "WAIT"
    world.set(run, "RUNNING", force=True)
    assert world.set(run, "FAILED").status == "ACCEPT"
    assert world.row(run)["empirical_policy"]["retry_type"] is None


def test_failed_tasks_of_old_clients_wait_for_the_next_attempt(world: World) -> None:
    run = world.flow_run("RUNNING", empirical_policy={"retries": 1})
    failed, done = world.task_run("RUNNING", run), world.task_run("RUNNING", run)
    world.task(failed, "FAILED")
    world.task(done, "COMPLETED")
    world.set(run, "FAILED", headers={**CLIENT, b"x-prefect-api-version": b"0.8.2"})
    row = world.task_row(failed)
    assert (row["state_name"], row["run_count"]) == ("AwaitingRetry", 0)
    assert world.task_row(done)["state_name"] == "Completed"


def test_newer_clients_retry_failed_tasks_themselves(world: World) -> None:
    run = world.flow_run("RUNNING", empirical_policy={"retries": 1})
    failed = world.task_run("RUNNING", run)
    world.task(failed, "FAILED")
    assert world.set(run, "FAILED", headers=BEFORE_PAUSES).reason == "Retrying"
    assert world.task_row(failed)["state_name"] == "Failed"


def test_delay_beyond_the_last_time_is_limited(world: World) -> None:
    run = world.flow_run("RUNNING", empirical_policy={"retries": 1, "retry_delay": 10**13})
    assert world.set(run, "FAILED").reason == "Retrying"
    assert world.row(run)["next_scheduled_start_time"].year == 9999


def test_many_runs_are_set_at_once(world: World) -> None:
    runs = [world.flow_run("RUNNING"), world.flow_run("CANCELLING")]
    every = world._api.operations["flow_runs.bulk_set_flow_run_state"].reader.body
    assert every is not None
    arguments = every.read({"state": {"type": "COMPLETED"}})
    results, _ = world.call("flow_runs.bulk_set_flow_run_state", **arguments)
    statuses = {result["flow_run_id"]: result["status"] for result in results["results"]}
    assert statuses == {str(runs[0]): "ACCEPT", str(runs[1]): "REJECT"}
    assert [result["flow_run_id"] for result in results["results"]] == sorted(map(str, runs), reverse=True)
