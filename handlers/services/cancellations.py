"""The unfinished runs within a cancelled run are cancelled, and so is a run whose cancellation times out, which is then
cleaned up.

Source: `prefect.server.services.cancellation_cleanup`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from understudy.contract.columns import ID, Column
from understudy.values import EPOCH, moved, now
from understudy.workspaces.workspace import Workspace

from ..orchestration.flow_states import set_flow_run_state
from ..orchestration.task_states import set_task_run_state
from ..orchestration.transition import new_state
from ..worker_cleanups import request_cleanup

STATE_TYPE, FLOW_RUN_ID, PARENT = Column(("state_type",)), Column(("flow_run_id",)), Column(("parent_task_run_id",))
RECENT = timedelta(days=1)  # the time since the end of a cancelled run in which its tasks are cancelled
TIMEOUT = timedelta(seconds=300)  # the timeout of a cancellation
UNFINISHED = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")
OF_PARENT = "The parent flow run was cancelled."
TIMED_OUT = "Flow run cancellation timed out; marked this flow run as Cancelled."


def due(workspace: Workspace) -> datetime | None:
    if any(True for _ in tasks_to_cancel(workspace)) or any(True for _ in subflows_to_cancel(workspace)):
        return EPOCH
    return min((deadline for _, deadline in cancelling(workspace)), default=None)


def run(workspace: Workspace) -> None:
    moment = now()
    for row in list(tasks_to_cancel(workspace)):
        set_task_run_state(workspace, row, new_state("CANCELLED", moment, message=OF_PARENT), moment, force=True)
    for row in list(subflows_to_cancel(workspace)):
        kind = "CANCELLED" if workspace["flow_runs"].values(row)["deployment_id"] is None else "CANCELLING"
        set_flow_run_state(workspace, row, new_state(kind, moment, message=OF_PARENT), moment, force=True)
    for row, deadline in list(cancelling(workspace)):
        if deadline <= moment:
            set_flow_run_state(workspace, row, new_state("CANCELLED", moment, message=TIMED_OUT), moment)
            run = workspace["flow_runs"].values(row)
            if run["state_type"] == "CANCELLED":
                request_cleanup(workspace, run)


def tasks_to_cancel(workspace: Workspace) -> Iterator[int]:
    """The unfinished task runs of recently cancelled flow runs."""
    flow_runs, task_runs, moment = workspace["flow_runs"], workspace["task_runs"], now()
    cancelled = flow_runs.index(STATE_TYPE).rows("CANCELLED")
    unfinished = task_runs.index(STATE_TYPE).any_of(UNFINISHED)
    if not cancelled or not unfinished:
        return
    of = task_runs.index(FLOW_RUN_ID)
    for row in cancelled:
        tasks = of.rows(flow_runs.key(ID, row)) & unfinished
        if tasks:
            end = flow_runs.values(row)["end_time"]
            if end is not None and end >= moment - RECENT:
                yield from tasks


def subflows_to_cancel(workspace: Workspace) -> Iterator[int]:
    """The unfinished flow runs within cancelled flow runs."""
    runs, tasks = workspace["flow_runs"], workspace["task_runs"]
    for row in runs.index(STATE_TYPE).any_of(UNFINISHED) & runs.index(PARENT).filled:
        run = runs.values(row)
        task = tasks.get(run["parent_task_run_id"])
        if task is None or task["flow_run_id"] is None:
            continue
        containing = runs.get(task["flow_run_id"])
        if containing is not None and containing["state"] is not None and containing["state_type"] != "CANCELLED":
            continue
        if run["deployment_id"] is None or run["state_type"] != "CANCELLING":
            yield row


def cancelling(workspace: Workspace) -> Iterator[tuple[int, datetime]]:
    """The runs that are being cancelled, each with the time at which the cancellation times out."""
    runs = workspace["flow_runs"]
    for row in runs.index(STATE_TYPE).rows("CANCELLING"):
        state = runs.values(row)["state"]
        if state is not None:
            yield row, moved(state["timestamp"], TIMEOUT)
