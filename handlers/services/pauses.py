"""Paused runs that are not resumed in time fail.

Source: `prefect.server.services.pause_expirations`.
"""

from collections.abc import Iterator
from datetime import datetime

from understudy.contract.columns import Column
from understudy.values import MICROSECOND, moved, now
from understudy.workspaces.workspace import Workspace

from ..orchestration.flow_states import set_flow_run_state
from ..orchestration.transition import new_state

STATE_TYPE = Column(("state_type",))
MESSAGE = "The flow was paused and never resumed."


def due(workspace: Workspace) -> datetime | None:
    return min((moved(timeout, MICROSECOND) for _, timeout in paused(workspace)), default=None)


def run(workspace: Workspace) -> None:
    moment = now()
    for row, timeout in list(paused(workspace)):
        if timeout < moment:
            set_flow_run_state(workspace, row, new_state("FAILED", moment, message=MESSAGE), moment, force=True)


def paused(workspace: Workspace) -> Iterator[tuple[int, datetime]]:
    """The paused runs that have a time limit, each with that time."""
    runs = workspace["flow_runs"]
    for row in runs.index(STATE_TYPE).rows("PAUSED"):
        state = runs.values(row)["state"]
        timeout = state and state["state_details"]["pause_timeout"]
        if timeout is not None:
            yield row, timeout
