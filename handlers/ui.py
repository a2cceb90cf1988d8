"""Operations for the web UI: counts and times of runs, and validation of values against a schema."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from math import floor
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.contract.columns import Column
from understudy.errors import NotFound, Unprocessable
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.handler_results import Answer
from understudy.values import now
from understudy.workspaces.workspace import Workspace

from .histories import milliseconds
from .parameters.hydration import Hydration
from .parameters.parameter_schemas import Mismatch, as_meant, check_schema, error_tree, errors_of

FLOW_ID, FLOW_RUN_ID = Column(("flow_id",)), Column(("flow_run_id",))
STATE_TYPE, PARENT = Column(("state_type",)), Column(("parent_task_run_id",))
STATE_TYPES = (
    "COMPLETED", "PENDING", "RUNNING", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING", "SCHEDULED",
)  # fmt: skip
FAILED = ("CRASHED", "FAILED")
INTERVALS = 20  # the number of intervals in the dashboard
LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
NEXT_RUN = ("id", "flow_id", "name", "state_name", "state_type", "next_scheduled_start_time")


def count_deployments_by_flow(workspace: Workspace, flow_ids: list[UUID]) -> Answer:
    of_flow = workspace["deployments"].index(FLOW_ID)
    return {str(flow_id): len(of_flow.rows(flow_id.int)) for flow_id in flow_ids}


def next_runs_by_flow(workspace: Workspace, flow_ids: list[UUID]) -> Answer:
    return {str(flow_id): next_run(workspace, flow_id) for flow_id in flow_ids}


def next_run(workspace: Workspace, flow_id: UUID) -> dict[str, Any] | None:
    """The scheduled run of a flow that starts first; of several, the one that was expected last, and then the newest.

    A real server finds them by the index of these times.
    """
    runs = workspace["flow_runs"]
    rows = runs.index(FLOW_ID).rows(flow_id.int) & runs.index(STATE_TYPE).rows("SCHEDULED")
    scheduled = [run for run in map(runs.values, rows) if run["next_scheduled_start_time"] is not None]
    if not scheduled:
        return None
    start = min(run["next_scheduled_start_time"] for run in scheduled)
    first = [run for run in scheduled if run["next_scheduled_start_time"] == start]
    shown = max(reversed(first), key=expected_start)
    return {name: shown[name] for name in NEXT_RUN}


def expected_start(run: Mapping[str, Any]) -> datetime:
    """When a run was expected to start, or has started; long ago if neither is known."""
    start: datetime = run["start_time"] or run["expected_start_time"] or LONG_AGO
    return start


def read_flow_run_history(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, offset: int) -> Answer:
    """Runs with their times. A negative limit means no limit, as in SQL."""
    most = len(workspace["flow_runs"]) if limit < 0 else limit
    runs = from_json(workspace.page("flow_runs", criteria, sort, most, offset))
    return [
        {
            "id": run["id"], "state_type": run["state_type"],
            "timestamp": run["start_time"] or run["expected_start_time"],
            "duration": run["estimated_run_time"], "lateness": run["estimated_start_time_delta"],
        }
        for run in runs
    ]  # fmt: skip


def count_task_runs_by_flow_run(workspace: Workspace, flow_run_ids: list[UUID]) -> Answer:
    task_runs, subflow_runs = workspace["task_runs"], workspace["flow_runs"].index(PARENT)

    def count(flow_run_id: UUID) -> int:
        ids = [task_runs.values(row)["id"] for row in task_runs.index(FLOW_RUN_ID).rows(flow_run_id.int)]
        return sum(not subflow_runs.rows(task_run_id.int) for task_run_id in ids)

    return {str(flow_run_id): count(flow_run_id) for flow_run_id in flow_run_ids}


def read_task_run_counts_by_state(workspace: Workspace, criteria: Criteria) -> Answer:
    rows, states = workspace.select("task_runs", criteria), workspace["task_runs"].index(STATE_TYPE)
    return {state_type: len(rows & states.rows(state_type)) for state_type in STATE_TYPES}


def read_dashboard_task_run_counts(workspace: Workspace, criteria: Criteria, task_runs: Mapping[str, Any]) -> Answer:
    given = task_runs.get("start_time") or {}
    if given.get("after_") is None:
        raise Unprocessable("task_runs.start_time.after_ is required")
    start = given["after_"].replace(second=0, microsecond=0)
    width = interval(start, (given.get("before_") or now()).replace(second=59, microsecond=999_999))
    counts = [{"completed": 0, "failed": 0} for _ in range(INTERVALS)]
    for row in workspace.select("task_runs", criteria):
        run = workspace["task_runs"].values(row)
        if run["start_time"] is None:
            continue  # it met other criteria, of which one was enough
        seconds = (milliseconds(run["start_time"]) - milliseconds(start)) / 1000
        number = floor(seconds / width.total_seconds())
        if 0 <= number < INTERVALS:
            counts[number]["failed" if run["state_type"] in FAILED else "completed"] += 1
    return counts


def interval(start: datetime, end: datetime) -> timedelta:
    return (end - start) / INTERVALS


def read_task_run_with_flow_run_name(workspace: Workspace, id: UUID) -> Answer:
    task_runs, flow_runs = workspace["task_runs"], workspace["flow_runs"]
    row = task_runs.find(id.int)
    if row is None:
        raise NotFound("Task not found")
    task_run = from_json(workspace.shown("task_runs", row))
    flow_run_id = task_run["flow_run_id"]
    flow_run = None if flow_run_id is None else flow_runs.find(UUID(flow_run_id).int)
    return {**task_run, "flow_run_name": None if flow_run is None else flow_runs.values(flow_run)["name"]}


def validate_obj(workspace: Workspace, schema: dict[str, Any], values: dict[str, Any]) -> Answer:
    meant = as_meant(schema)
    check_schema(meant)
    hydrated = Hydration(workspace, raises=False).object(values)
    try:
        return error_tree(errors_of(hydrated, meant))
    except Mismatch as error:
        raise Unprocessable(f"Invalid schema: {error}") from None
