"""Task runs: shown with estimates, and with less of them in pages."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.errors import ApiError
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.handler_results import Answer
from understudy.tables.table import Table
from understudy.values import now
from understudy.workspaces.workspace import Workspace

from .orchestration import task_states
from .orchestration.results import answer_of
from .orchestration.transition import proposed_state
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


def set_task_run_state(workspace: Workspace, id: UUID, state: dict[str, Any], force: bool) -> Answer:
    moment, row = now(), workspace["task_runs"].find(id.int)
    if row is None:
        raise ApiError(404, {"exception_message": f"Task run with id {id} not found"})
    return answer_of(task_states.set_task_run_state(workspace, row, proposed_state(state, moment), moment, force=force))
