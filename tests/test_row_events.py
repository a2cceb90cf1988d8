"""Events that the server emits for resources that are created, updated and deleted."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

ID, NAME, ROLE = "prefect.resource.id", "prefect.resource.name", "prefect.resource.role"
POOL_TYPE = "prefect.work-pool.type"


def created(api: httpx.Client, path: str, **fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = api.post(path, json=fields).raise_for_status().json()
    return row


def events(api: httpx.Client, kind: str, row_id: str | None = None) -> list[dict[str, Any]]:
    """The events of a resource, or of all of a kind, the first one first."""
    prefix = f"prefect.{kind}." + (row_id or "")
    filters = {"resource": {"id_prefix": [prefix]}, "order": "ASC"}
    found = api.post("/events/filter", json={"filter": filters}).raise_for_status().json()["events"]
    return [event for event in found if event["event"].startswith(f"prefect.{kind}.")]


def names(api: httpx.Client, kind: str, row_id: str | None = None) -> list[str]:
    return [event["event"].removeprefix(f"prefect.{kind}.") for event in events(api, kind, row_id)]


PLAIN: list[tuple[str, str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("flow", "/flows/", {"name": "one", "tags": ["a"], "labels": {"b": 1}}, {"tags": []}, ["name", "tags", "labels"]),
    ("variable", "/variables/", {"name": "one", "value": {"a": 1}}, {"value": 2}, ["name", "value", "tags"]),
    (
        "concurrency-limit", "/v2/concurrency_limits/", {"name": "one", "limit": 2}, {"limit": 3},
        ["name", "limit", "active", "slot_decay_per_second"],
    ),
    (
        "block-type", "/block_types/", {"name": "One", "slug": "one"}, {"description": "d"},
        ["name", "slug", "logo_url", "documentation_url", "description", "code_example", "is_protected"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "fields", "changes", "payload"), PLAIN, ids=[case[1] for case in PLAIN])
def test_resource_is_created_updated_and_deleted(
    own: httpx.Client, kind: str, path: str, fields: dict[str, Any], changes: dict[str, Any], payload: list[str]
) -> None:
    """Each update has an event, even one that changes nothing; a rejected one has no event."""
    row = created(own, path, **fields)
    for body in (changes, {}):
        own.patch(f"{path}{row['id']}", json=body).raise_for_status()
    changed = own.get(f"{path}{row['id']}").json()
    own.delete(f"{path}{row['id']}").raise_for_status()
    assert own.patch(f"{path}{row['id']}", json=changes).status_code == 404
    found = events(own, kind, row["id"])
    assert [event["event"] for event in found] == [
        f"prefect.{kind}.{action}" for action in ("created", "updated", "updated", "deleted")
    ]
    expected = [{name: each[name] for name in payload} for each in (row, changed, changed, changed)]
    assert [event["payload"] for event in found] == expected
    assert found[0]["resource"] == {ID: f"prefect.{kind}.{row['id']}", NAME: row["name"]}
    assert found[0]["related"] == []


def test_existing_flow_is_not_created_again(own: httpx.Client) -> None:
    first, second = (created(own, "/flows/", name="one") for _ in range(2))
    assert first == second
    assert names(own, "flow", first["id"]) == ["created"]


def test_many_deleted_flows_have_an_event_each_but_not_their_deployments(own: httpx.Client) -> None:
    ids = [created(own, "/flows/", name=f"gone-{number}")["id"] for number in range(3)]
    deployment = created(own, "/deployments/", name="d", flow_id=ids[0])["id"]
    own.post("/flows/bulk_delete", json={"flows": {"id": {"any_": ids}}}).raise_for_status()
    assert [names(own, "flow", each) for each in ids] == [["created", "deleted"]] * 3
    assert names(own, "deployment", deployment) == ["created"]


def test_event_of_a_deployment_has_related_resources_and_changes(own: httpx.Client) -> None:
    flow = created(own, "/flows/", name="one")
    pool = created(own, "/work_pools/", name="pool", type="process")
    row = created(own, "/deployments/", name="d", flow_id=flow["id"], work_pool_name="pool")
    path = f"/deployments/{row['id']}"
    own.patch(path, json={"description": "new", "tags": []}).raise_for_status()
    own.patch(path, json={"description": "new"}).raise_for_status()
    created(own, "/deployments/", name="d", flow_id=flow["id"], work_pool_name="pool", job_variables={"a": 1})
    own.delete(path).raise_for_status()
    found = events(own, "deployment", row["id"])
    assert [event["event"].rpartition(".")[2] for event in found] == ["created", "updated", "updated", "deleted"]
    assert found[0]["related"] == [
        {ID: f"prefect.flow.{flow['id']}", NAME: "one", ROLE: "flow"},
        {ID: f"prefect.work-queue.{pool['default_queue_id']}", NAME: "default", ROLE: "work-queue"},
        {ID: f"prefect.work-pool.{pool['id']}", NAME: "pool", POOL_TYPE: "process", ROLE: "work-pool"},
    ]
    update = {"description": {"from": None, "to": "new"}}
    assert found[1]["payload"] == {"updated_fields": ["description"], "updates": update}
    assert found[2]["payload"]["updates"]["infra_overrides"] == {"from": {}, "to": {"a": 1}}


def test_pool_and_its_queues_are_created_and_deleted_together(own: httpx.Client) -> None:
    pool = created(own, "/work_pools/", name="pool", type="process")
    queue = created(own, "/work_pools/pool/queues", name="fast", priority=1)
    own.patch("/work_pools/pool/queues/fast", json={"is_paused": True, "concurrency_limit": 3}).raise_for_status()
    own.patch("/work_pools/pool", json={"is_paused": True, "description": "d"}).raise_for_status()
    own.post("/work_pools/pool/workers/heartbeat", json={"name": "w"}).raise_for_status()
    own.patch("/work_pools/pool", json={"is_paused": False}).raise_for_status()
    own.delete("/work_pools/pool").raise_for_status()
    assert names(own, "work-pool", pool["id"]) == ["created", "not-ready", "paused", "updated", "ready", "deleted"]
    assert names(own, "work-queue", queue["id"]) == ["created", "updated", "paused", "deleted"]
    assert names(own, "work-queue", pool["default_queue_id"]) == ["created", "deleted"]
    first = events(own, "work-queue", queue["id"])[0]
    assert first["resource"] == {ID: f"prefect.work-queue.{queue['id']}", NAME: "fast", ROLE: "work-queue"}
    assert [each[NAME] for each in first["related"]] == ["pool"]


def test_event_of_a_pool_names_what_it_uses(own: httpx.Client) -> None:
    """That of a new pool names its queue alone, and that of an update nothing."""
    storage = {"default_result_storage_block_id": str(uuid4())}
    pool = created(own, "/work_pools/", name="pool", type="process", storage_configuration=storage)
    own.patch("/work_pools/pool", json={"description": "d"}).raise_for_status()
    own.delete("/work_pools/pool").raise_for_status()
    found = {event["event"].rpartition(".")[2]: event for event in events(own, "work-pool", pool["id"])}
    labels = {NAME: "pool", POOL_TYPE: "process", ROLE: "work-pool"}
    queue = {ID: f"prefect.work-queue.{pool['default_queue_id']}", ROLE: "default-queue"}
    block = {ID: f"prefect.block-document.{storage['default_result_storage_block_id']}", ROLE: "result-storage"}
    assert found["created"]["resource"] == {ID: f"prefect.work-pool.{pool['id']}", **labels}
    assert [found[action]["related"] for action in ("created", "updated", "deleted")] == [[queue], [], [queue, block]]


def test_event_of_a_queue_always_names_its_pool(own: httpx.Client) -> None:
    pool = created(own, "/work_pools/", name="pool", type="process")
    queue = created(own, "/work_pools/pool/queues", name="fast")
    own.patch("/work_pools/pool/queues/fast", json={"description": "d"}).raise_for_status()
    own.delete("/work_pools/pool/queues/fast").raise_for_status()
    of_pool = {ID: f"prefect.work-pool.{pool['id']}", NAME: "pool", POOL_TYPE: "process", ROLE: "work-pool"}
    found = events(own, "work-queue", queue["id"])
    assert [event["event"].rpartition(".")[2] for event in found] == ["created", "updated", "deleted"]
    assert [event["related"] for event in found] == [[of_pool]] * 3


def test_event_of_a_deployment_always_names_what_it_uses(own: httpx.Client) -> None:
    flow = created(own, "/flows/", name="one")
    block_type = created(own, "/block_types/", name="Store", slug="store")
    schema = created(own, "/block_schemas/", block_type_id=block_type["id"], fields={}, capabilities=["write-path"])
    of_type = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    stores = [created(own, "/block_documents/", name=name, data={}, **of_type)["id"] for name in ("a", "b")]
    used = {"storage_document_id": stores[0], "infrastructure_document_id": stores[1]}
    row = created(own, "/deployments/", name="d", flow_id=flow["id"], concurrency_limit=1, **used)
    own.patch(f"/deployments/{row['id']}", json={"description": "new"}).raise_for_status()
    named = [
        {ID: f"prefect.flow.{flow['id']}", NAME: "one", ROLE: "flow"},
        {ID: f"prefect.block-document.{stores[0]}", ROLE: "storage"},
        {ID: f"prefect.block-document.{stores[1]}", ROLE: "infrastructure"},
        {ID: f"prefect.concurrency-limit.{row['global_concurrency_limit']['id']}", ROLE: "concurrency-limit"},
    ]
    own.post("/deployments/get_scheduled_flow_runs", json={"deployment_ids": [row["id"]]}).raise_for_status()
    found = events(own, "deployment", row["id"])
    assert [event["event"].rpartition(".")[2] for event in found] == ["created", "updated", "ready"]
    assert [event["related"] for event in found] == [named] * 3


def test_event_of_a_block_names_its_type_and_schema(own: httpx.Client) -> None:
    block_type = created(own, "/block_types/", name="Door", slug="door")
    schema = created(own, "/block_schemas/", block_type_id=block_type["id"], fields={}, capabilities=[])
    row = created(
        own, "/block_documents/", name="a", data={}, block_type_id=block_type["id"], block_schema_id=schema["id"]
    )
    (event,) = events(own, "block-document", row["id"])
    assert event["related"] == [
        {ID: f"prefect.block-type.{block_type['id']}", ROLE: "block-type", NAME: "Door"},
        {ID: f"prefect.block-schema.{schema['id']}", ROLE: "block-schema"},
    ]


def test_event_of_a_block_has_texts_with_masked_secrets(own: httpx.Client) -> None:
    block_type = created(own, "/block_types/", name="Door", slug="door")
    fields = {"secret_fields": ["key", "codes.*", "doors.*.key", "dotted.key"]}
    schema = created(own, "/block_schemas/", block_type_id=block_type["id"], fields=fields, capabilities=[])
    of_type = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    data = {"key": "k", "codes": {}, "doors": [{"key": "k"}], "dotted": {"key": "k"}, "note": "n", "number": 1}
    row = created(own, "/block_documents/", name="a", data=data, **of_type)
    own.delete(f"/block_documents/{row['id']}").raise_for_status()
    payloads = [each["payload"]["data"] for each in events(own, "block-document", row["id"])]
    assert payloads == [{"codes": "********", "doors": "********", "note": "n"}] * 2


def test_empty_change_of_a_block_has_an_event_but_no_new_time(own: httpx.Client) -> None:
    block_type = created(own, "/block_types/", name="Door", slug="door")
    schema = created(own, "/block_schemas/", block_type_id=block_type["id"], fields={}, capabilities=[])
    of_type = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    row = created(own, "/block_documents/", name="a", data={}, **of_type)
    path = f"/block_documents/{row['id']}"
    assert own.patch(path, json={}).status_code == 204
    assert own.get(path).json()["updated"] == row["updated"]
    assert [each["event"] for each in events(own, "block-document", row["id"])] == [
        "prefect.block-document.created",
        "prefect.block-document.updated",
    ]


def test_event_of_the_limit_of_a_tag_names_the_tag(own: httpx.Client) -> None:
    row = created(own, "/concurrency_limits/", tag="small", concurrency_limit=2)
    (event,) = events(own, "concurrency-limit", row["id"])
    assert event["resource"] == {ID: f"prefect.concurrency-limit.{row['id']}", NAME: "tag:small"}
    assert event["payload"] == {"name": "tag:small", "limit": 2, "active": True, "slot_decay_per_second": 0.0}
    assert event["related"] == []


def test_events_of_the_status_of_a_pool_follow_each_other(own: httpx.Client) -> None:
    pool = created(own, "/work_pools/", name="pool", type="process")
    for is_paused in (False, True, True):  # each has an event, even if the status is unchanged
        own.patch("/work_pools/pool", json={"is_paused": is_paused}).raise_for_status()
    own.patch("/work_pools/pool", json={"concurrency_limit": 3}).raise_for_status()
    _, first, *found = events(own, "work-pool", pool["id"])
    assert [event["event"].split(".")[-1] for event in found] == ["not-ready", "paused", "paused", "updated"]
    assert first["follows"] is None
    assert [event["follows"] for event in found] == [None, found[0]["id"], found[1]["id"], None]


def test_pool_created_as_paused_has_an_event_of_its_status(own: httpx.Client) -> None:
    paused = created(own, "/work_pools/", name="paused", type="process", is_paused=True)
    assert names(own, "work-pool", paused["id"]) == ["created", "paused"]


def test_storage_configuration_with_fewer_fields_is_unchanged(own: httpx.Client) -> None:
    pool = created(own, "/work_pools/", name="pool", type="process")
    unset = {"bundle_upload_step": None, "bundle_execution_step": None, "default_result_storage_block_id": None}
    for configuration in (unset, {"bundle_upload_step": None}, {"bundle_upload_step": {"a": 1}}):
        own.patch("/work_pools/pool", json={"storage_configuration": configuration}).raise_for_status()
    updates = [event["payload"] for event in events(own, "work-pool", pool["id"]) if event["event"].endswith("updated")]
    changed = {"from": unset, "to": {**unset, "bundle_upload_step": {"a": 1}}}
    assert updates == [{"updated_fields": ["storage_configuration"], "updates": {"storage_configuration": changed}}]


def test_queues_and_pools_created_for_others_have_events(own: httpx.Client) -> None:
    flow = created(own, "/flows/", name="one")
    created(own, "/work_pools/", name="pool", type="process")
    deployment = created(own, "/deployments/", name="d", flow_id=flow["id"], work_pool_name="pool", work_queue_name="a")
    own.patch(
        f"/deployments/{deployment['id']}", json={"work_pool_name": "pool", "work_queue_name": "b"}
    ).raise_for_status()
    created(own, f"/deployments/{deployment['id']}/create_flow_run", work_queue_name="c")
    created(own, "/deployments/", name="for-agents", flow_id=flow["id"], work_queue_name="d")
    for name in "abc":
        queue = own.get(f"/work_pools/pool/queues/{name}").raise_for_status().json()
        assert names(own, "work-queue", queue["id"]) == ["created"], name
    agents = own.get("/work_pools/default-agent-pool").raise_for_status().json()
    assert names(own, "work-pool", agents["id"]) == ["created"]
    queue = own.get("/work_queues/name/d").raise_for_status().json()
    assert names(own, "work-queue", queue["id"]) == ["created"]


def test_poll_makes_a_queue_and_a_deployment_ready_once(own: httpx.Client) -> None:
    flow = created(own, "/flows/", name="one")
    pool = created(own, "/work_pools/", name="pool", type="process")
    deployment = created(own, "/deployments/", name="d", flow_id=flow["id"], work_pool_name="pool")
    for _ in range(2):
        own.post("/work_pools/pool/get_scheduled_flow_runs", json={}).raise_for_status()
    assert names(own, "work-queue", pool["default_queue_id"]) == ["created", "ready"]
    assert names(own, "deployment", deployment["id"]) == ["created", "ready"]


def test_artifact_has_events_of_its_key(own: httpx.Client) -> None:
    runs = {"flow_run_id": str(uuid4()), "task_run_id": str(uuid4())}
    first = created(own, "/artifacts/", key="new-report", data=0, **runs)
    second = created(own, "/artifacts/", key="new-report", data=1)
    created(own, "/artifacts/", data=3)
    own.patch(f"/artifacts/{second['id']}", json={"data": 4}).raise_for_status()
    for row in (second, first):
        own.delete(f"/artifacts/{row['id']}").raise_for_status()
    found = events(own, "artifact-collection")
    assert [event["event"].rpartition(".")[2] for event in found] == ["created", "updated", "updated", "deleted"]
    assert [event["payload"]["data"] for event in found] == [0, 1, 0, 0]
    assert found[0]["related"] == [
        {ID: f"prefect.artifact.{first['id']}", ROLE: "latest"},
        {ID: f"prefect.flow-run.{runs['flow_run_id']}", ROLE: "flow-run"},
        {ID: f"prefect.task-run.{runs['task_run_id']}", ROLE: "task-run"},
    ]
    assert found[1]["related"] == [{ID: f"prefect.artifact.{second['id']}", ROLE: "latest"}]


def test_event_of_a_block_has_no_secrets(own: httpx.Client) -> None:
    block_type = created(own, "/block_types/", name="Door", slug="door")
    fields = {"properties": {}, "secret_fields": ["code"]}
    schema = created(own, "/block_schemas/", block_type_id=block_type["id"], fields=fields, capabilities=["open"])
    body = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    data = {"code": "1234", "street": "Elm", "number": 7}
    block = created(own, "/block_documents/", name="front", data=data, **body)
    created(own, "/block_documents/", data=data, is_anonymous=True, **body)
    (event,) = events(own, "block-document")
    assert event["payload"] == {
        "name": "front",
        "data": {"street": "Elm"},
        "block_schema": {"capabilities": ["open"], "block_type": {"id": block_type["id"], "name": "Door"}},
    }
    assert event["resource"][ID] == f"prefect.block-document.{block['id']}"
    assert [each[ROLE] for each in event["related"]] == ["block-type", "block-schema"]


def test_events_of_an_automation_contain_all_of_it(own: httpx.Client) -> None:
    trigger = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0}
    row = created(own, "/automations/", name=f"a-{uuid4()}", trigger=trigger, actions=[{"type": "do-nothing"}])
    own.patch(f"/automations/{row['id']}", json={"enabled": False}).raise_for_status()
    own.delete(f"/automations/{row['id']}").raise_for_status()
    found = events(own, "automation", row["id"])
    assert [event["event"].rpartition(".")[2] for event in found] == ["created", "updated", "deleted"]
    assert [event["payload"]["enabled"] for event in found] == [True, False, False]
    assert found[0]["payload"]["trigger"] == row["trigger"]


def test_automations_deleted_with_their_owner_have_no_event(own: httpx.Client) -> None:
    trigger = {"type": "event", "posture": "Reactive", "expect": ["a"]}
    owned = {"trigger": trigger, "actions": [{"type": "do-nothing"}], "owner_resource": "prefect.deployment.mine"}
    row = created(own, "/automations/", name="owned", **owned)
    own.delete("/automations/owned-by/prefect.deployment.mine").raise_for_status()
    assert names(own, "automation", row["id"]) == ["created"]


def test_slots_of_a_limit_cause_no_update_event(own: httpx.Client) -> None:
    row = created(own, "/v2/concurrency_limits/", name="one", limit=2)
    own.post("/v2/concurrency_limits/increment", json={"names": ["one"], "slots": 1}).raise_for_status()
    assert names(own, "concurrency-limit", row["id"]) == ["created"]


def test_artifact_of_a_result_has_events(own: httpx.Client) -> None:
    flow = created(own, "/flows/", name="one")
    run = created(own, "/flow_runs/", flow_id=flow["id"])
    data = {"storage_key": "k", "artifact_key": "res"}
    for kind in ("COMPLETED", "FAILED"):
        body = {"state": {"type": kind, "data": data}, "force": True}
        own.post(f"/flow_runs/{run['id']}/set_state", json=body).raise_for_status()
    assert names(own, "artifact-collection") == ["created", "updated"]
