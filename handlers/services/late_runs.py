"""Runs that were not started in time become late.

Source: `prefect.server.services.late_runs`, and `MarkLateRunsPolicy` in `prefect.server.orchestration.core_policy`.
"""

from datetime import datetime, timedelta

from pyroaring import BitMap

from understudy.contract.columns import Column
from understudy.values import key_of, moved, now, time_of_key
from understudy.workspaces.workspace import Workspace

from ..orchestration.flow_policy import MARK_LATE_RUNS_POLICY
from ..orchestration.flow_states import propose
from ..orchestration.transition import new_state

STATE_TYPE, STATE_NAME, NEXT_START = (
    Column(("state_type",)),
    Column(("state_name",)),
    Column(("next_scheduled_start_time",)),
)
GRACE = timedelta(seconds=15)  # the time after its scheduled time at which a run is late


def due(workspace: Workspace) -> datetime | None:
    index = workspace["flow_runs"].index(NEXT_START)
    for row in index.page(waiting(workspace) & index.filled, False, 0, 1):
        return moved(time_of_key(workspace["flow_runs"].key(NEXT_START, row)), GRACE)
    return None


def run(workspace: Workspace) -> None:
    runs, moment = workspace["flow_runs"], now()
    index = runs.index(NEXT_START)
    late = waiting(workspace) & index.up_to(key_of(moment - GRACE))
    for row in index.page(late, False, 0, len(late)):
        details = {"scheduled_time": time_of_key(runs.key(NEXT_START, row))}
        proposed = new_state("SCHEDULED", moment, "Late", state_details=details)
        propose(workspace, row, proposed, moment, MARK_LATE_RUNS_POLICY)


def waiting(workspace: Workspace) -> BitMap:
    """The runs that are scheduled, and not late, retried or waiting for a slot."""
    runs = workspace["flow_runs"]
    return runs.index(STATE_TYPE).rows("SCHEDULED") & runs.index(STATE_NAME).rows("Scheduled")
