"""Loaded rows that no request would create (`tests/unusual_rows.py`), as a real server shows them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import unusual_rows
from tests.conftest import Keeping
from tests.servers import stand_in
from tests.unusual_rows import DEPLOYMENT, QUEUE, RUN, WRITES, id_of


@pytest.fixture(scope="module")
def loaded(keeping: Keeping, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with stand_in(unusual_rows.write(tmp_path_factory.mktemp("unusual") / "set"), *keeping()) as api:
        yield api


def read(api: httpx.Client, path: str) -> Any:
    return api.get(path).raise_for_status().json()


def test_objects_of_rows_have_all_fields(loaded: httpx.Client) -> None:
    deployment, run = read(loaded, f"/deployments/{DEPLOYMENT}"), read(loaded, f"/flow_runs/{RUN}")
    assert deployment["concurrency_options"] == {"collision_strategy": "ENQUEUE", "grace_period_seconds": None}
    assert deployment["created_by"] == {"id": None, "type": "USER", "display_value": None}
    assert deployment["updated_by"] == {"id": None, "type": None, "display_value": None}
    assert run["created_by"] == {"id": None, "type": None, "display_value": "me"}
    assert read(loaded, f"/work_queues/{QUEUE}")["filter"] == {"tags": ["a"], "deployment_ids": None}


def test_run_is_loaded_with_the_former_names_of_its_policy(loaded: httpx.Client) -> None:
    policy = read(loaded, f"/flow_runs/{RUN}")["empirical_policy"]
    assert policy["retries"] == 1
    assert repr(policy["retry_delay"]) == "10"


def test_deployments_and_flow_runs_without_labels_have_none(loaded: httpx.Client) -> None:
    assert read(loaded, f"/deployments/{DEPLOYMENT}")["labels"] == {}
    assert read(loaded, f"/flow_runs/{RUN}")["labels"] == {}


def test_number_in_a_state_is_stored_as_an_integer(loaded: httpx.Client) -> None:
    for state in (read(loaded, f"/flow_runs/{RUN}")["state"], read(loaded, f"/flow_run_states/{id_of(55)}")):
        assert repr(state["data"]) == "10000000000000000"


def test_schedules_of_the_same_time_are_in_the_order_of_their_rows(loaded: httpx.Client) -> None:
    expected = [id_of(7, number) for number in (2, 0, 1)]
    assert [each["id"] for each in read(loaded, f"/deployments/{DEPLOYMENT}/schedules")] == expected
    assert [each["id"] for each in read(loaded, f"/deployments/{DEPLOYMENT}")["schedules"]] == expected


def test_schedules_of_rows_are_written_as_those_of_requests(loaded: httpx.Client) -> None:
    schedules = read(loaded, f"/deployments/{id_of(4, 1)}/schedules")
    assert [repr(each["schedule"]) for each in reversed(schedules)] == [
        "{'cron': '0 0 * * *', 'timezone': None, 'day_or': False}",
        "{'interval': 60.0, 'anchor_date': '2025-01-01T00:00:00+02:00', 'timezone': 'UTC'}",
        "{'interval': 3e-06, 'anchor_date': '2025-01-01T00:00:00Z', 'timezone': 'UTC'}",
        "{'interval': 3600.0, 'anchor_date': '2025-01-01T00:00:00Z', 'timezone': 'UTC'}",
    ]


def test_run_times_of_rows_are_in_microseconds(loaded: httpx.Client) -> None:
    flow_run, task_run = read(loaded, f"/flow_runs/{id_of(5, 10)}"), read(loaded, f"/task_runs/{id_of(6, 20)}")
    assert (flow_run["total_run_time"], task_run["total_run_time"]) == (3.3, 0.3)


def test_next_run_is_the_newest_of_those_expected_last(loaded: httpx.Client) -> None:
    flow = id_of(1, 1)
    found = loaded.post("/ui/flows/next-runs", json={"flow_ids": [flow]}).raise_for_status().json()
    assert found[flow]["id"] == id_of(5, 2)


def test_events_of_a_pool_show_its_whole_storage_configuration(loaded: httpx.Client) -> None:
    before: dict[str, Any] = {
        "bundle_upload_step": None,
        "bundle_execution_step": {},
        "default_result_storage_block_id": None,
    }
    after = {**before, "bundle_upload_step": {"a": 1}}
    configurations: list[dict[str, Any]] = [{"bundle_execution_step": {}}, after]
    for configuration in configurations:
        body = {"storage_configuration": configuration}
        loaded.patch("/work_pools/pool", json=body).raise_for_status()
    wanted = {"filter": {"event": {"name": ["prefect.work-pool.updated"]}}}
    (event,) = loaded.post("/events/filter", json=wanted).raise_for_status().json()["events"]
    assert event["payload"]["updates"] == {"storage_configuration": {"from": before, "to": after}}


def test_runs_that_are_refused_create_their_queues(loaded: httpx.Client) -> None:
    names = [
        {each["name"] for each in sent}
        for method, path, body in WRITES
        if isinstance(sent := loaded.request(method, path, json=body).raise_for_status().json(), list)
    ]
    assert names == [{"default", "refused"}, {"default", "refused"}]


def test_nodes_of_the_same_times_are_in_the_order_of_their_keys(loaded: httpx.Client) -> None:
    graph = read(loaded, f"/flow_runs/{RUN}/graph-v2")
    nodes = dict(graph["nodes"])
    assert [*nodes] == [id_of(6, number) for number in (3, 2, 4, 1, 0)]
    assert [each["id"] for each in nodes[id_of(6)]["children"]] == [id_of(6, number) for number in (3, 2, 4, 1)]


def test_blocks_of_a_type_that_does_not_exist_have_none(loaded: httpx.Client) -> None:
    assert read(loaded, f"/block_documents/{id_of(12, 3)}")["block_type"] is None
    assert read(loaded, f"/block_schemas/{id_of(11, 3)}")["block_type"] is None


def test_definition_of_blocks_with_one_title_is_the_last(loaded: httpx.Client) -> None:
    alone = read(loaded, f"/block_schemas/{id_of(11, 4)}")
    listed = loaded.post("/block_schemas/filter", json={}).raise_for_status().json()
    schemas = alone, next(each for each in listed if each["id"] == id_of(11, 4))
    shown = [each["fields"]["definitions"]["Twin"]["properties"] for each in schemas]
    assert shown == [{"second": {}}, {"first": {}}]
    assert [[*each["fields"]["block_schema_references"]] for each in schemas] == [["b", "a"], ["a", "b"]]


@pytest.mark.parametrize("sort", ["NAME_ASC", "NAME_DESC"])
def test_block_documents_of_the_same_name_are_in_the_order_of_their_rows(loaded: httpx.Client, sort: str) -> None:
    documents = loaded.post("/block_documents/filter", json={"sort": sort}).raise_for_status().json()
    assert [each["id"] for each in documents if each["name"] == "document"] == [
        id_of(12, number) for number in range(3)
    ]


def test_run_times_are_in_order_by_whole_milliseconds(loaded: httpx.Client) -> None:
    for sort, numbers in (("DURATION_DESC", (12, 11, 10)), ("DURATION_ASC", (12, 11, 10))):
        body = {"sort": sort, "task_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        found = loaded.post("/task_runs/filter", json=body).raise_for_status().json()
        assert [each["id"] for each in found] == [id_of(6, number) for number in numbers], sort
