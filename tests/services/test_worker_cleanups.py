"""Cleanups: a worker removes the infrastructure of runs whose cancellation timed out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.sync.connection import Connection

from tests.services.conftest import posted
from tests.test_streams import CONNECT, REQUIRED, heard, hello, message, say, stream
from understudy.admin.client import RemoteWorkspace

KIND = "cancelling_timeout_teardown.v1"
CLEANUP = "cleanup_delivery.v1"


def cancelling(api: httpx.Client, queue: str = "default", pool: str = "pool", **fields: Any) -> str:
    """A cancelling run."""
    flow = posted(api, "/flows/", name="flow")["id"]
    deployment = posted(api, "/deployments/", name=queue, flow_id=flow, work_pool_name=pool, work_queue_name=queue)
    run = posted(api, f"/deployments/{deployment['id']}/create_flow_run")["id"]
    for kind in ("RUNNING", "CANCELLING"):
        api.patch(f"/flow_runs/{run}", json=fields).raise_for_status()
        posted(api, f"/flow_runs/{run}/set_state", state={"type": kind}, force=True)
    return str(run)


def timed_out(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    """Let all cancellations time out."""
    workspace.clock.advance(301)
    api.get("/health").raise_for_status()


@contextmanager
def worker(api: httpx.Client, **more: Any) -> Iterator[Connection]:
    """A worker that accepts cleanups."""
    with stream(api, CONNECT) as connection:
        cleans = {"requested_capabilities": [*REQUIRED, CLEANUP], "handled_cleanup_kinds": [KIND]}
        say(connection, hello(**{**cleans, **more}))
        payload = heard(connection)["payload"]
        assert (payload["accepted_capabilities"], payload["rejected_capabilities"]) == ([*REQUIRED, CLEANUP], [])
        assert payload["effective_max_cleanup_concurrency"] == more.get("max_cleanup_concurrency", 1)
        yield connection


def cleanup(connection: Connection) -> dict[str, Any]:
    received = heard(connection)
    assert received["type"] == "cleanup.message.v1"
    return dict(received["payload"])


def answer(connection: Connection, operation: str, of: dict[str, Any], **more: Any) -> tuple[str, str | None]:
    """The status of an operation on a cleanup, and the reason for it."""
    sent = message(
        f"cleanup.{operation}.v1", message_id=of["message_id"], **{"reservation_token": of["reservation_token"], **more}
    )
    say(connection, sent)
    received = heard(connection)
    assert (received["type"], received["payload"]["request_frame_id"]) == ("cleanup.operation_result.v1", sent["id"])
    assert (received["payload"]["operation"], received["payload"]["message_id"]) == (operation, of["message_id"])
    assert (received["payload"]["lease_expires_at"] is not None) == (
        operation == "renew" and received["payload"]["status"] == "accepted"
    )
    return received["payload"]["status"], received["payload"]["reason"]


@pytest.fixture(autouse=True)
def pool(api: httpx.Client) -> dict[str, Any]:
    return dict(posted(api, "/work_pools/", name="pool", type="process"))


def test_worker_gets_a_cancellation_that_timed_out(
    workspace: RemoteWorkspace, api: httpx.Client, pool: dict[str, Any]
) -> None:
    run = cancelling(api, infrastructure_pid="host:1")
    with worker(api) as connection:
        timed_out(workspace, api)
        received = cleanup(connection)
        assert (received["kind"], received["delivery_count"], received["data"]) == (KIND, 1, {})
        assert received["target"] == {"flow_run_id": run, "infrastructure_pid": "host:1"}
        assert received["work_queue_id"] == pool["default_queue_id"]
        assert answer(connection, "renew", received) == ("accepted", None)
        assert answer(connection, "ack", received, reservation_token="other") == (
            "invalid_token",
            "reservation_token_mismatch",
        )
        assert answer(connection, "ack", received) == ("accepted", None)
        assert answer(connection, "ack", received) == ("not_found", "message_not_found")
    assert workspace.rows("worker_cleanups") == []


def test_cleanup_waits_for_a_worker_and_is_delivered_three_times(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    cancelling(api)
    timed_out(workspace, api)
    with worker(api) as connection:
        first = cleanup(connection)
        assert answer(connection, "release", first, reason="busy") == ("accepted", None)
        second = cleanup(connection)
        assert (second["message_id"], second["delivery_count"]) == (first["message_id"], 2)
        workspace.clock.advance(31)  # its lease ends
        third = cleanup(connection)
        assert (third["message_id"], third["delivery_count"]) == (first["message_id"], 3)
        reason = "max_delivery_attempts_reached"
        assert answer(connection, "release", third, reason="busy") == ("dead_lettered", reason)
    assert workspace.rows("worker_cleanups") == []


def test_worker_gets_its_number_of_cleanups_with_those_of_its_queues_first(
    workspace: RemoteWorkspace, api: httpx.Client
) -> None:
    runs = [cancelling(api, queue) for queue in ("other", "default", "default", "default")]
    timed_out(workspace, api)
    with worker(api, max_cleanup_concurrency=2, work_queue_names=["default"]) as connection:
        received = [cleanup(connection) for _ in range(2)]
        assert answer(connection, "renew", received[0]) == ("accepted", None)  # and no third one before it
        assert answer(connection, "ack", received[1]) == ("accepted", None)
        received.append(cleanup(connection))
        assert {each["target"]["flow_run_id"] for each in received} == {*runs[1:]}
        assert answer(connection, "ack", received[0]) == ("accepted", None)
        assert cleanup(connection)["target"]["flow_run_id"] == runs[0]


def test_only_workers_that_hold_a_cleanup_can_change_it(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    cancelling(api)
    timed_out(workspace, api)
    posted(api, "/work_pools/", name="second", type="process")
    with worker(api) as connection, stream(api, CONNECT.replace("pool/", "second/")) as stranger:
        say(stranger, hello(requested_capabilities=[*REQUIRED, CLEANUP], handled_cleanup_kinds=[KIND]))
        assert heard(stranger)["type"] == "worker.ready.v1"
        received = cleanup(connection)
        assert answer(stranger, "ack", received) == ("unauthorized", "work_pool_mismatch")
        with stream(api, CONNECT) as plain:
            say(plain, hello(worker_name="plain"))
            assert heard(plain)["payload"]["accepted_capabilities"] == REQUIRED
            assert answer(plain, "ack", received) == ("unauthorized", "cleanup_delivery_not_accepted")
    workspace.clock.advance(31)
    api.get("/health").raise_for_status()
    kinds = ["pending_claim_teardown.v1"]
    with worker(api, handled_cleanup_kinds=kinds, consumer_id=str(uuid4()), worker_name="other") as connection:
        assert answer(connection, "ack", received) == ("not_current", "no_active_reservation")


@pytest.mark.parametrize("kind", ["ecs:push", "prefect:managed"])
def test_pools_without_workers_have_no_cleanups(workspace: RemoteWorkspace, api: httpx.Client, kind: str) -> None:
    posted(api, "/work_pools/", name="serverless", type=kind)
    run = cancelling(api, pool="serverless")
    timed_out(workspace, api)
    assert api.get(f"/flow_runs/{run}").json()["state_type"] == "CANCELLED"
    assert workspace.rows("worker_cleanups") == []


def test_worker_without_cleanup_support_gets_none(api: httpx.Client) -> None:
    for more in ({}, {"handled_cleanup_kinds": [KIND], "max_cleanup_concurrency": 0}):
        with stream(api, CONNECT) as connection:
            say(connection, hello(requested_capabilities=[*REQUIRED, CLEANUP], **more))
            payload = heard(connection)["payload"]
            assert (payload["accepted_capabilities"], payload["rejected_capabilities"]) == (REQUIRED, [CLEANUP])
            assert payload["effective_max_cleanup_concurrency"] == 0
