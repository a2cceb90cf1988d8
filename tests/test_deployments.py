"""Deployments: created and changed, with their schedules and runs."""

from base64 import b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.servers import stand_in

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
DAILY = {"cron": "0 9 * * *", "timezone": "Europe/Berlin"}


@pytest.fixture
def flow(scratch: httpx.Client) -> str:
    made = scratch.post("/flows/", json={"name": f"flow-{uuid4()}", "labels": {"team": "a"}}).raise_for_status()
    return str(made.json()["id"])


@pytest.fixture
def pool(scratch: httpx.Client) -> str:
    """A pool whose jobs have the required number `cpu`."""
    variables = {"type": "object", "properties": {"cpu": {"type": "integer"}}, "required": ["cpu"]}
    template = {"job_configuration": {"cpu": "{{ cpu }}"}, "variables": variables}
    body = {"name": f"pool-{uuid4()}", "type": "process", "base_job_template": template}
    return str(scratch.post("/work_pools/", json=body).raise_for_status().json()["name"])


def create(api: httpx.Client, flow: str, **fields: object) -> httpx.Response:
    return api.post("/deployments/", json={"name": "d", "flow_id": flow, **fields})


def created(api: httpx.Client, flow: str, **fields: object) -> dict[str, Any]:
    row: dict[str, Any] = create(api, flow, **fields).raise_for_status().json()
    return row


def read(api: httpx.Client, deployment: str) -> dict[str, Any]:
    row: dict[str, Any] = api.get(f"/deployments/{deployment}").raise_for_status().json()
    return row


def runs(api: httpx.Client, deployment: str) -> list[dict[str, Any]]:
    body = {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
    found: list[dict[str, Any]] = api.post("/flow_runs/filter", json=body).raise_for_status().json()
    return found


# ------------------------------------------------------------ create and change


def test_deployment_with_the_same_flow_and_name_is_replaced(scratch: httpx.Client, flow: str) -> None:
    first = create(scratch, flow, description="first", labels={"own": 1}, schedules=[{"schedule": DAILY}])
    second = create(scratch, flow, paused=True)
    assert (first.status_code, second.status_code) == (201, 200)
    before, after = first.json(), second.json()
    assert (after["id"], after["created"], after["description"]) == (before["id"], before["created"], "first")
    assert before["labels"] == {"team": "a", "prefect.flow.id": flow, "own": 1}
    assert before["schedules"][0]["schedule"] == {**DAILY, "day_or": True}
    assert (after["paused"], after["schedules"]) == (True, [])


def test_deployment_needs_its_flow_and_a_name_valid_in_paths(scratch: httpx.Client, flow: str) -> None:
    statuses = [create(scratch, str(uuid4())).status_code, create(scratch, flow, name="a/b").status_code]
    assert statuses == [409, 422]


def test_name_of_a_deployment_is_checked_after_its_pool_and_its_limit(
    scratch: httpx.Client, flow: str, pool: str
) -> None:
    """A real server reads both before it creates the deployment, which fails."""
    queues = scratch.post(f"/work_pools/{pool}/queues/filter", json={}).json()
    wrong = {"name": "a/b", "work_pool_name": pool, "work_queue_name": "other"}
    nothing = "00000000-0000-4000-8000-000000000000"
    assert create(scratch, flow, **wrong, job_variables={"cpu": 1}).status_code == 422
    assert scratch.post(f"/work_pools/{pool}/queues/filter", json={}).json() == queues
    assert create(scratch, flow, **wrong, global_concurrency_limit_id=nothing).status_code == 404
    assert create(scratch, flow, **{**wrong, "work_pool_name": "none"}).status_code == 404
    mismatch = create(scratch, flow, **wrong, job_variables={"cpu": "many"}).json()["detail"]
    assert mismatch.startswith("Error creating deployment: Validation failed")


def test_missing_queue_is_created(scratch: httpx.Client, flow: str, pool: str) -> None:
    in_pool = created(scratch, flow, work_pool_name=pool, work_queue_name="fresh")
    assert (in_pool["work_pool_name"], in_pool["work_queue_name"]) == (pool, "fresh")
    default = created(scratch, flow, name="e", work_pool_name=pool)
    assert default["work_queue_name"] == "default"
    alone = created(scratch, flow, name="f", work_queue_name=f"queue-{uuid4()}")
    assert alone["work_pool_name"] == "default-agent-pool"
    assert create(scratch, flow, work_pool_name="nobody").json() == {"detail": 'Work pool "nobody" not found.'}
    scratch.patch(f"/deployments/{alone['id']}", json={"work_pool_name": None}).raise_for_status()
    assert read(scratch, alone["id"])["work_queue_id"] is None


def test_queue_without_a_pool_is_in_the_pool_for_agents(own: httpx.Client) -> None:
    """An empty name means no pool; so does null for a new deployment, and it removes an existing one from its pool."""
    flow = own.post("/flows/", json={"name": "of agents"}).json()["id"]
    for name, pool in (("null", None), ("empty", "")):
        row = created(own, flow, name=name, work_pool_name=pool, work_queue_name="of-agents")
        assert row["work_pool_name"] == "default-agent-pool"
    queues = own.post("/work_queues/filter", json={}).json()
    of_agents = {each["name"]: each["priority"] for each in queues if each["work_pool_name"] == "default-agent-pool"}
    assert of_agents == {"of-agents": 1, "default": 2}
    path = f"/deployments/{row['id']}"
    own.patch(path, json={"work_pool_name": None, "work_queue_name": "of-agents"}).raise_for_status()
    assert own.get(path).json()["work_pool_name"] is None
    run = {"work_queue_name": "fast"}
    many = own.post(f"{path}/create_flow_run/bulk", json=[run]).raise_for_status().json()["results"]
    sentence = "Cannot create flow run in work queue fast because deployment is not associated with a work pool."
    assert many == [{"flow_run_id": None, "status": "FAILED", "error": sentence}]
    assert own.post(f"{path}/create_flow_run", json=run).status_code == 400


def test_queue_without_a_pool_is_in_any_pool_without_one_for_agents(own: httpx.Client) -> None:
    flow = own.post("/flows/", json={"name": "of a pool"}).json()["id"]
    own.post("/work_pools/", json={"name": "machines", "type": "process"}).raise_for_status()
    own.post("/work_pools/machines/queues", json={"name": "fast"}).raise_for_status()
    assert created(own, flow, name="one", work_queue_name="fast")["work_pool_name"] == "machines"
    assert created(own, flow, name="two", work_queue_name="slow")["work_pool_name"] == "default-agent-pool"
    assert created(own, flow, name="three", work_queue_name="fast")["work_pool_name"] == "default-agent-pool"


def test_concurrency_limit_belongs_to_its_deployment(scratch: httpx.Client, flow: str) -> None:
    made = created(scratch, flow, concurrency_limit=3)
    limit = made["global_concurrency_limit"]
    assert made["concurrency_limit"] is None
    assert (limit["name"], limit["limit"]) == (f"deployment:{made['id']}", 3)
    path = f"/deployments/{made['id']}"
    scratch.patch(path, json={"concurrency_limit": 5}).raise_for_status()
    assert read(scratch, made["id"])["global_concurrency_limit"]["limit"] == 5
    scratch.patch(path, json={"concurrency_limit": None}).raise_for_status()
    assert read(scratch, made["id"])["global_concurrency_limit"] is None
    assert scratch.get(f"/v2/concurrency_limits/{limit['id']}").status_code == 404
    both = create(scratch, flow, concurrency_limit=1, global_concurrency_limit_id=str(uuid4()))
    assert "cannot have both" in both.json()["exception_detail"][0]["msg"]
    assert create(scratch, flow, global_concurrency_limit_id=str(uuid4())).status_code == 404
    scratch.patch(path, json={"concurrency_limit": 2}).raise_for_status()
    scratch.delete(path).raise_for_status()
    assert scratch.get(f"/v2/concurrency_limits/{limit['name']}").status_code == 404


def test_parameters_are_checked_by_their_schema(scratch: httpx.Client, flow: str) -> None:
    body = {"parameters": {"x": "no"}, "parameter_openapi_schema": SCHEMA}
    refused = create(scratch, flow, enforce_parameter_schema=True, **body)
    reason = "Validation failed for field 'x'. Failure reason: 'no' is not of type 'integer'"
    assert refused.json()["exception_detail"][0]["msg"] == f"Value error, {reason}"
    made = created(scratch, flow, **body)  # enforced later, since the request does not require it
    assert scratch.patch(f"/deployments/{made['id']}", json={"tags": ["t"]}).json() == {
        "detail": f"Error updating deployment: {reason}"
    }
    hydrated = {"x": {"__prefect_kind": "json", "value": "2"}}
    scratch.patch(f"/deployments/{made['id']}", json={"parameters": hydrated}).raise_for_status()
    assert read(scratch, made["id"])["parameters"] == {"x": 2}
    unknown = {"x": {"__prefect_kind": "workspace_variable", "variable_name": "nobody"}}
    answer = scratch.patch(f"/deployments/{made['id']}", json={"parameters": unknown})
    assert answer.status_code == 400
    too_large = create(scratch, flow, parameters={"x": "y" * 600_000})
    assert "less than 524,288 bytes" in str(too_large.json())


def test_blocks_and_job_variables_are_checked(scratch: httpx.Client, flow: str, pool: str) -> None:
    nobody = str(uuid4())
    assert f"storage block with id: {nobody}" in create(scratch, flow, storage_document_id=nobody).json()["detail"]
    wrong = create(scratch, flow, work_pool_name=pool, job_variables={"cpu": "many"})
    assert (wrong.status_code, wrong.json()["detail"][:50]) == (
        422,
        "Error creating deployment: Validation failed for f",
    )
    made = created(scratch, flow, work_pool_name=pool)
    changed = scratch.patch(f"/deployments/{made['id']}", json={"work_pool_name": pool, "job_variables": {"cpu": "x"}})
    assert (changed.status_code, changed.json()["detail"][:44]) == (409, "Error creating deployment: <ValidationError:")


# -------------------------------------------------------------------- schedules


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"cron": "x"}, 'Invalid cron string: "x"'),
        ({"cron": "@daily", "timezone": "Mars"}, 'Invalid timezone: "Mars"'),
        ({"interval": -5}, "interval must be positive"),
        ({"rrule": "x"}, 'Invalid RRule string "x"'),
        ({"interval": "x"}, "invalid digit in duration"),
        ({"rrule": "FREQ=DAILY", "timezone": "Mars"}, "String should match pattern 'Africa/Abidjan|"),
    ],
)
def test_schedule_is_validated(scratch: httpx.Client, flow: str, schedule: dict[str, Any], message: str) -> None:
    errors = create(scratch, flow, schedules=[{"schedule": schedule}]).json()["exception_detail"]
    assert any(message in error["msg"] for error in errors)
    kinds = {error["loc"][4] for error in errors}
    assert "RRuleSchedule" in kinds
    assert "function-after[validate_timezone(), CronSchedule]" in kinds


@pytest.mark.parametrize("name", ["storage_document_id", "infrastructure_document_id"])
def test_change_to_an_unknown_block_is_a_conflict(scratch: httpx.Client, flow: str, name: str) -> None:
    path = f"/deployments/{created(scratch, flow)['id']}"
    refused = scratch.patch(path, json={name: str(uuid4())})
    assert (refused.status_code, refused.json()["detail"][:24]) == (409, "Data integrity conflict.")


def test_schedules_are_completed(scratch: httpx.Client, flow: str) -> None:
    path = f"/deployments/{created(scratch, flow)['id']}/schedules"
    bodies = [{"schedule": {"interval": "PT1H"}}, {"schedule": {"rrule": "FREQ=DAILY"}}]
    interval, rrule = scratch.post(path, json=bodies).raise_for_status().json()
    assert interval["schedule"]["interval"] == 3600.0
    assert interval["schedule"]["timezone"] == "UTC"
    assert interval["schedule"]["anchor_date"].startswith("20")
    assert rrule["schedule"] == {"rrule": "DTSTART:20200101T000000\nFREQ=DAILY", "timezone": "UTC"}
    often = scratch.post(path, json=[{"schedule": {"rrule": "FREQ=MINUTELY;INTERVAL=5"}}]).json()[0]
    assert not often["schedule"]["rrule"].startswith("DTSTART:2020")


def test_recurrence_that_ends_in_utc_is_kept_and_cannot_be_scheduled(scratch: httpx.Client, flow: str) -> None:
    """It would need a start in UTC, unlike an added start. A real server fails to schedule it."""
    rule = {"rrule": "FREQ=DAILY;UNTIL=20990101T000000Z", "timezone": "UTC"}
    made = created(scratch, flow, schedules=[{"schedule": rule}])
    assert [each["schedule"] for each in made["schedules"]] == [rule]
    refused = scratch.post(f"/deployments/{made['id']}/schedule", json={})
    assert (refused.status_code, refused.json()["detail"][:34]) == (422, "The recurrence cannot be evaluated")
    assert runs(scratch, made["id"]) == []


def test_schedule_is_changed_and_deleted(scratch: httpx.Client, flow: str) -> None:
    made = created(
        scratch, flow, schedules=[{"schedule": DAILY, "slug": "a"}, {"schedule": DAILY, "parameters": {"x": 1}}]
    )
    path = f"/deployments/{made['id']}/schedules"
    other = next(each for each in made["schedules"] if each["slug"] is None)
    assert scratch.patch(f"{path}/{other['id']}", json={"slug": "a"}).status_code == 409
    scratch.patch(f"{path}/{other['id']}", json={"active": False, "max_scheduled_runs": 5}).raise_for_status()
    first = scratch.get(path).json()[0]
    assert (first["id"], first["active"], first["max_scheduled_runs"], first["parameters"]) == (
        other["id"],
        False,
        5,
        {},
    )
    assert scratch.patch(f"{path}/{other['id']}", json={"max_scheduled_runs": 51}).status_code == 422
    assert [scratch.delete(f"{path}/{other['id']}").status_code for _ in range(2)] == [204, 404]
    assert scratch.get(f"/deployments/{uuid4()}/schedules").json() == {"detail": "Deployment not found."}


def test_schedules_are_identified_by_their_slugs(scratch: httpx.Client, flow: str) -> None:
    made = created(scratch, flow, schedules=[{"schedule": DAILY, "slug": slug} for slug in ("a", "b")])
    path = f"/deployments/{made['id']}"

    def change(*schedules: dict[str, Any]) -> httpx.Response:
        return scratch.patch(path, json={"schedules": list(schedules)})

    def slugs() -> dict[str, bool]:
        return {each["slug"]: each["active"] for each in read(scratch, made["id"])["schedules"]}

    assert change({"slug": "a", "active": False}, {"slug": "c", "schedule": DAILY}).status_code == 204
    assert slugs() == {"a": False, "b": True, "c": True}
    swapped = change({"slug": "b", "replaces": "a"}, {"slug": "a", "replaces": "b"})
    assert swapped.status_code == 204
    assert slugs() == {"b": False, "a": True, "c": True}
    assert change({"slug": "c", "replaces": "a"}).json()["detail"].startswith("Cannot rename schedule from 'a' to 'c'")
    assert change({"slug": "x", "replaces": "a"}, {"slug": "y", "replaces": "a"}).status_code == 422
    assert change({"slug": "new"}).status_code == 422
    assert change({"schedule": DAILY}).json()["detail"].startswith("Please provide a slug")


def test_schedules_need_their_deployment(scratch: httpx.Client) -> None:
    path, hourly = f"/deployments/{uuid4()}/schedules", {"schedule": {"interval": 3600}}
    answers = [
        scratch.get(path), scratch.post(path, json=[hourly]), scratch.post(path, json=[]),
        scratch.patch(f"{path}/{uuid4()}", json={"active": False}), scratch.delete(f"{path}/{uuid4()}"),
    ]  # fmt: skip
    assert [(each.status_code, each.json()) for each in answers] == [(404, {"detail": "Deployment not found."})] * 5


def test_deployment_may_lack_required_variables_of_its_runs(scratch: httpx.Client, flow: str, pool: str) -> None:
    assert create(scratch, flow, work_pool_name=pool, job_variables={"mem": 1}).status_code == 201
    wrong = create(scratch, flow, work_pool_name=pool, job_variables={"cpu": "many"})
    assert (wrong.status_code, wrong.json()["detail"].partition(":")[0]) == (422, "Error creating deployment")


# ------------------------------------------------------------------------- runs


def test_run_inherits_from_its_deployment(scratch: httpx.Client, flow: str, pool: str) -> None:
    fields = {"parameters": {"x": 1, "y": 1}, "tags": ["d"], "version": "2", "job_variables": {"cpu": 1}}
    made = created(scratch, flow, work_pool_name=pool, **fields)
    path = f"/deployments/{made['id']}/create_flow_run"
    run = scratch.post(path, json={"parameters": {"y": 2}, "tags": ["r"], "idempotency_key": "k"})
    again = scratch.post(path, json={"idempotency_key": "k"})
    assert (run.status_code, again.status_code, again.json()["id"]) == (201, 200, run.json()["id"])
    row = run.json()
    assert (row["parameters"], sorted(row["tags"])) == ({"x": 1, "y": 2}, ["d", "r"])
    assert (row["deployment_version"], row["work_pool_name"], row["work_queue_name"]) == ("2", pool, "default")
    assert (row["state_name"], row["labels"]["prefect.deployment.id"]) == ("Scheduled", made["id"])
    elsewhere = scratch.post(path, json={"work_queue_name": "other", "state": {"type": "PENDING"}}).json()
    assert (elsewhere["work_queue_name"], elsewhere["state_name"]) == ("other", "Pending")


def test_run_with_invalid_parameters_or_variables_is_rejected(scratch: httpx.Client, flow: str, pool: str) -> None:
    made = created(scratch, flow, work_pool_name=pool, parameter_openapi_schema=SCHEMA)
    path = f"/deployments/{made['id']}/create_flow_run"
    missing = scratch.post(path, json={})
    assert (missing.status_code, missing.json()["detail"]) == (
        409,
        "Error creating flow run: Validation failed. Failure reason: 'x' is a required property",
    )
    unset = scratch.post(path, json={"enforce_parameter_schema": False})
    assert (unset.status_code, unset.json()["detail"]) == (
        422,
        "Error creating flow run: Validation failed. Failure reason: 'cpu' is a required property",
    )
    fine = {"parameters": {"x": 1}, "job_variables": {"cpu": 1}}
    results = scratch.post(f"{path}/bulk", json=[fine, {"job_variables": {"cpu": 1}}, {"parameters": {"x": 1}}])
    assert [each["status"] for each in results.json()["results"]] == ["CREATED", "FAILED", "FAILED"]
    assert results.json()["results"][1]["error"].startswith("Parameter validation failed: ")
    assert scratch.post(f"{path}/bulk", json=[{}] * 101).status_code == 400
    assert scratch.post(f"/deployments/{uuid4()}/create_flow_run/bulk", json=[]).status_code == 404
    no_pool = created(scratch, flow, name="p")
    refused = scratch.post(f"/deployments/{no_pool['id']}/create_flow_run", json={"work_queue_name": "q"})
    assert refused.status_code == 400


def test_dangling_reference_in_one_of_many_runs_undoes_all(scratch: httpx.Client) -> None:
    flow = scratch.post("/flows/", json={"name": "many"}).json()["id"]
    path = f"/deployments/{created(scratch, flow)['id']}/create_flow_run"
    scratch.post(path, json={"idempotency_key": "before"}).raise_for_status()
    broken = {"infrastructure_document_id": str(uuid4())}
    runs = [{"idempotency_key": "before"}, {"name": "first"}, broken, {"name": "last"}]
    results = scratch.post(f"{path}/bulk", json=runs).raise_for_status().json()["results"]
    assert [each["status"] for each in results] == ["CREATED", "CREATED", "FAILED", "FAILED"]
    of_flow = {"flows": {"id": {"any_": [flow]}}}
    assert [run["idempotency_key"] for run in scratch.post("/flow_runs/filter", json=of_flow).json()] == ["before"]
    assert scratch.get(f"/flow_runs/{results[1]['flow_run_id']}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"job_variables": None}, {}),
        ({"idempotency_key": "k"}, {}),
        ({"idempotency_key": "k", "job_variables": None}, None),
    ],
)
def test_job_variables_that_are_null(
    scratch: httpx.Client, flow: str, fields: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    path = f"/deployments/{created(scratch, flow)['id']}/create_flow_run"
    assert scratch.post(path, json=fields).raise_for_status().json()["job_variables"] == expected
    many = scratch.post(
        f"{path}/bulk", json=[{**fields, "idempotency_key": "m"} if "idempotency_key" in fields else fields]
    )
    run = many.json()["results"][0]["flow_run_id"]
    assert scratch.get(f"/flow_runs/{run}").json()["job_variables"] == expected


def test_job_variables_of_a_run_are_changed_by_its_deployment(scratch: httpx.Client, flow: str, pool: str) -> None:
    made = created(scratch, flow, work_pool_name=pool)
    run = scratch.post(f"/deployments/{made['id']}/create_flow_run", json={"job_variables": {"cpu": 1}}).json()["id"]
    alone = scratch.post("/flow_runs/", json={"flow_id": flow, "state": {"type": "SCHEDULED"}}).json()["id"]

    def change(row: str, cpu: object) -> httpx.Response:
        return scratch.patch(f"/flow_runs/{row}", json={"job_variables": {"cpu": cpu}})

    assert change(run, 2).status_code == 204
    refused, without = change(run, "many"), change(alone, 2)
    assert (refused.status_code, refused.json()["detail"].startswith("Error updating flow run: ")) == (422, True)
    assert (without.status_code, without.json()) == (
        400,
        {"detail": "A deployment for the flow run could not be found"},
    )


SCHEDULES = {
    "hourly": ({"interval": 3600, "anchor_date": "2030-01-01T00:30:00Z"}, ["03-30T00:30:00Z", "03-30T01:30:00Z"]),
    "daily in Berlin": ({"interval": 86400, "anchor_date": "2030-01-01T08:00:00Z", "timezone": "Europe/Berlin"},
                        ["03-30T08:00:00Z", "03-31T07:00:00Z"]),
    "at nine in Berlin": (DAILY, ["03-30T08:00:00Z", "03-31T07:00:00Z"]),
    "by rule": ({"rrule": "DTSTART:20300101T090000\nRRULE:FREQ=DAILY", "timezone": "Europe/Berlin"},
                ["03-30T08:00:00Z", "03-31T07:00:00Z"]),
}  # fmt: skip


def test_runs_of_schedules_are_listed_in_the_order_of_their_times(scratch: httpx.Client, flow: str) -> None:
    """That of their ids, by which lists are in order."""
    schedule = {"schedule": {"interval": 3600, "anchor_date": "2030-01-01T00:00:00Z"}}
    made = created(scratch, flow, schedules=[schedule])
    scratch.post(f"/deployments/{made['id']}/schedule", json={"min_runs": 10}).raise_for_status()
    body = {"deployments": {"id": {"any_": [made["id"]]}}}
    starts = [run["expected_start_time"] for run in scratch.post("/flow_runs/filter", json=body).json()]
    assert len(starts) == 10
    assert starts == sorted(starts, reverse=True)


@pytest.mark.parametrize("name", SCHEDULES)
def test_runs_are_scheduled_between_two_times(scratch: httpx.Client, flow: str, name: str) -> None:
    """Clocks are set forward in Berlin on 2030-03-31."""
    schedule, dates = SCHEDULES[name]
    made = created(scratch, flow, tags=["t"], schedules=[{"schedule": schedule, "parameters": {"p": 1}}])
    body = {"start_time": "2030-03-30T00:00:00Z", "max_runs": 2}
    path = f"/deployments/{made['id']}/schedule"
    assert [scratch.post(path, json=body).json() for _ in range(2)] == [None, None]
    found = runs(scratch, made["id"])
    assert [run["expected_start_time"] for run in found] == [f"2030-{date}" for date in dates]
    first, (kept,) = found[0], made["schedules"]
    assert first["idempotency_key"].startswith(f"scheduled {made['id']} {kept['id']} 2030-03-30 ")
    assert (sorted(first["tags"]), first["parameters"], first["auto_scheduled"]) == (
        ["auto-scheduled", "t"],
        {"p": 1},
        True,
    )
    assert (first["created_by"]["id"], first["created_by"]["type"]) == (kept["id"], "SCHEDULE")
    assert scratch.post(f"/deployments/{uuid4()}/schedule", json={}).json() is None


def test_inactive_schedules_and_times_out_of_range_have_no_runs(scratch: httpx.Client, flow: str) -> None:
    made = created(scratch, flow, schedules=[{"schedule": DAILY, "active": False}])
    path = f"/deployments/{made['id']}/schedule"
    scratch.post(path, json={"start_time": "2030-03-30T00:00:00Z", "max_runs": 2}).raise_for_status()
    assert runs(scratch, made["id"]) == []
    late = scratch.post(path, json={"start_time": "9999-12-31T00:00:00Z"})
    assert (late.status_code, late.json()) == (422, {"detail": "The times are out of range."})


@pytest.mark.parametrize("most", [0, -1])
def test_each_schedule_gets_at_least_one_run(scratch: httpx.Client, flow: str, most: int) -> None:
    made = created(scratch, flow, schedules=[{"schedule": DAILY}, {"schedule": {"rrule": "FREQ=HOURLY"}}])
    body = {"start_time": "2030-01-01T00:30:00Z", "max_runs": most}
    scratch.post(f"/deployments/{made['id']}/schedule", json=body).raise_for_status()
    starts = [run["expected_start_time"] for run in runs(scratch, made["id"])]
    assert starts == ["2030-01-01T01:00:00Z", "2030-01-01T08:00:00Z"]


def test_change_deletes_future_runs(scratch: httpx.Client, flow: str) -> None:
    made = created(scratch, flow, schedules=[{"schedule": DAILY}])
    for start in ("2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"):
        scratch.post(f"/deployments/{made['id']}/schedule", json={"start_time": start, "max_runs": 1})
    assert len(runs(scratch, made["id"])) == 2
    scratch.patch(f"/deployments/{made['id']}", json={"tags": []}).raise_for_status()
    assert [run["expected_start_time"][:4] for run in runs(scratch, made["id"])] == ["2020"]
    scratch.delete(f"/deployments/{made['id']}/schedules/{made['schedules'][0]['id']}").raise_for_status()
    assert runs(scratch, made["id"]) == []


@pytest.mark.parametrize("name", ["a/b", "a%", "<", ">", "&"])
def test_queue_of_a_deployment_is_created_only_with_a_name_valid_in_paths(
    scratch: httpx.Client, flow: str, pool: str, name: str
) -> None:
    variables = {"job_variables": {"cpu": 1}}
    deployment = created(scratch, flow, work_pool_name=pool, **variables)["id"]
    for refused in (
        create(scratch, flow, name="other", work_queue_name=name),
        create(scratch, flow, name="other", work_queue_name=name, work_pool_name=pool, **variables),
        scratch.patch(f"/deployments/{deployment}", json={"work_queue_name": name}),
        scratch.post(f"/deployments/{deployment}/create_flow_run", json={"work_queue_name": name, **variables}),
    ):
        assert refused.status_code == 422, refused.text
        assert refused.json()["detail"].startswith("The name of a work queue cannot")
    assert read(scratch, deployment)["work_queue_name"] == "default"


def test_empty_schema_accepts_any_parameters(scratch: httpx.Client, flow: str) -> None:
    deployment = created(scratch, flow, parameter_openapi_schema={"type": "object"}, enforce_parameter_schema=True)
    path = f"/deployments/{deployment['id']}"
    for change, status in (
        ({"parameter_openapi_schema": None}, 204),
        ({"parameters": {"x": 1}}, 409),
        ({"parameter_openapi_schema": {}, "parameters": {"x": 1}}, 204),
        ({"parameters": {"x": 2}}, 204),
    ):
        assert scratch.patch(path, json=change).status_code == status, change


def test_queues_that_select_a_deployment(scratch: httpx.Client, flow: str, pool: str) -> None:
    made = created(scratch, flow, tags=["a", "b"])
    filters: dict[str, Any] = {"all": None, "tag": {"tags": ["a"]}, "other": {"tags": ["c"]}}
    filters |= {"own": {"deployment_ids": [made["id"]]}, "foreign": {"deployment_ids": [str(uuid4())]}}
    names = {name: f"{name}-{uuid4()}" for name in filters}
    for name, chosen in filters.items():
        scratch.post("/work_queues/", json={"name": names[name], "filter": chosen}).raise_for_status()
    checked = scratch.get(f"/deployments/{made['id']}/work_queue_check").json()
    found = {each["name"]: each["filter"] for each in checked}
    assert {name: found[full] for name, full in names.items() if full in found} == {
        "all": None,
        "tag": {"tags": ["a"], "deployment_ids": None},
        "own": {"tags": None, "deployment_ids": [made["id"]]},
    }


def test_former_concurrency_limit_of_a_row_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_text('{"name": "f"}')
    (tmp_path / "deployments.jsonl").write_text('{"name": "d", "flow": "f", "concurrency_limit": 3}')
    with stand_in(tmp_path) as api:
        assert api.get("/deployments/name/f/d").json()["concurrency_limit"] is None


def test_other_methods_are_rejected_with_the_first_of_a_real_server(scratch: httpx.Client) -> None:
    answer = scratch.put(f"/deployments/{uuid4()}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "PATCH")


def test_limit_of_a_deployment_is_not_created_if_its_name_exists(scratch: httpx.Client, flow: str) -> None:
    """A deployment that changes to a global limit keeps its former limit."""
    deployment = created(scratch, flow, name="limited", concurrency_limit=1)["id"]
    limit = scratch.post("/v2/concurrency_limits/", json={"name": f"limit-{uuid4()}", "limit": 2}).json()["id"]
    path = f"/deployments/{deployment}"
    for fields in ({"global_concurrency_limit_id": limit}, {"concurrency_limit": None}):
        assert scratch.patch(path, json=fields).status_code == 204
    assert scratch.patch(path, json={"concurrency_limit": 3}).status_code == 409
    assert read(scratch, deployment)["global_concurrency_limit"] is None


def test_anchor_keeps_its_offset(scratch: httpx.Client, flow: str) -> None:
    anchor = "2025-01-01T00:00:00+02:00"
    schedule = {"interval": 3600, "anchor_date": anchor}
    deployment = created(scratch, flow, name="anchored", schedules=[{"schedule": schedule}])
    for row in (deployment, read(scratch, deployment["id"])):
        assert row["schedules"][0]["schedule"] == {"interval": 3600.0, "anchor_date": anchor, "timezone": "UTC"}


@pytest.mark.parametrize("way", ["/flow_runs/", "create_flow_run", "create_flow_run/bulk"])
def test_runs_are_created_by_the_automation_that_headers_name(scratch: httpx.Client, flow: str, way: str) -> None:
    deployment, automation = created(scratch, flow, name=f"d-{uuid4()}")["id"], str(uuid4())

    def creator(name: bytes) -> object:
        headers = {"prefect-automation-id": automation, "prefect-automation-name": b64encode(name).decode()}
        path = way if way == "/flow_runs/" else f"/deployments/{deployment}/{way}"
        body: object = {"flow_id": flow, "deployment_id": deployment} if way == "/flow_runs/" else {}
        answer = scratch.post(path, json=[body] if way.endswith("bulk") else body, headers=headers).json()
        run = answer["results"][0]["flow_run_id"] if way.endswith("bulk") else answer["id"]
        return scratch.get(f"/flow_runs/{run}").json()["created_by"]

    assert creator("Mine é".encode()) == {"id": automation, "type": "AUTOMATION", "display_value": "Mine é"}
    assert creator(b"") is None
    assert creator(b"\xff") is None


def test_automation_is_identified_by_its_id(scratch: httpx.Client, flow: str) -> None:
    headers = {"prefect-automation-id": "x", "prefect-automation-name": "bWluZQ=="}
    refused = scratch.post("/flow_runs/", json={"flow_id": flow}, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["exception_detail"][0]["loc"] == ["header", "prefect-automation-id"]
    assert refused.json()["request_body"] == {"flow_id": flow}


@pytest.mark.parametrize("way", ["/flow_runs/", "/deployments/", "create_flow_run", "create_flow_run/bulk"])
def test_errors_of_headers_precede_those_of_the_body(scratch: httpx.Client, way: str) -> None:
    path = way if way.startswith("/") else f"/deployments/{uuid4()}/{way}"
    places = []
    wrong = {"tags": 5, "flow_id": "x", "name": 5, "parameters": {}}
    for body in ([wrong] if way.endswith("bulk") else wrong, None):
        refused = scratch.post(path, json=body, headers={"prefect-automation-id": ""}).json()
        assert refused["request_body"] == body
        places.append([each["loc"][0] for each in refused["exception_detail"]])
    headers = ["header"] * (2 if way == "/deployments/" else 1)
    assert [each[: len(headers)] for each in places] == [headers] * 2
    assert {*places[0][len(headers) :]} == {"body"}


def test_states_of_scheduled_runs_have_the_time_zone_of_their_schedule(scratch: httpx.Client, flow: str) -> None:
    deployment = created(scratch, flow, name="zoned", schedules=[{"schedule": DAILY}])["id"]
    scratch.post(f"/deployments/{deployment}/schedule", json={"start_time": "2031-03-29T00:00:00Z", "max_runs": 2})
    times = [
        (run["expected_start_time"], run["state"]["state_details"]["scheduled_time"])
        for run in runs(scratch, deployment)
    ]
    assert times == [
        ("2031-03-29T08:00:00Z", "2031-03-29T09:00:00+01:00"),
        ("2031-03-30T07:00:00Z", "2031-03-30T09:00:00+02:00"),
    ]


def test_pause_updates_only_active_deployments(scratch: httpx.Client, flow: str) -> None:
    deployment = created(scratch, flow, name="paused")["id"]
    updated = []
    for action in ("resume", "pause", "pause", "resume"):
        scratch.post(f"/deployments/{deployment}/{action}_deployment").raise_for_status()
        updated.append(read(scratch, deployment)["updated"])
    assert [before == after for before, after in pairwise(updated)] == [False, True, False]


def test_last_of_schedules_changed_together_is_listed_first(scratch: httpx.Client, flow: str) -> None:
    slugs = ["a", "b", "c", "d"]
    made = created(scratch, flow, name="ordered", schedules=[{"schedule": DAILY, "slug": slug} for slug in slugs])
    for order in (slugs, slugs[::-1], ["b", "d", "a", "c"]):
        changes = [{"slug": slug, "active": False} for slug in order]
        scratch.patch(f"/deployments/{made['id']}", json={"schedules": changes}).raise_for_status()
        assert [each["slug"] for each in read(scratch, made["id"])["schedules"]] == order[::-1]
