"""Workers of background tasks, by the keys of the tasks that they run."""

from typing import Any

from understudy.contract.columns import Column
from understudy.operations.handler_results import Answer
from understudy.workspaces.workspace import Workspace

TASK_KEYS = Column(("task_keys",))


def read_task_workers(workspace: Workspace, task_worker_filter: dict[str, Any] | None) -> Answer:
    workers = workspace["task_workers"]
    keys = task_worker_filter["task_keys"] if task_worker_filter else []
    rows = workers.index(TASK_KEYS).any_of(keys) if keys else workers.live
    return b"[%b]" % b",".join(workspace.shown("task_workers", row) for row in rows)
