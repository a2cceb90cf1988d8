"""The channel of a worker. It receives heartbeats, and sends changes of the work pool, and cleanups.

Source: `prefect.client.schemas.worker_channel`, `prefect.server.api.workers` and
`prefect.server.utilities.worker_channel`.
"""

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

from pydantic_core import ValidationError, from_json

from understudy.errors import ApiError, NotFound
from understudy.operations.actions import change, matching
from understudy.operations.observers import observing
from understudy.streams.stream import Closed, Stream
from understudy.values import new_id
from understudy.workspaces.workspace import Workspace

from .parameters.parameter_schemas import Mismatch
from .streams import INTERNAL_ERROR, POLICY_VIOLATION, PROTOCOL_ERROR, SUBPROTOCOL, authenticate, refuse
from .work_pools import add_pool, check_defaults, pool_named, queue_named, worker_heartbeat
from .work_queues import NAME, POOL_ID
from .worker_cleanups import Cleaner, cleanup_for, deliver, operate, result_of

VERSION = "work_pool_worker_channel.v1"
CAPABILITIES = ["worker_heartbeat.v1", "work_pool_snapshot.v1"]
CLEANUP = "cleanup_delivery.v1"
WATCHED = ("base_job_template", "concurrency_limit", "is_paused", "storage_configuration")
HELLO, HEARTBEAT = "worker.hello.v1", "worker.heartbeat.v1"
PAYLOADS = {
    HELLO: "WorkerHelloPayload",
    HEARTBEAT: "WorkerHeartbeatPayload",
    "cleanup.ack.v1": "WorkerCleanupPayload",
    "cleanup.release.v1": "WorkerCleanupReleasePayload",
    "cleanup.renew.v1": "WorkerCleanupPayload",
}
AUTHENTICATION, AUTHORIZATION = "authentication_failed", "authorization_failed"
VERSIONS, PROTOCOL, TRANSIENT = "unsupported_version", "protocol_error", "transient_server_error"
CODES = {
    PROTOCOL: PROTOCOL_ERROR,
    TRANSIENT: INTERNAL_ERROR,
}  # close codes of these errors; others violate a policy
Json = dict[str, Any]


class Refused(Exception):
    """A worker cannot connect, for the reason in the text."""


async def connect_worker(stream: Stream, work_pool_name: str) -> None:
    if SUBPROTOCOL not in stream.subprotocols:
        await stream.close(POLICY_VIOLATION)
        raise Closed
    await stream.accept(SUBPROTOCOL)
    await authenticate(stream, AUTHENTICATION)
    message = await receive(stream)
    if message["type"] != HELLO:
        await close(stream, PROTOCOL)
    hello = message["payload"]
    try:
        check_hello(hello)
        template = stream.validator("WorkPoolUpdate").validate_python(
            {"base_job_template": hello["default_base_job_template"]}
        )
        before, ready = await stream.perform(connect, name=work_pool_name, hello=hello, **template)
    except Refused as error:
        await close(stream, str(error))
    except (ApiError, Mismatch):
        await close(stream, PROTOCOL)
    except ValidationError:
        await close(stream, TRANSIENT)
    channel = Channel(stream, work_pool_name, hello, before, ready)
    await channel.send("worker.ready.v1", ready)
    await channel.run()


async def close(stream: Stream, reason: str) -> NoReturn:
    """Close a channel.

    Raises:
        Closed: always.
    """
    await refuse(stream, CODES.get(reason, POLICY_VIOLATION), reason)
    raise Closed


async def receive(stream: Stream) -> Json:
    """The next message of a worker.

    Raises:
        Closed: the protocol has no such message, or the client has closed the connection.
    """
    try:
        message: Json = stream.validator("WorkerMessage").validate_python(await stream.receive_object())
        payload = stream.validator(PAYLOADS[message["type"]]).validate_python(message["payload"])
    except (ValueError, KeyError):
        await close(stream, PROTOCOL)
    return {**message, "payload": payload}


def check_hello(hello: Json) -> None:
    """Check that the parts of a worker's first message are consistent.

    Raises:
        Refused: they are not consistent.
    """
    requested = hello["requested_capabilities"]
    if not set(CAPABILITIES) <= set(requested):
        raise Refused(PROTOCOL)
    if CLEANUP not in requested and (hello["handled_cleanup_kinds"] or hello.get("max_cleanup_concurrency")):
        raise Refused(PROTOCOL)
    if VERSION not in hello["supported_channel_versions"]:
        raise Refused(VERSIONS)


# ----------------------------------------------------------------------- connected


class Channel:
    """The channel of a connected worker.

    Args:
        stream: the connection.
        pool_name: the name of the work pool.
        hello: the payload of the worker's first message.
        known: the fields of the pool that the worker knows and watches.
        ready: the payload of the answer.
    """

    def __init__(self, stream: Stream, pool_name: str, hello: Json, known: Json, ready: Json) -> None:
        self._stream = stream
        self._pool_name = pool_name
        self._worker = {name: hello[name] for name in ("consumer_id", "worker_name")}
        self._known = known
        self._updated: str = ready["initial_snapshot"]["work_pool"]["updated"]
        self._sequence = 1
        self._cleaner = cleaner_of(hello, ready) if CLEANUP in ready["accepted_capabilities"] else None

    async def run(self) -> None:
        """Serve the worker until it closes the connection.

        Raises:
            Closed: the worker has closed it, or the pool was deleted.
        """
        async for has_message in self._stream.signals():
            if has_message:
                await self._answer(await receive(self._stream))
                continue
            if watched(pool := await self._pool()) != self._known:
                await self._send_pool(pool, "work_pool_updated")
            if self._cleaner is not None:
                await self._send_cleanups(self._cleaner)

    async def send(self, kind: str, payload: Json) -> None:
        sent_at = await self._stream.now()
        await self._stream.send({"type": kind, "id": new_id(), "sent_at": sent_at, "payload": payload})

    async def _pool(self) -> Json:
        pool: Json | None = await self._stream.read(pool_shown, name=self._pool_name)
        if pool is None:
            await close(self._stream, AUTHORIZATION)
        return pool

    async def _send_pool(self, pool: Json, reason: str) -> None:
        self._sequence += 1
        self._known, self._updated = watched(pool), pool["updated"]
        snapshot = {"snapshot_sequence": self._sequence, "reason": reason, "work_pool": pool}
        await self.send("work_pool.snapshot.v1", snapshot)

    async def _send_cleanups(self, cleaner: Cleaner) -> None:
        while await self._stream.read(cleanup_for, cleaner=cleaner) is not None:
            cleanup = await self._stream.perform(deliver, cleaner=cleaner)
            if cleanup is not None:
                await self.send("cleanup.message.v1", cleanup)

    async def _answer(self, message: Json) -> None:
        kind, payload = message["type"], message["payload"]
        if kind == HEARTBEAT:
            if {name: payload[name] for name in self._worker} != self._worker:
                await close(self._stream, PROTOCOL)
            pool = await self._pool()
            await self._stream.perform(
                worker_heartbeat,
                work_pool_name=self._pool_name,
                name=payload["worker_name"],
                heartbeat_interval_seconds=payload["heartbeat_interval_seconds"],
            )
            if pool["updated"] != self._updated:
                await self._send_pool(await self._pool(), "heartbeat_reconciliation")
        elif kind == HELLO:
            await close(self._stream, PROTOCOL)
        else:
            result = await self._operate(message["type"].split(".")[1], payload)
            await self.send("cleanup.operation_result.v1", {"request_frame_id": message["id"], **result})

    async def _operate(self, action: str, payload: Json) -> Json:
        """The result of a worker's operation on a cleanup."""
        message = payload["message_id"]
        if self._cleaner is None:
            return result_of(message, action, "unauthorized", "cleanup_delivery_not_accepted")
        arguments = {"action": action, "pool": self._cleaner.pool, "token": payload["reservation_token"]}
        result: Json = await self._stream.perform(operate, message_id=message, **arguments)
        return result


def cleaner_of(hello: Json, ready: Json) -> Cleaner:
    """The worker as a receiver of cleanups."""
    return Cleaner(
        f"{hello['consumer_id']} {hello['worker_name']}",
        UUID(ready["initial_snapshot"]["work_pool"]["id"]),
        frozenset(queue["id"] for queue in ready["resolved_work_queues"]),
        frozenset(hello["handled_cleanup_kinds"]),
        ready["effective_max_cleanup_concurrency"],
    )


def most_cleanups(hello: Json) -> int:
    """How many cleanups a worker takes at the same time: one by default, none if it supports none."""
    can = CLEANUP in hello["requested_capabilities"] and hello["handled_cleanup_kinds"]
    return int(hello.get("max_cleanup_concurrency", 1)) if can else 0


def watched(pool: Mapping[str, Any]) -> Json:
    return {name: pool[name] for name in WATCHED}


# ----------------------------------------------------------------------------- rows


def pool_shown(workspace: Workspace, name: str) -> Json | None:
    rows = matching(workspace["work_pools"], [(NAME, name)])
    return from_json(workspace.shown("work_pools", rows.min())) if rows else None


def connect(workspace: Workspace, name: str, hello: Json, base_job_template: Json) -> tuple[Json, Json]:
    """Record a worker. Returns the watched fields of its pool as they were before, and the response.

    A pool that does not exist is created if the worker requests it. A pool without a template gets that of the worker.

    Raises:
        Refused: there is no such pool or queue, or the pool cannot be created.
    """
    with observing(workspace, "work_queues", "work_pools"):
        if not matching(workspace["work_pools"], [(NAME, name)]):
            if not hello["create_pool_if_not_found"] or name.lower().startswith("prefect"):
                raise Refused(AUTHORIZATION)
            values = {"name": name, "type": hello["worker_type"], "is_paused": False}
            add_pool(workspace, {**values, "base_job_template": base_job_template})
        before = pool_shown(workspace, name) or {}
        queues = queues_of(workspace, name, hello["work_queue_names"])
        if base_job_template and not before["base_job_template"]:
            check_defaults(workspace, base_job_template)
            row = pool_named(workspace, name)
            change(workspace["work_pools"], row, {"base_job_template": base_job_template})
    worker_heartbeat(workspace, name, hello["worker_name"], hello["heartbeat_interval_seconds"])
    return watched(before), ready_message(hello, queues, pool_shown(workspace, name))


def ready_message(hello: Json, queues: list[Json], pool: Json | None) -> Json:
    """The response to the hello of a worker: which of its capabilities are accepted, its queues, and its pool."""
    requested, most = dict.fromkeys(hello["requested_capabilities"]), most_cleanups(hello)
    accepted = [*CAPABILITIES, CLEANUP] if most else CAPABILITIES
    return {
        "consumer_id": hello["consumer_id"],
        "worker_id": None,
        "selected_channel_version": VERSION,
        "effective_heartbeat_interval_seconds": hello["heartbeat_interval_seconds"],
        "accepted_capabilities": accepted,
        "rejected_capabilities": [each for each in requested if each not in accepted],
        "effective_max_cleanup_concurrency": most,
        "resolved_work_queues": queues,
        "initial_snapshot": {"snapshot_sequence": 1, "reason": "initial", "work_pool": pool},
    }


def queues_of(workspace: Workspace, pool_name: str, names: list[str]) -> list[Json]:
    """The ids and names of some queues of a pool; of all queues, if none is named.

    Raises:
        Refused: there is no such queue.
    """
    queues = workspace["work_queues"]
    try:
        rows = [queue_named(workspace, pool_name, name) for name in dict.fromkeys(names)]
    except NotFound:
        raise Refused(AUTHORIZATION) from None
    if not names:
        pool: UUID = workspace["work_pools"].values(pool_named(workspace, pool_name))["id"]
        rows = sorted(matching(queues, [(POOL_ID, pool.int)]), key=lambda row: queues.values(row)["priority"])
    return [{name: queues.values(row)[name] for name in ("id", "name")} for row in rows]
