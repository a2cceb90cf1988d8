"""The changes of a run by each new state."""

from datetime import timedelta

from tests.orchestration.world import World, in_seconds


def test_times_and_counts_of_a_run(world: World) -> None:
    run = world.flow_run()
    first = world.row(run)
    assert first["expected_start_time"] == first["state_timestamp"] == first["state"]["timestamp"]
    assert (first["start_time"], first["end_time"], first["run_count"]) == (None, None, 0)
    world.set(run, "RUNNING")
    running = world.row(run)
    assert (running["run_count"], running["start_time"]) == (1, running["state_timestamp"])
    assert running["expected_start_time"] == first["expected_start_time"]
    world.set(run, "COMPLETED")
    done = world.row(run)
    assert (done["end_time"], done["start_time"]) == (done["state_timestamp"], running["start_time"])
    assert done["total_run_time"] == (done["end_time"] - done["start_time"]).total_seconds() > 0
    assert (done["state_type"], done["state_name"], done["state_id"]) == ("COMPLETED", "Completed", done["state"]["id"])
    world.set(run, "RUNNING")
    again = world.row(run)
    assert (again["end_time"], again["run_count"], again["start_time"]) == (None, 2, running["start_time"])


def test_run_that_ends_without_running_has_a_start_time(world: World) -> None:
    row = world.row(world.flow_run("CRASHED"))
    assert row["start_time"] == row["end_time"] == row["state_timestamp"]


def test_scheduled_time_is_that_of_the_next_start(world: World) -> None:
    moment = in_seconds(500)
    run = world.flow_run(state={"type": "SCHEDULED", "state_details": {"scheduled_time": moment}})
    assert world.row(run)["expected_start_time"] == world.row(run)["next_scheduled_start_time"] == moment
    world.set(run, "PENDING")
    assert world.row(run)["next_scheduled_start_time"] is None
    assert world.row(run)["expected_start_time"] == moment


def test_rejected_state_does_not_change_the_row(world: World) -> None:
    run = world.flow_run()
    before = world.row(run)
    world.set(run, "PENDING")
    assert world.row(run) == before


def test_state_names_its_runs(world: World) -> None:
    flow_run = world.flow_run("RUNNING")
    task_run = world.task_run("RUNNING", flow_run)
    assert world.row(flow_run)["state"]["state_details"]["flow_run_id"] == flow_run
    details = world.task_row(task_run)["state"]["state_details"]
    assert (details["flow_run_id"], details["task_run_id"]) == (flow_run, task_run)


def test_task_run_of_a_subflow_has_its_states(world: World) -> None:
    parent = world.task_run("PENDING", world.flow_run("RUNNING"))
    subflow = world.flow_run("PENDING", parent_task_run_id=parent)
    world.set(subflow, "RUNNING")
    world.set(subflow, "FAILED", message="Why")
    assert world.task_states(parent) == [
        (kind, kind.capitalize()) for kind in ("PENDING", "PENDING", "RUNNING", "FAILED")
    ]
    row = world.task_row(parent)
    details = row["state"]["state_details"]
    assert (row["run_count"], row["state"]["message"]) == (1, "Why")
    assert (details["child_flow_run_id"], details["task_run_id"]) == (subflow, parent)
    assert world.row(subflow)["state"]["state_details"]["task_run_id"] == parent


def test_result_becomes_an_artifact(world: World) -> None:
    run = world.flow_run("RUNNING")
    data = {"type": "reference", "artifact_key": "res", "artifact_type": "result", "artifact_description": "It"}
    done = world.set(run, "COMPLETED", data=data)
    assert done.state is not None
    assert done.state["data"] == world.row(run)["state"]["data"] == {"type": "reference"}
    (artifact,) = map(world.workspace["artifacts"].values, world.workspace["artifacts"].live)
    assert (artifact["key"], artifact["type"], artifact["description"]) == ("res", "result", "It")
    assert (artifact["data"], artifact["flow_run_id"]) == ({"type": "reference"}, run)


def test_latest_artifact_keeps_fields_that_a_later_result_omits(world: World) -> None:
    data = {"type": "reference", "artifact_key": "res", "artifact_type": "result", "artifact_description": "It"}
    world.set(world.flow_run("RUNNING"), "COMPLETED", data=data)
    run = world.flow_run("RUNNING")
    world.set(run, "COMPLETED", data={"storage_key": "k", "artifact_key": "res", "artifact_description": "Other"})
    collections = world.workspace["artifact_collections"]
    (latest,) = map(collections.values, collections.live)
    assert (latest["type"], latest["description"]) == ("result", "Other")
    assert (latest["data"], latest["flow_run_id"]) == ({"storage_key": "k"}, run)
    (artifact,) = (
        row
        for row in map(world.workspace["artifacts"].values, world.workspace["artifacts"].live)
        if row["id"] == latest["latest_id"]
    )
    assert artifact["type"] is None


def test_unstored_result_is_only_in_the_response(world: World) -> None:
    run = world.flow_run("RUNNING")
    done = world.set(run, "COMPLETED", data={"type": "unpersisted"})
    assert done.state is not None
    assert done.state["data"] == {"type": "unpersisted"}
    assert world.row(run)["state"]["data"] is None
    assert not world.workspace["artifacts"].live


def test_loaded_state_is_kept(world: World) -> None:
    first = world.row(world.flow_run("RUNNING"))
    world.workspace["flow_run_states"].delete(next(iter(world.workspace["flow_run_states"].live)))
    world.set(first["id"], "COMPLETED")
    assert world.states(first["id"]) == [("RUNNING", "Running"), ("COMPLETED", "Completed")]


def test_states_of_a_run_have_different_times(world: World) -> None:
    first = world.row(world.flow_run("PENDING"))
    moment = first["state_timestamp"]
    for kind in ("RUNNING", "COMPLETED"):
        world.set_at(first["id"], kind, moment)
    moments = [state["timestamp"] for state in world.state_rows(first["id"])]
    assert moments == [moment + timedelta(microseconds=number) for number in range(3)]
    assert world.row(first["id"])["end_time"] == moments[2]
