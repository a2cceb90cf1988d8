"""Task runs: shown with estimates, of which pages have fewer; created with their first state."""

from collections.abc import Mapping
from heapq import nlargest
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from pyroaring import BitMap

from understudy.contract.columns import ID, Column
from understudy.errors import Conflict, NotFound, ObjectNotFound
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import check_keys
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.tables.table import Table
from understudy.values import MICROSECOND, key_of, new_id, now, time_of_change
from understudy.workspaces.workspace import Workspace

from . import CONFLICT
from .logs import OF_TASK_RUN, delete_logs
from .names import new_name
from .orchestration import task_states
from .orchestration.results import answer_of
from .orchestration.transition import proposed_state
from .runs import estimate

FLOW_RUN_ID, TASK_KEY, DYNAMIC_KEY = Column(("flow_run_id",)), Column(("task_key",)), Column(("dynamic_key",))
DURATION = Column(("estimated_run_time",))
TOTAL, EXPECTED = Column(("total_run_time",)), Column(("expected_start_time",))
STATE_TYPE, STATE_TIMESTAMP = Column(("state_type",)), Column(("state_timestamp",))

IN_PAGES = (
    "id", "created", "updated", "name", "flow_run_id", "task_key", "state_id", "state", "task_version", "task_inputs",
    "empirical_policy", "tags", "start_time", "end_time", "total_run_time", "estimated_run_time",
    "estimated_start_time_delta",
)  # fmt: skip


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    estimate(row)


def create_task_run(workspace: Workspace, body: dict[str, Any]) -> Answer:
    runs, moment = workspace["task_runs"], now()
    existing = same_runs(runs, body)
    if existing:
        return workspace.shown("task_runs", existing.min()), 200
    run_id = body.get("id") or new_id()
    if runs.find(run_id.int) is not None:
        raise Conflict(CONFLICT)
    values = {name: value for name, value in body.items() if name not in ("id", "state")}
    check_keys(workspace, runs, values, CONFLICT)
    created = moment + MICROSECOND
    values |= {"id": run_id, "created": created, "updated": time_of_change(created)}
    values |= {"name": body.get("name") or new_name(), "labels": labels_of(workspace, body)}
    row = task_states.add_task_run(workspace, values, proposed_state(body.get("state"), moment))
    return workspace.shown("task_runs", row), 201


def delete_task_run(workspace: Workspace, id: UUID) -> Answer:
    row = workspace["task_runs"].find(id.int)
    if row is None:
        raise NotFound("Task not found")
    delete_logs(workspace, OF_TASK_RUN, [id.int])
    workspace.delete("task_runs", [row])
    return NO_CONTENT


def same_runs(runs: Table, body: Mapping[str, Any]) -> BitMap:
    """The runs with the keys of a new one that are in the same flow run or, like the new one, in none."""
    of_flow_run, flow_run_id = runs.index(FLOW_RUN_ID), body.get("flow_run_id")
    rows = of_flow_run.nulls if flow_run_id is None else of_flow_run.rows(flow_run_id.int)
    return rows & runs.index(TASK_KEY).rows(body["task_key"]) & runs.index(DYNAMIC_KEY).rows(body["dynamic_key"])


def labels_of(workspace: Workspace, body: Mapping[str, Any]) -> dict[str, Any]:
    """The labels of a task run's flow run, the label that names the flow run, and its own."""
    own, flow_run_id = body.get("labels") or {}, body.get("flow_run_id")
    if flow_run_id is None:
        return {**own}
    flow_runs = workspace["flow_runs"]
    row = flow_runs.find(flow_run_id.int)
    inherited = {} if row is None else flow_runs.values(row)["labels"] or {}
    return {**inherited, "prefect.flow-run.id": str(flow_run_id), **own}


def read_task_runs(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, offset: int) -> Answer:
    rows = in_order(workspace, criteria, sort, limit, offset)
    return b"[%b]" % b",".join(workspace.shown("task_runs", row) for row in rows)


def paginate_task_runs(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, page: int) -> Answer:
    total = workspace.count("task_runs", criteria)
    rows = in_order(workspace, criteria, sort, limit, (page - 1) * limit)
    shown_rows = [from_json(workspace.shown("task_runs", row)) for row in rows]
    results = [{name: row[name] for name in IN_PAGES} for row in shown_rows]
    pages = -(-total // limit) if limit else 0
    return {"results": results, "count": total, "limit": limit, "pages": pages, "page": page}


def in_order(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, offset: int) -> list[int]:
    """The rows of a page. An order by run time depends on the time of the request."""
    if sort.column != DURATION:
        return workspace.first("task_runs", criteria, sort, limit, offset)
    runs, time, sign = workspace["task_runs"], key_of(now()), 1 if sort.descending else -1

    def rank(row: int) -> tuple[Any, ...]:
        estimated, expected = runs.key(TOTAL, row), runs.key(EXPECTED, row)
        entered = runs.key(STATE_TIMESTAMP, row) if runs.key(STATE_TYPE, row) == "RUNNING" else None
        if entered is not None:
            # A real server's database adds whole milliseconds, so that there are ties within one.
            estimated = (round(estimated * 1000) + in_milliseconds(time) - in_milliseconds(entered)) / 1000
        return sign * estimated, expected is not None, expected, runs.key(ID, row)

    return nlargest(limit + offset, workspace.select("task_runs", criteria), rank)[offset:]


def in_milliseconds(microseconds: int) -> int:
    return (microseconds + 500) // 1000


def set_task_run_state(workspace: Workspace, id: UUID, state: dict[str, Any], force: bool) -> Answer:
    moment, row = now(), workspace["task_runs"].find(id.int)
    if row is None:
        raise ObjectNotFound(f"Task run with id {id} not found")
    return answer_of(task_states.set_task_run_state(workspace, row, proposed_state(state, moment), moment, force=force))
