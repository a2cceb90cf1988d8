"""Task runs: shown with estimates, and with less of them in pages."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.handler_results import Answer
from understudy.tables.table import Table
from understudy.workspaces.workspace import Workspace

from .runs import estimate

IN_PAGES = (
    "id", "created", "updated", "name", "flow_run_id", "task_key", "state_id", "state", "task_version", "task_inputs",
    "empirical_policy", "tags", "start_time", "end_time", "total_run_time", "estimated_run_time",
    "estimated_start_time_delta",
)  # fmt: skip


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    estimate(row)


def paginate_task_runs(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, page: int) -> Answer:
    total = workspace.count("task_runs", criteria)
    rows = from_json(workspace.page("task_runs", criteria, sort, limit, (page - 1) * limit))
    results = [{name: row[name] for name in IN_PAGES} for row in rows]
    pages = -(-total // limit) if limit else 0
    return {"results": results, "count": total, "limit": limit, "pages": pages, "page": page}
