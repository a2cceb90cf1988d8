"""Runs that were not started in time become late.

Source: `prefect.server.services.late_runs`, and `MarkLateRunsPolicy` in `prefect.server.orchestration.core_policy`.
"""

from datetime import datetime, timedelta

from understudy.contract.columns import Column
from understudy.values import key_of, moved, now, time_of_key
from understudy.workspaces.workspace import Workspace

from ..orchestration.flow_policy import MARK_LATE_RUNS_POLICY
from ..orchestration.flow_states import propose
from ..orchestration.transition import new_state
from .deadlines import Deadlines

STATE_TYPE, STATE_NAME, NEXT_START = (
    Column(("state_type",)),
    Column(("state_name",)),
    Column(("next_scheduled_start_time",)),
)
WAITING = "SCHEDULED", "Scheduled"
GRACE = timedelta(seconds=15)  # the time after its scheduled time at which a run is late


def due(workspace: Workspace) -> datetime | None:
    first = workspace.derived(WaitingRuns).first
    return None if first is None else moved(time_of_key(first), GRACE)


def run(workspace: Workspace) -> None:
    runs, moment = workspace["flow_runs"], now()
    for row in workspace.derived(WaitingRuns).until(key_of(moment - GRACE)):
        details = {"scheduled_time": time_of_key(runs.key(NEXT_START, row))}
        proposed = new_state("SCHEDULED", moment, "Late", state_details=details)
        propose(workspace, row, proposed, moment, MARK_LATE_RUNS_POLICY)


class WaitingRuns:
    """The runs that are scheduled, and not late, retried or waiting for a slot. It follows the changes of rows."""

    def __init__(self, workspace: Workspace) -> None:
        self._runs = workspace["flow_runs"]
        self._begin()

    def _begin(self) -> None:
        self._changes = self._runs.changes
        self._starts = Deadlines()
        for row in self._runs.index(STATE_TYPE).rows("SCHEDULED") & self._runs.index(STATE_NAME).rows("Scheduled"):
            self._look(row)

    @property
    def first(self) -> int | None:
        """The key of the earliest start; None if no run is waiting."""
        self._follow()
        return self._starts.first

    def until(self, time: int) -> list[int]:
        """The runs that should have started by the time of a key, the earliest first."""
        self._follow()
        return self._starts.until(time)

    def _follow(self) -> None:
        changed = self._runs.changed_since(self._changes)
        if changed is None:
            self._begin()
            return
        self._changes = self._runs.changes
        for row in changed:
            self._look(row)

    def _look(self, row: int) -> None:
        self._starts.discard(row)
        if row not in self._runs.live:
            return
        kind, name, start = (self._runs.key(column, row) for column in (STATE_TYPE, STATE_NAME, NEXT_START))
        if (kind, name) == WAITING and start is not None:
            self._starts.set(row, start)
