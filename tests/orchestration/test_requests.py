"""Bodies of requests that set states."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.orchestration.world import World
from understudy.errors import ApiError, Conflict
from understudy.operations.api_folder import Api

JSON = (b"content-type", b"application/json")


def read(api: Api, operation: str, body: Any) -> dict[str, Any]:
    scope = {"headers": [JSON], "query_string": b"", "path_params": {"id": uuid4()}}
    return api.operations[operation].reader.read(scope, json.dumps(body).encode())


@pytest.mark.parametrize("operation", ["flow_runs.set_flow_run_state", "flow_runs.bulk_set_flow_run_state"])
def test_state_that_cannot_be_stored_is_rejected(api: Api, operation: str) -> None:
    data = json.loads("[" * 210 + "]" * 210)
    with pytest.raises(ApiError) as refused:
        read(api, operation, {"state": {"type": "COMPLETED", "data": data}})
    assert (refused.value.status, refused.value.body["detail"][:26]) == (422, "The body is nested deeper ")


@pytest.mark.parametrize("delay", ["x", ["x"], {}, [[1]]])
def test_delays_are_numbers(api: Api, delay: object) -> None:
    policy = {"retries": 1, "retry_delay": delay}
    with pytest.raises(ApiError) as refused:
        read(api, "task_runs.create_task_run", {"task_key": "a", "dynamic_key": "0", "empirical_policy": policy})
    places = [error["loc"][2:4] for error in refused.value.body["exception_detail"]]
    assert places == [["retry_delay", kind] for kind in ("int", "float", "list[int]", "list[float]")]


@pytest.mark.parametrize(("value", "keys"), [("5", {}), ("[", {}), ("{}", {"response": "a-schema"})])
def test_invalid_input_is_rejected(world: World, value: str, keys: dict[str, str]) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "PAUSED", run_input_keyset={"schema": "a-schema", **keys})
    world.call("flow_run_inputs.create_flow_run_input", id=run, key="a-schema", value=value, sender=None)
    if keys:
        with pytest.raises(Conflict):
            world.resume(run, {"a": 1})
    else:
        assert world.resume(run, {"a": 1}).reason == "Run input schema is not valid JSON."


def test_pause_for_input_without_keys(world: World) -> None:
    run = world.flow_run("RUNNING")
    world.set(run, "PAUSED", run_input_keyset={"other": "a"})
    assert world.resume(run).reason == "Run input schema not found."


def test_client_version_is_read_from_headers(world: World) -> None:
    run = world.flow_run(empirical_policy={"resuming": True})
    unusual = {b"user-agent": b"prefect/99999999999999999999.1.1 (API \xff)", b"x-prefect-api-version": b"0.8.3"}
    assert world.set(run, "RUNNING", headers=unusual).status == "ACCEPT"
    assert world.row(run)["run_count"] == 1
