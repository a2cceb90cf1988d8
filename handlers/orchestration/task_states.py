"""Setting the state of task runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from understudy.workspaces.workspace import Workspace

from .client import UNKNOWN
from .task_policy import task_policy
from .transition import TASK_RUNS, State, Transition
from .writing import add_run, set_state


def set_task_run_state(
    workspace: Workspace, row: int, proposed: State, time: datetime, *, force: bool = False
) -> Transition:
    """Propose a state for a task run. Returns the result.

    Args:
        workspace: the workspace of the run.
        row: the row number of the run.
        proposed: the state, as `proposed_state` returns it.
        time: the time of the request.
        force: whether to skip most rules.
    """
    policy = task_policy(proposed, force=force)
    return set_state(workspace, TASK_RUNS, row, proposed, time, policy, UNKNOWN)


def add_task_run(workspace: Workspace, values: Mapping[str, Any], state: State) -> int:
    """Add a task run of at least the fields without a default, with its first state. Returns its number."""
    return add_run(workspace, TASK_RUNS, values, state, task_policy(state, force=True), UNKNOWN)
