"""Logs, which are created many at a time."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic_core import from_json

from understudy.contract.columns import Column
from understudy.errors import NotFound
from understudy.filters.criteria import Condition
from understudy.filters.query import Sort
from understudy.operations.actions import insert
from understudy.operations.handler_results import Answer, Content
from understudy.streams.stream import Stream
from understudy.values import moment
from understudy.workspaces.workspace import Workspace

from .streams import accept, receive_filter

OF_FLOW_RUN, OF_TASK_RUN = Column(("flow_run_id",)), Column(("task_run_id",))
BY_TIME = Sort(Column(("timestamp",)))
COLUMNS = ("timestamp", "level", "flow_run_id", "task_run_id", "message")


def create_logs(workspace: Workspace, body: list[dict[str, Any]]) -> Answer:
    for log in body:
        texts = {name: log[name].replace("\0", "") for name in ("name", "message")}
        insert(workspace["logs"], {**log, **texts})
    return None


async def stream_out(stream: Stream) -> None:
    """Sends new logs that meet a filter."""
    await accept(stream)
    given, _ = await receive_filter(stream, "LogFilter")
    async for rows in stream.changes("logs"):
        for log in await stream.read(encoded, rows=rows):
            if meets(from_json(log), given or {}):
                await stream.send(b'{"type":"log","log":%b}' % log)


def encoded(workspace: Workspace, rows: list[int]) -> list[bytes]:
    return [workspace["logs"].encoded(row) for row in rows if row in workspace["logs"].live]


def meets(log: Mapping[str, Any], filter_: Mapping[str, Any]) -> bool:
    """Whether a log meets the filter of a stream, in which a text search has no effect."""
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


def download_logs(workspace: Workspace, id: UUID) -> Answer:
    logs, runs = workspace["logs"], workspace["flow_runs"]
    run = runs.find(id.int)
    if run is None:
        raise NotFound("Flow run not found")
    lines = StringIO()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    for row in workspace.first("logs", Condition(OF_FLOW_RUN, "eq_", id.int), BY_TIME, len(logs)):
        values = logs.values(row)
        writer.writerow([values[name] for name in COLUMNS])
    name = quote(f"{runs.values(run)['name']}-logs.csv", safe="")
    headers = {"content-disposition": f"attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''{name}"}
    return Content(lines.getvalue().encode("utf-8", "surrogatepass"), "text/csv; charset=utf-8", headers)


def delete_logs(workspace: Workspace, column: Column, runs: Sequence[int]) -> None:
    """Delete the logs of deleted runs. Logs of runs that are deleted with their flow are kept."""
    workspace.delete("logs", list(workspace["logs"].index(column).any_of(runs)))
