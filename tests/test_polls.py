"""Polls for runs to start, and which runs take slots."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

START = "2030-01-01T00:00:00Z"


class Pool:
    """A work pool with some queues, and a deployment in its default queue."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.name = str(self.post("/work_pools/", name=f"pool-{uuid4()}", type="process")["name"])
        self.flow = str(self.post("/flows/", name=f"flow-{uuid4()}")["id"])
        deployment = self.post("/deployments/", name="d", flow_id=self.flow, work_pool_name=self.name)
        self.deployment, self.default = str(deployment["id"]), str(deployment["work_queue_id"])

    def post(self, path: str, **body: object) -> Any:
        return self.api.post(path, json=body).raise_for_status().json()

    def queue(self, name: str, **fields: object) -> str:
        return str(self.post(f"/work_pools/{self.name}/queues", name=name, **fields)["id"])

    def run(self, name: str, queue: str | None = None, kind: str = "SCHEDULED", hour: int = 0) -> None:
        details = {"scheduled_time": f"2030-01-01T{hour:02}:00:00Z"} if kind == "SCHEDULED" else {}
        state = {"type": kind, "state_details": details}
        self.post(f"/deployments/{self.deployment}/create_flow_run", name=name, work_queue_name=queue, state=state)

    def poll(self, **body: object) -> list[str]:
        found = self.post(f"/work_pools/{self.name}/get_scheduled_flow_runs", **body)
        return [each["flow_run"]["name"] for each in found]


@pytest.fixture
def pool(scratch: httpx.Client) -> Pool:
    return Pool(scratch)


def test_runs_are_sorted_by_the_priority_of_their_queue_then_by_time(pool: Pool) -> None:
    pool.queue("urgent", priority=1)
    pool.run("late", hour=5)
    pool.run("early", hour=1)
    pool.run("urgent", "urgent", hour=9)
    pool.run("going", kind="RUNNING")
    assert pool.poll() == ["urgent", "early", "late"]
    assert pool.poll(limit=1) == ["urgent"]
    assert pool.poll(work_queue_names=["default"]) == ["early", "late"]
    assert pool.poll(scheduled_before="2030-01-01T02:00:00Z") == ["early"]
    assert pool.poll(scheduled_after="2030-01-01T05:00:00Z") == ["urgent", "late"]
    unknown = pool.api.post(f"/work_pools/{pool.name}/get_scheduled_flow_runs", json={"work_queue_names": ["x"]})
    assert unknown.status_code == 404


def test_worker_gets_runs_of_the_requested_queue(pool: Pool) -> None:
    queue = pool.queue("urgent", priority=1)
    pool.run("asked", "urgent")
    pool.run("not-asked")
    pool.api.patch(f"/work_queues/{queue}", json={"name": "renamed"}).raise_for_status()
    found = pool.post(f"/work_pools/{pool.name}/get_scheduled_flow_runs")
    queues = [(each["flow_run"]["work_queue_name"], each["flow_run"]["work_queue_id"]) for each in found]
    assert queues == [("urgent", queue), (None, pool.default)]
    assert list(found[0]["flow_run"])[-3:] == ["work_queue_id", "state", "job_variables"]
    rows = pool.post("/flow_runs/filter", flow_runs={"deployment_id": {"any_": [pool.deployment]}}, sort="NAME_ASC")
    assert [row["work_queue_name"] for row in rows] == ["renamed", "default"]


def test_limits_and_pauses_hold_runs_back(pool: Pool) -> None:
    for hour in range(3):
        pool.run(f"run-{hour}", hour=hour)
    pool.run("going", kind="PENDING")
    path = f"/work_pools/{pool.name}"
    pool.api.patch(f"{path}/queues/default", json={"concurrency_limit": 3}).raise_for_status()
    assert pool.poll() == ["run-0", "run-1"]
    pool.api.patch(path, json={"concurrency_limit": 2}).raise_for_status()
    assert pool.poll() == ["run-0"]
    pool.api.patch(f"{path}/queues/default", json={"is_paused": True}).raise_for_status()
    assert pool.poll() == []


def test_polled_queues_and_deployments_are_ready(pool: Pool) -> None:
    queue, deployment = f"/work_queues/{pool.default}", f"/deployments/{pool.deployment}"
    before = pool.api.get(deployment).json()
    assert (pool.api.get(queue).json()["status"], before["status"]) == ("NOT_READY", "NOT_READY")
    assert pool.api.get(f"{queue}/status").json()["healthy"] is False
    pool.api.post(f"{queue}/get_runs", json={}, headers={"x-prefect-ui": "true"}).raise_for_status()
    assert pool.api.get(queue).json()["last_polled"] is None
    pool.poll()
    after = pool.api.get(deployment).json()
    assert (pool.api.get(queue).json()["status"], after["status"]) == ("READY", "READY")
    assert after["last_polled"] is not None
    assert after["updated"] == before["updated"]
    assert pool.api.get(f"{queue}/status").json()["healthy"] is True


def test_single_queue_is_polled(pool: Pool) -> None:
    name = f"queue-{uuid4()}"
    queue = pool.queue(name, concurrency_limit=2)
    for hour in (3, 1, 2):
        pool.run(f"run-{hour}", name, hour=hour)
    pool.run("going", name, kind="RUNNING")
    found = pool.post(f"/work_queues/{queue}/get_runs", scheduled_before="2030-01-01T02:00:00Z")
    assert [run["name"] for run in found] == ["run-1"]
    assert (found[0]["work_queue_name"], found[0]["work_pool_name"]) == (name, None)
    nobody = uuid4()
    answer = pool.api.post(f"/work_queues/{nobody}/get_runs", json={})
    assert (answer.status_code, answer.json()) == (
        404,
        {"exception_message": f"Work queue with id {nobody} not found."},
    )


def test_queue_with_a_filter_has_runs_by_their_tags(pool: Pool) -> None:
    tag = f"tag-{uuid4()}"
    chosen = {"tags": [tag]}
    queue = pool.post("/work_queues/", name=f"queue-{uuid4()}", filter=chosen)["id"]
    path = f"/deployments/{pool.deployment}/create_flow_run"
    pool.post(path, name="tagged", tags=[tag])
    pool.post(path, name="other")
    assert [run["name"] for run in pool.post(f"/work_queues/{queue}/get_runs")] == ["tagged"]
    for deployments, found in (([pool.deployment], ["other", "tagged"]), ([str(uuid4())], []), ([], [])):
        filter_ = {"deployment_ids": deployments}
        queue = pool.post("/work_queues/", name=f"queue-{uuid4()}", filter=filter_)["id"]
        assert sorted(run["name"] for run in pool.post(f"/work_queues/{queue}/get_runs")) == found


def test_deployments_are_polled(pool: Pool) -> None:
    pool.run("second", hour=2)
    pool.run("first", hour=1)
    path = "/deployments/get_scheduled_flow_runs"
    found = pool.post(path, deployment_ids=[pool.deployment])
    assert [run["name"] for run in found] == ["first", "second"]
    assert pool.post(path, deployment_ids=[pool.deployment], scheduled_before=START) == []
    assert pool.api.get(f"/deployments/{pool.deployment}").json()["status"] == "READY"
    assert pool.api.post(path, json={}).status_code == 422


def test_runs_that_take_slots_are_listed(pool: Pool) -> None:
    pool.queue("other")
    for kind in ("RUNNING", "PENDING", "SCHEDULED", "CANCELLING"):
        pool.run(kind.lower(), kind=kind)
    status = pool.post(f"/work_pools/{pool.name}/concurrency_status", flow_run_limit=1)
    assert (status["active_slots"], status["count"], status["pages"]) == (2, 2, 1)
    default, other = status["queues"]
    assert (default["flow_run_count"], len(default["flow_runs"]), other["flow_runs"]) == (2, 1, [])
    assert default["flow_runs"][0]["time_in_current_state"] >= 0
    name = f"queue-{uuid4()}"  # runs without a queue count by its name
    queue = pool.queue(name)
    for kind in ("RUNNING", "PENDING", "SCHEDULED", "CANCELLING"):
        pool.run(kind.lower(), name, kind=kind)
    own = pool.post(f"/work_queues/{queue}/concurrency_status", limit=2, page=2)
    assert (own["active_slots"], own["count"], own["pages"], len(own["flow_runs"])) == (3, 3, 2, 1)
    answers = [
        pool.api.post(f"/{path}/concurrency_status", json={}) for path in ("work_pools/x", f"work_queues/{uuid4()}")
    ]
    assert [answer.json()["detail"] for answer in answers] == ["Work pool 'x' not found.", "Work queue not found."]
