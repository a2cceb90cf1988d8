"""Logs: they come many at a time."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.operations.actions import insert
from understudy.operations.handler_results import Answer
from understudy.streams.stream import Stream
from understudy.workspaces.workspace import Workspace

from .runs import moment
from .streams import accept, receive_filter


def create_logs(workspace: Workspace, body: list[dict[str, Any]]) -> Answer:
    for log in body:
        texts = {name: log[name].replace("\0", "") for name in ("name", "message")}
        insert(workspace["logs"], {**log, **texts})
    return None


async def stream_out(stream: Stream) -> None:
    """Sends the logs to come that meet a filter."""
    await accept(stream)
    given, _ = await receive_filter(stream, "LogFilter")
    async for rows in stream.changes("logs"):
        for log in await stream.read(encoded, rows=rows):
            if meets(from_json(log), given or {}):
                await stream.send(b'{"type":"log","log":%b}' % log)


def encoded(workspace: Workspace, rows: list[int]) -> list[bytes]:
    return [workspace["logs"].encoded(row) for row in rows if row in workspace["logs"].live]


def meets(log: Mapping[str, Any], filter_: Mapping[str, Any]) -> bool:
    """Whether a log meets the filter of a stream, in which a search for words has no effect."""
    level, time, flow_run, task_run = (
        filter_.get(name) or {} for name in ("level", "timestamp", "flow_run_id", "task_run_id")
    )
    return (
        is_between(log["level"], level.get("ge_"), level.get("le_"))
        and is_between(moment(log["timestamp"]), time.get("after_"), time.get("before_"))
        and is_one_of(log["flow_run_id"], flow_run.get("any_"))
        and is_one_of(log["task_run_id"], task_run.get("any_"))
        and task_run.get("is_null_") in (None, log["task_run_id"] is None)
    )


def is_between(value: Any, least: Any, most: Any) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def is_one_of(value: str | None, ids: Iterable[UUID] | None) -> bool:
    return ids is None or value in {str(each) for each in ids}
