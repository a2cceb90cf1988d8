"""Work pools, queues and workers: what their handlers do beyond the contract."""

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import httpx
import pytest


@pytest.fixture
def pool(scratch: httpx.Client) -> str:
    """The name of a new pool."""
    return str(new_pool(scratch)["name"])


def new_pool(api: httpx.Client, **fields: object) -> dict[str, Any]:
    body = {"name": f"pool-{uuid4()}", "type": "process", **fields}
    made: dict[str, Any] = api.post("/work_pools/", json=body).raise_for_status().json()
    return made


def status(api: httpx.Client, pool: str) -> str:
    return str(api.get(f"/work_pools/{pool}").json()["status"])


def priorities(api: httpx.Client, pool: str) -> dict[str, int]:
    queues = api.post(f"/work_pools/{pool}/queues/filter", json={}).json()
    return {queue["name"]: queue["priority"] for queue in queues}


def test_pool_is_created_with_its_default_queue(scratch: httpx.Client) -> None:
    pool = new_pool(scratch)
    queue = scratch.get(f"/work_pools/{pool['name']}/queues/default").json()
    assert (queue["id"], queue["priority"]) == (pool["default_queue_id"], 1)
    assert (queue["work_pool_id"], queue["work_pool_name"]) == (pool["id"], pool["name"])
    refused = scratch.delete(f"/work_pools/{pool['name']}/queues/default")
    assert refused.status_code == 409
    again = scratch.post("/work_pools/", json={"name": pool["name"]})
    assert again.json() == {"detail": "A work pool with this name already exists."}


def test_empty_list_of_prefixes_is_ignored(scratch: httpx.Client, pool: str) -> None:
    """Beside another criterion, `or_` leaves that one alone, while an empty filter is met by every row."""
    other, path = str(uuid4()), f"/work_pools/{pool}/queues/filter"
    for name, count in (({"startswith_": []}, 0), ({"startswith_": ["def"]}, 1), ({}, 1)):
        either = {"operator": "or_", "id": {"any_": [other]}, "name": name}
        assert len(scratch.post(path, json={"work_queues": either}).json()) == count
    for beside in ({}, {"any_": ["default"]}):
        name = {"startswith_": [], **beside}
        assert len(scratch.post(path, json={"work_queues": {"name": name}}).json()) == 1


def test_names_that_begin_with_prefect_are_reserved(scratch: httpx.Client) -> None:
    statuses = [
        scratch.post("/work_pools/", json={"name": "Prefect-mine"}).status_code,
        scratch.patch("/work_pools/prefect-mine", json={"description": "mine"}).status_code,
        scratch.patch("/work_pools/prefect-mine", json={"is_paused": True}).status_code,
        scratch.delete("/work_pools/PREFECT").status_code,
    ]
    assert statuses == [403, 403, 404, 403]


def test_status_of_a_pool_depends_on_its_workers(scratch: httpx.Client, pool: str) -> None:
    seen = [status(scratch, pool)]
    for paused in (True, False):
        scratch.patch(f"/work_pools/{pool}", json={"is_paused": paused}).raise_for_status()
        seen.append(status(scratch, pool))
    scratch.post(f"/work_pools/{pool}/workers/heartbeat", json={"name": "w"}).raise_for_status()
    seen.append(status(scratch, pool))
    for paused in (True, False):
        scratch.patch(f"/work_pools/{pool}", json={"is_paused": paused}).raise_for_status()
        seen.append(status(scratch, pool))
    assert seen == ["NOT_READY", "PAUSED", "NOT_READY", "READY", "PAUSED", "READY"]
    assert new_pool(scratch, is_paused=True)["status"] == "PAUSED"
    assert new_pool(scratch, is_paused=True, type="prefect-agent")["status"] is None


def test_heartbeat_keeps_a_worker_online(scratch: httpx.Client, pool: str) -> None:
    def beat(**fields: object) -> dict[str, Any]:
        scratch.post(f"/work_pools/{pool}/workers/heartbeat", json={"name": "w", **fields}).raise_for_status()
        (worker,) = scratch.post(f"/work_pools/{pool}/workers/filter", json={}).json()
        return dict(worker)

    first, second = beat(heartbeat_interval_seconds=7), beat()
    assert (first["id"], first["status"], second["heartbeat_interval_seconds"]) == (second["id"], "ONLINE", 7)
    assert second["last_heartbeat_time"] > first["last_heartbeat_time"]
    statuses = [scratch.delete(f"/work_pools/{pool}/workers/w").status_code for _ in range(2)]
    assert statuses == [204, 404]


def test_priorities_of_queues_differ(scratch: httpx.Client, pool: str) -> None:
    def post(name: str, **fields: object) -> None:
        scratch.post(f"/work_pools/{pool}/queues", json={"name": name, **fields}).raise_for_status()

    post("second")
    post("first", priority=1)
    assert priorities(scratch, pool) == {"first": 1, "default": 2, "second": 3}
    post("far", priority=9)
    post("between")
    assert priorities(scratch, pool) == {"first": 1, "default": 2, "second": 3, "between": 4, "far": 9}
    scratch.patch(f"/work_pools/{pool}/queues/far", json={"priority": 2}).raise_for_status()
    assert priorities(scratch, pool) == {"first": 1, "far": 2, "default": 3, "second": 4, "between": 5}
    again = scratch.post(f"/work_pools/{pool}/queues", json={"name": "far"})
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "A work queue with this name already exists in work pool {work_pool_name!r}.",
    )


def test_resumed_queue_is_ready_if_it_was_polled_lately(scratch: httpx.Client, pool: str) -> None:
    path, seen = f"/work_pools/{pool}/queues/default", []
    polled = datetime.now(timezone.utc).isoformat()
    for change in ({"is_paused": True}, {"is_paused": False}, {"is_paused": True, "last_polled": polled}):
        scratch.patch(path, json=change).raise_for_status()
        seen.append(scratch.get(path).json()["status"])
    scratch.patch(path, json={"is_paused": False}).raise_for_status()
    assert [*seen, scratch.get(path).json()["status"]] == ["PAUSED", "NOT_READY", "PAUSED", "READY"]


def test_slots_are_counted_where_there_is_a_limit(scratch: httpx.Client) -> None:
    pools = {pool["name"]: pool for pool in scratch.post("/work_pools/filter", json={}).json()}
    for name, pool in pools.items():
        if name.lower().startswith("prefect"):
            continue
        states = {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}
        body = {"flow_runs": states, "work_pools": {"id": {"any_": [pool["id"]]}}}
        scratch.patch(f"/work_pools/{name}", json={"concurrency_limit": 3}).raise_for_status()
        shown = scratch.get(f"/work_pools/{name}").json()
        assert shown["active_slots"] == scratch.post("/flow_runs/count", json=body).json()
        scratch.patch(f"/work_pools/{name}", json={"concurrency_limit": None}).raise_for_status()
        assert scratch.get(f"/work_pools/{name}").json()["active_slots"] is None


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"job_configuration": {"a": 1}}, "must contain both"),
        ({"job_configuration": {"a": "{{ b }}-{{c}}"}, "variables": {"properties": {"b": {}}}}, "variable(s): c."),
        *(
            ({"job_configuration": {"a": "{{ b }}"}, "variables": {"properties": properties}}, "variable(s): b.")
            for properties in (None, 5, True, "b", [], ["b"])
        ),
        ({"job_configuration": {"a": ["{{ b }}"]}, "variables": {"properties": {"b": {}}}}, None),
        ({"job_configuration": {"a": ["{{ b }}"]}, "variables": {"properties": {"b": True}}}, None),
        ({}, None),
    ],
)
def test_variables_of_a_template_are_declared(scratch: httpx.Client, template: object, message: str | None) -> None:
    response = scratch.post("/work_pools/", json={"name": f"pool-{uuid4()}", "base_job_template": template})
    if message is None:
        assert response.status_code == 201
    else:
        (error,) = response.json()["exception_detail"]
        assert (error["loc"], error["type"]) == (["body", "base_job_template"], "value_error")
        assert message in error["msg"]


def test_name_of_quotes_is_blank(scratch: httpx.Client) -> None:
    (error,) = scratch.post("/work_pools/", json={"name": " '\" "}).json()["exception_detail"]
    assert error["msg"] == "Value error, name cannot be an empty string"


def test_queue_without_a_pool_is_in_the_pool_for_agents(scratch: httpx.Client) -> None:
    made = scratch.post("/work_queues/", json={"name": "by id"}).raise_for_status().json()
    assert made["work_pool_name"] == "default-agent-pool"
    assert scratch.get("/work_queues/name/by id").json() == scratch.get(f"/work_queues/{made['id']}").json() == made
    again = scratch.post("/work_queues/", json={"name": "by id"})
    assert again.json() == {"detail": "A work queue with this name already exists."}
    default = scratch.get("/work_queues/name/default").json()
    assert scratch.delete(f"/work_queues/{default['id']}").status_code == 409
    assert scratch.delete(f"/work_queues/{made['id']}").status_code == 204
    assert scratch.get(f"/work_queues/{made['id']}").json() == {"detail": "work queue not found"}


def test_queues_of_one_name_are_in_order_of_creation_after_a_delete(own: httpx.Client) -> None:
    for name in ("d", "a", "c"):
        own.post("/work_pools/", json={"name": name, "type": "process"}).raise_for_status()
    own.delete("/work_pools/d").raise_for_status()
    for name in ("b", "d"):
        own.post("/work_pools/", json={"name": name, "type": "process"}).raise_for_status()
    queues = own.post("/work_queues/filter", json={}).raise_for_status().json()
    pools = [queue["work_pool_name"] for queue in queues if queue["name"] == "default"]
    assert pools[-4:] == ["a", "c", "b", "d"]


def test_queue_with_a_filter_counts_its_selected_runs(scratch: httpx.Client) -> None:
    states = {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}, "deployment_id": {"is_null_": False}}
    for tags in ([], ["prod"]):
        fields = {"name": f"chooses {tags}", "concurrency_limit": 1, "filter": {"tags": tags}}
        made = scratch.post("/work_queues/", json=fields).raise_for_status().json()
        body = {"flow_runs": {**states, "tags": {"all_": tags}}}
        assert made["filter"] == {"tags": tags, "deployment_ids": None}
        shown = scratch.get(f"/work_queues/{made['id']}").json()
        assert shown["active_slots"] == scratch.post("/flow_runs/count", json=body).json()


@pytest.mark.parametrize("name", ["", "a/b"])
def test_queue_cannot_get_a_name_that_a_real_server_fails_on(scratch: httpx.Client, pool: str, name: str) -> None:
    made = scratch.post(f"/work_pools/{pool}/queues", json={"name": "named"}).json()
    assert scratch.patch(f"/work_queues/{made['id']}", json={"name": name}).status_code == 422
    assert scratch.patch(f"/work_pools/{pool}/queues/named", json={"name": name}).status_code == 422


def test_defaults_of_a_template_are_checked(scratch: httpx.Client) -> None:
    def create(default: object) -> httpx.Response:
        variables = {"type": "object", "properties": {"cpu": {"type": "integer", "default": default}}}
        template = {"job_configuration": {"cpu": "{{ cpu }}"}, "variables": variables}
        return scratch.post("/work_pools/", json={"name": f"pool-{uuid4()}", "base_job_template": template})

    assert create(1).status_code == 201
    refused, missing = create("many"), create({"$ref": {"block_document_id": str(uuid4())}})
    assert (refused.status_code, missing.status_code) == (422, 404)
    assert refused.json()["detail"].startswith("Validation failed for work pool's job variable defaults: ")
    references: list[object] = ["a block", 5, None, []]
    for reference in references:
        no_reference = create({"$ref": reference})
        assert no_reference.status_code == 422
        assert no_reference.json()["detail"] == 'The "$ref" of a default must be an object with a block_document_id.'


@pytest.mark.parametrize(
    ("agent", "is_shown"),
    [
        ("prefect/3.3.7 (API 0.8.4)", False),
        ("prefect/3.3.7rc1 (API 0.8.4)", False),
        ("prefect/2.20.0 (API 0.8.4)", False),
        ("prefect/3.3.7+3.gabc (API 0.8.4)", True),
        ("prefect/3.3.8 (API 0.8.4)", True),
        ("python-httpx/0.28", True),
    ],
)
def test_field_unknown_to_old_clients_is_not_sent_to_them(scratch: httpx.Client, agent: str, is_shown: bool) -> None:
    name, headers = f"pool-{uuid4()}", {"user-agent": agent}
    shown = [
        scratch.post("/work_pools/", json={"name": name}, headers=headers).json(),
        scratch.get(f"/work_pools/{name}", headers=headers).json(),
        *scratch.post("/work_pools/filter", json={"work_pools": {"name": {"any_": [name]}}}, headers=headers).json(),
    ]
    assert len(shown) == 3
    assert [("default_result_storage_block_id" in pool["storage_configuration"]) for pool in shown] == [is_shown] * 3


def test_queue_named_twice_is_polled_once(scratch: httpx.Client, pool: str) -> None:
    flow = scratch.post("/flows/", json={"name": f"flow-{uuid4()}"}).json()["id"]
    scratch.post("/flow_runs/", json={"flow_id": flow, "work_pool_name": pool, "state": {"type": "SCHEDULED"}})
    names = {"work_queue_names": ["default", "default"]}
    assert len(scratch.post(f"/work_pools/{pool}/get_scheduled_flow_runs", json=names).json()) == 1


def test_only_a_boolean_marks_requests_of_the_ui(scratch: httpx.Client, pool: str) -> None:
    queue = scratch.get(f"/work_pools/{pool}").json()["default_queue_id"]
    answers = [
        scratch.post(f"/work_queues/{queue}/get_runs", json={}, headers={"x-prefect-ui": flag})
        for flag in ("maybe", "true", "Off")
    ]
    assert [answer.status_code for answer in answers] == [422, 200, 200]
    assert answers[0].json()["exception_detail"][0]["loc"] == ["header", "x-prefect-ui"]
    assert answers[0].json()["request_body"] == {}
