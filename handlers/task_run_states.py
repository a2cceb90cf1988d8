"""States of task runs."""

from uuid import UUID

from understudy.operations.handler_results import Answer
from understudy.workspaces.workspace import Workspace

from .states import read_state, states_of


def read_task_run_state(workspace: Workspace, id: UUID) -> Answer:
    return read_state(workspace, "task_run_states", "task_runs", id)


def read_task_run_states(workspace: Workspace, task_run_id: UUID) -> Answer:
    return states_of(workspace, "task_run_states", "task_runs", task_run_id)
