"""The order of the events of rows that one request changes, and the event of a changed deployment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from understudy import StandIn

Json = dict[str, Any]
POOL, QUEUE = "prefect.work-pool.created", "prefect.work-queue.created"
DEPLOYMENT, RUN = "prefect.deployment.created", "prefect.flow-run.Scheduled"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    with StandIn(fixtures=tmp_path) as server, httpx.Client(base_url=server.url) as client:
        yield client


def created(api: httpx.Client, path: str, body: Json) -> Json:
    response = api.post(path, json=body)
    assert response.is_success, response.text
    row: Json = response.json()
    return row


def new_deployment(api: httpx.Client, **values: Any) -> Json:
    flow = created(api, "/flows/", {"name": "load"})
    return created(api, "/deployments/", {"name": "nightly", "flow_id": flow["id"], **values})


def events(api: httpx.Client) -> list[Json]:
    """All events, sorted by their time."""
    found: list[Json] = api.post("/events/filter", json={"limit": 50, "filter": {"order": "ASC"}}).json()["events"]
    return found


def order(api: httpx.Client, *names: str) -> list[tuple[str, str]]:
    return [
        (event["event"], event["resource"]["prefect.resource.name"]) for event in events(api) if event["event"] in names
    ]


AGENT_POOL = [(QUEUE, "default"), (POOL, "default-agent-pool"), (QUEUE, "fast")]


def test_deployment_creates_the_pool_for_agents_before_its_queue(api: httpx.Client) -> None:
    new_deployment(api, work_queue_name="fast")
    assert order(api, POOL, QUEUE, DEPLOYMENT) == [*AGENT_POOL, (DEPLOYMENT, "nightly")]


def test_changed_deployment_creates_the_pool_for_agents_before_its_queue(api: httpx.Client) -> None:
    deployment = new_deployment(api)
    api.patch(f"/deployments/{deployment['id']}", json={"work_queue_name": "fast"})
    assert order(api, POOL, QUEUE) == AGENT_POOL


def test_queue_without_a_pool_comes_after_the_pool_for_agents(api: httpx.Client) -> None:
    created(api, "/work_queues/", {"name": "fast"})
    assert order(api, POOL, QUEUE) == AGENT_POOL


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("state", [{}, {"state": {"type": "SCHEDULED"}}])
def test_queue_created_by_a_run_comes_before_its_state(api: httpx.Client, state: Json, many: bool) -> None:
    path = f"/deployments/{new_deployment(api, work_queue_name='default')['id']}/create_flow_run"
    run = {"name": "first", "work_queue_name": "other", **state}
    if many:
        api.post(f"{path}/bulk", json=[run]).raise_for_status()
    else:
        created(api, path, run)
    assert order(api, QUEUE, RUN)[-2:] == [(QUEUE, "other"), (RUN, "first")]


def changes(api: httpx.Client) -> list[tuple[list[str], list[str]]]:
    """The changed fields of each change of a deployment, and the roles of the related resources."""
    return [
        (event["payload"]["updated_fields"], [each["prefect.resource.role"] for each in event["related"]])
        for event in events(api)
        if event["event"] == "prefect.deployment.updated"
    ]


def test_event_of_a_change_does_not_have_a_new_concurrency_limit(api: httpx.Client) -> None:
    path = f"/deployments/{new_deployment(api)['id']}"
    api.patch(path, json={"concurrency_limit": 1})
    assert changes(api) == []
    api.patch(path, json={"concurrency_limit": None})
    assert changes(api) == [(["concurrency_limit_id"], ["flow"])]
    api.patch(path, json={"concurrency_limit": 1, "description": "quick"})
    assert changes(api)[1:] == [(["description"], ["flow", "concurrency-limit"])]


def test_event_of_a_change_has_a_global_concurrency_limit(api: httpx.Client) -> None:
    limit = created(api, "/v2/concurrency_limits/", {"name": "all", "limit": 1})
    path = f"/deployments/{new_deployment(api)['id']}"
    api.patch(path, json={"global_concurrency_limit_id": limit["id"]})
    assert changes(api) == [(["concurrency_limit_id"], ["flow", "concurrency-limit"])]


def test_event_of_a_replaced_deployment_has_a_new_concurrency_limit(api: httpx.Client) -> None:
    new_deployment(api)
    new_deployment(api, concurrency_limit=1)
    assert changes(api) == [(["concurrency_limit_id"], ["flow", "concurrency-limit"])]


def queues_of(api: httpx.Client) -> list[Json]:
    """The queues of a new pool; those with the lowest priorities were created first."""
    created(api, "/work_pools/", {"name": "pool"})
    for name, priority in [("a", 5), ("b", 1), ("c", 3), ("d", 1)]:
        created(api, "/work_pools/pool/queues", {"name": name, "priority": priority})
    found: list[Json] = api.post("/work_pools/pool/queues/filter", json={}).json()
    return found


def test_queues_are_deleted_with_their_pool_in_the_order_of_their_priorities(api: httpx.Client) -> None:
    queues = queues_of(api)
    api.delete("/work_pools/pool").raise_for_status()
    names = [name for _, name in order(api, "prefect.work-queue.deleted", "prefect.work-pool.deleted")]
    assert names == [*(queue["name"] for queue in sorted(queues, key=lambda queue: queue["priority"])), "pool"]


def test_queues_become_ready_in_the_order_of_their_ids(api: httpx.Client) -> None:
    queues = queues_of(api)
    api.post("/work_pools/pool/get_scheduled_flow_runs", json={}).raise_for_status()
    names = [name for _, name in order(api, "prefect.work-queue.ready")]
    assert names == [queue["name"] for queue in sorted(queues, key=lambda queue: str(queue["id"]))]


def test_deployments_become_ready_in_the_order_of_their_ids(api: httpx.Client) -> None:
    flow = created(api, "/flows/", {"name": "load"})
    rows = [
        created(api, "/deployments/", {"name": name, "flow_id": flow["id"], "work_queue_name": "fast"})
        for name in "abcdef"
    ]
    api.post("/work_pools/default-agent-pool/get_scheduled_flow_runs", json={}).raise_for_status()
    names = [name for _, name in order(api, "prefect.deployment.ready")]
    assert names == [row["name"] for row in sorted(rows, key=lambda row: str(row["id"]))]
