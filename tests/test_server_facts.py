"""What a server reports about itself: defaults, settings, collections, states and task workers."""

import json
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.servers import stand_in
from tests.test_handlers import created


def a_document(api: httpx.Client, *capabilities: str) -> str:
    block_type = created(api, "/block_types/", name="Store", slug=f"store-{uuid4()}")
    schema = created(
        api, "/block_schemas/", block_type_id=block_type["id"], fields={"title": "s"}, capabilities=capabilities
    )
    ids = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    return str(created(api, "/block_documents/", name="mine", data={}, **ids)["id"])


# ------------------------------------------------------------- result storage


def storage(api: httpx.Client) -> object:
    return api.get("/admin/storage").raise_for_status().json()


def test_default_storage_is_set_and_cleared(own: httpx.Client) -> None:
    chosen = {"default_result_storage_block_id": a_document(own, "write-path", "read-path")}
    for _ in range(2):
        assert own.put("/admin/storage", json=chosen).raise_for_status().json() == chosen
    assert storage(own) == chosen
    for _ in range(2):
        assert own.delete("/admin/storage").status_code == 204
    assert storage(own) == {"default_result_storage_block_id": None}


def test_default_storage_is_cleared_with_its_document(own: httpx.Client) -> None:
    document = a_document(own, "write-path")
    own.put("/admin/storage", json={"default_result_storage_block_id": document}).raise_for_status()
    own.delete(f"/block_documents/{document}").raise_for_status()
    assert storage(own) == {"default_result_storage_block_id": None}


def test_default_storage_is_writable(own: httpx.Client) -> None:
    document, missing = a_document(own, "read-path"), str(uuid4())
    refused = own.put("/admin/storage", json={"default_result_storage_block_id": document})
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        f"Block document {document} cannot be used for result storage.",
    )
    unknown = own.put("/admin/storage", json={"default_result_storage_block_id": missing})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, f"Block document {missing} not found.")


# -------------------------------------------------------------------- the rest


def test_settings_describe_the_server(own: httpx.Client) -> None:
    settings = own.get("/admin/settings").raise_for_status().json()
    assert settings["server"]["api"] == {"csrf_protection_enabled": False, "default_limit": 200}


WORKERS = [
    "azure-container-instance", "cloud-run", "cloud-run-v2", "docker", "ecs", "kubernetes", "process", "vertex-ai",
]  # fmt: skip


def test_pools_can_be_created_for_the_workers_in_the_collections(own: httpx.Client) -> None:
    packages = own.get("/collections/views/aggregate-worker-metadata").raise_for_status().json()
    workers = {kind: worker for kinds in packages.values() for kind, worker in kinds.items()}
    assert sorted(workers) == WORKERS
    for kind, worker in workers.items():
        template = worker["default_base_job_configuration"]
        assert (worker["type"], template["job_configuration"]["command"]) == (kind, "{{ command }}")
        own.post("/work_pools/", json={"name": kind, "type": kind, "base_job_template": template}).raise_for_status()
    assert "image" in workers["docker"]["default_base_job_configuration"]["variables"]["properties"]


def test_missing_collection(own: httpx.Client) -> None:
    missing = own.get("/collections/views/mine")
    assert (missing.status_code, missing.json()) == (404, {"detail": "View mine not found in registry"})


@pytest.fixture
def states(tmp_path: Path) -> Path:
    """A fixture set with states of two runs, one of which has them only in its row."""
    flow, run, task = (str(uuid4()) for _ in range(3))

    def state(kind: str, name: str, second: str, **fields: str) -> dict[str, str]:
        return {"id": str(uuid4()), "type": kind, "name": name, "timestamp": f"2026-01-01T00:00:{second}Z", **fields}

    tables = {
        "flows": [{"id": flow, "name": "f"}],
        "flow_runs": [{"id": run, "flow_id": flow, "state": state("COMPLETED", "Completed", "03")}],
        "flow_run_states": [
            state("RUNNING", "Running", "01.5", flow_run_id=run),
            state("RUNNING", "Running", "01", flow_run_id=run),
            state("RUNNING", "Retrying", "02", flow_run_id=run),
        ],
        "task_runs": [{"id": task, "task_key": "t", "dynamic_key": "0", "state": state("RUNNING", "Running", "02.25")}],
    }
    for table, rows in tables.items():
        (tmp_path / f"{table}.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path


def test_states_are_observed_in_runs_and_in_their_histories(states: Path) -> None:
    with stand_in(states) as api:

        def names(**query: str | int) -> list[str]:
            seen = api.get("/observed-states", params=query).raise_for_status().json()
            return [each["state_name"] for each in seen]

        assert names() == ["Completed", "Running", "Retrying"]
        assert names(order_by="NAME_ASC") == ["Completed", "Retrying", "Running"]
        assert names(query=" RUN", limit=1) == ["Running"]
        assert names(query="ret") == ["Retrying"]
        running = api.get("/observed-states", params={"query": "running"}).json()[0]
        assert (running["first_seen"], running["last_seen"]) == ("2026-01-01T00:00:01Z", "2026-01-01T00:00:02.250000Z")
        wrong = api.get("/observed-states", params={"limit": 0, "order_by": "x"})
        assert [error["loc"][1] for error in wrong.json()["exception_detail"]] == ["order_by", "limit"]


def test_task_workers_are_found_by_the_keys_of_their_tasks(tmp_path: Path) -> None:
    time = "2026-01-01T00:00:00Z"
    rows = [{"identifier": name, "task_keys": [*name], "timestamp": time} for name in ("ab", "bc")]
    (tmp_path / "task_workers.json").write_text(json.dumps(rows), encoding="utf-8")
    with stand_in(tmp_path) as api:

        def found(*keys: str) -> list[str]:
            body = {"task_worker_filter": {"task_keys": keys}}
            return [each["identifier"] for each in api.post("/task_workers/filter", json=body).json()]

        assert [found("a"), found("b", "c"), found("x"), found()] == [["ab"], ["ab", "bc"], [], ["ab", "bc"]]
        assert api.post("/task_workers/filter").json() == rows
