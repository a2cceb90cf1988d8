"""Creates the future runs of deployments with active schedules.

Source: `prefect.server.services.scheduler`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from understudy.contract.columns import ID
from understudy.values import MICROSECOND, key_of, now, time_of_key
from understudy.workspaces.workspace import Workspace

from ..deployment_runs import LEAST_RUNS, LEAST_TIME, MOST_TIME, dates_to_schedule, is_scheduled, schedule_run
from ..scheduling.dates import next_date
from ..scheduling.runs_ahead import DEPLOYMENT_ID, RunsAhead
from .deadlines import Deadlines

LOOK = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
Body = Mapping[str, Any]


def due(workspace: Workspace) -> datetime | None:
    return workspace.derived(Agenda).due()


def run(workspace: Workspace) -> None:
    moment = now()
    for deployment, schedules in workspace.derived(Agenda).needing():
        for schedule in schedules:
            for date in dates_to_schedule(schedule, moment):
                schedule_run(workspace, deployment, schedule, date)


class Agenda:
    """When each schedule needs new runs. It examines schedules whose rows have changed, or whose time has come."""

    def __init__(self, workspace: Workspace) -> None:
        self._deployments = workspace["deployments"]
        self._schedules = workspace["deployment_schedules"]
        self._runs = workspace["flow_runs"]
        self._workspace = workspace
        self._begin()

    def _begin(self) -> None:
        self._moment = now()
        self._changes = self._deployments.changes, self._schedules.changes
        self._ahead = RunsAhead(self._runs, key_of(self._moment))
        self._needs, self._dues = Deadlines(), Deadlines()
        self._unseen = set(self._schedules.live)
        self._look()

    def due(self) -> datetime | None:
        """When a run will have to be created; None if there will be none."""
        self._follow()
        first = self._dues.first
        return None if first is None else time_of_key(first)

    def needing(self) -> Iterator[tuple[Body, list[Body]]]:
        """The deployments with a schedule that needs runs, with all their active schedules, by id."""
        self._follow()
        schedules = self._schedules
        needing = self._needs.until(key_of(now()))
        for key in sorted({schedules.key(DEPLOYMENT_ID, row) for row in needing}):
            rows = schedules.index(DEPLOYMENT_ID).rows(key)
            deployment = self._deployments.look_up(UUID(int=key))
            if deployment is not None:
                yield deployment, [each for each in map(schedules.look, rows) if each["active"]]

    def _follow(self) -> None:
        """Apply the changes of rows and of the time."""
        moment, runs = now(), self._ahead.follow()
        deployments, schedules = (
            table.changed_since(changes)
            for table, changes in zip((self._deployments, self._schedules), self._changes, strict=True)
        )
        if runs is None or deployments is None or schedules is None or moment < self._moment:
            self._begin()
            return
        self._moment, self._changes = moment, (self._deployments.changes, self._schedules.changes)
        rows = self._unseen
        rows.update(schedules)
        rows.update(row for _, schedule in runs if (row := self._schedules.find(schedule)) is not None)
        for row in deployments & self._deployments.live:
            rows.update(self._schedules.index(DEPLOYMENT_ID).rows(self._deployments.key(ID, row)))
        rows.update(self._dues.until(key_of(moment)))
        self._look()

    def _look(self) -> None:
        """Examine the schedules that have changed. If one fails, it and those after it are examined the next time."""
        for row in sorted(self._unseen):
            need = self._need(self._schedules.look(row)) if row in self._schedules.live else None
            self._needs.discard(row)
            self._dues.discard(row)
            if need is not None:
                self._needs.set(row, key_of(need))
                self._dues.set(row, key_of(need if need <= self._moment else next_look(need)))
            self._unseen.remove(row)

    def _need(self, schedule: Body) -> datetime | None:
        """When a schedule needs runs that do not exist; None if never."""
        deployment = self._deployments.look_up(schedule["deployment_id"])
        if not schedule["active"] or deployment is None or deployment["paused"]:
            return None
        time = self._short_of_runs(deployment, schedule)
        if time > self._moment:
            return time
        dates = dates_to_schedule(schedule, time)
        if not all(is_scheduled(self._workspace, deployment, schedule, date) for date in dates):
            return time
        # All are there already, until the first of them has passed, or the next one comes within reach.
        times = [dates[0] + MICROSECOND] if dates else []
        following = next_date(schedule["schedule"], (dates[-1] if dates else time) + MICROSECOND)
        if following is not None and following > time + MOST_TIME:
            times.append(following - MOST_TIME)
        return min(times, default=None)

    def _short_of_runs(self, deployment: Body, schedule: Body) -> datetime:
        """When a schedule has too few future runs, or they do not reach far enough."""
        owner = deployment["id"].int, key_of(schedule["id"])
        starts = self._ahead.of(owner, key_of(self._moment))
        if len(starts) < LEAST_RUNS:
            return self._moment
        first, last = time_of_key(starts[-LEAST_RUNS]), time_of_key(starts[-1])
        return max(self._moment, min(first, last - LEAST_TIME) + MICROSECOND)


def next_look(time: datetime) -> datetime:
    """The first full minute from a time on. A real server checks once a minute, even if schedules recur more often."""
    return -((EPOCH - time) // LOOK) * LOOK + EPOCH
