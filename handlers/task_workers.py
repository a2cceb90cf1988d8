"""Workers of background tasks, by the keys of the tasks that they run."""

from datetime import datetime
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.operations.handler_results import Answer
from understudy.streams.stream import Stream
from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace

from .streams import accept, refuse

TASK_KEYS, TASK_KEY, STATE_TYPE = Column(("task_keys",)), Column(("task_key",)), Column(("state_type",))
VIOLATION = 4001  # the code with which a real server closes the stream of a worker

Waiting = tuple[UUID, UUID]
"""A waiting task run: its id, and the id of its state."""


def read_task_workers(workspace: Workspace, task_worker_filter: dict[str, Any] | None) -> Answer:
    workers = workspace["task_workers"]
    keys = task_worker_filter["task_keys"] if task_worker_filter else []
    rows = workers.index(TASK_KEYS).any_of(keys) if keys else workers.live
    return b"[%b]" % b",".join(workspace.shown("task_workers", row) for row in rows)


async def stream_scheduled(stream: Stream) -> None:
    """Sends a worker the scheduled background task runs, each after it has accepted the previous one."""
    await accept(stream)
    message = await stream.receive_object()
    if message.get("type") != "subscribe":
        await refuse(stream, VIOLATION, "Protocol violation: expected 'subscribe' message")
    for name in ("keys", "client_id"):
        if not message.get(name):
            await refuse(stream, VIOLATION, f"Protocol violation: expected '{name}' in subscribe message")
    keys = [str(key) for key in message["keys"]]
    worker = await stream.perform(observe, keys=keys, identifier=str(message["client_id"]))
    try:
        await give_out(stream, keys)
    finally:
        if stream.is_workspace_open:
            await stream.perform(remove_worker, worker=worker)


async def give_out(stream: Stream, keys: list[str]) -> None:
    given: set[Waiting] = stream.shared.setdefault("task runs given to workers", set())
    async for _ in stream.changes("task_runs"):
        while (waiting := await stream.read(next_run, keys=keys, given=given)) is not None:
            run_id, run = waiting
            given.add(run_id)
            try:
                await stream.send(run)
                answer = await stream.receive_object()
            except BaseException:
                given.discard(run_id)
                raise
            if answer.get("type") == "quit":
                return
            if answer.get("type") != "ack":
                given.discard(run_id)
                await refuse(stream, VIOLATION, "Protocol violation: expected 'ack' message")


def next_run(workspace: Workspace, keys: list[str], given: set[Waiting]) -> tuple[Waiting, bytes] | None:
    """The next background task run, with its JSON: a run of the first key that has any.

    Runs that are to be retried come first, then the run that was scheduled first.
    """
    runs = workspace["task_runs"]
    rows = runs.index(TASK_KEY).any_of(keys) & runs.index(STATE_TYPE).rows("SCHEDULED")
    waiting = [(row, values) for row in rows for values in (runs.values(row),) if is_deferred(values)]
    waiting = [(row, values) for row, values in waiting if (values["id"], values["state_id"]) not in given]
    if not waiting:
        return None

    def order(each: tuple[int, dict[str, Any]]) -> tuple[int, bool, datetime, UUID]:
        run = each[1]
        place = keys.index(run["task_key"]), run["state_name"] != "AwaitingRetry"
        return *place, run["state"]["timestamp"], run["state_id"]  # ids of states are in the order of their creation

    row, values = min(waiting, key=order)
    return (values["id"], values["state_id"]), workspace.shown("task_runs", row)


def is_deferred(run: dict[str, Any]) -> bool:
    return run["state"] is not None and bool(run["state"]["state_details"].get("deferred"))


def observe(workspace: Workspace, keys: list[str], identifier: str) -> UUID:
    """Add a worker, or replace the one of the same name. Returns its id."""
    workers = workspace["task_workers"]
    for row in [row for row in workers.live if workers.values(row)["identifier"] == identifier]:
        workers.delete(row)
    row = workers.insert({"id": new_id(), "identifier": identifier, "task_keys": keys, "timestamp": now()})
    worker_id: UUID = workers.values(row)["id"]
    return worker_id


def remove_worker(workspace: Workspace, worker: UUID) -> None:
    row = workspace["task_workers"].find(worker.int)
    if row is not None:
        workspace["task_workers"].delete(row)
