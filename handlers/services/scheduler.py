"""Deployments with active schedules have runs ahead of time.

Source: `prefect.server.services.scheduler`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.values import MICROSECOND, key_of, now, time_of_key
from understudy.workspaces.workspace import Workspace

from ..deployment_runs import LEAST_RUNS, LEAST_TIME, MOST_TIME, dates_to_schedule, is_scheduled, schedule_run
from ..schedules import DEPLOYMENT_ID
from ..scheduling.dates import next_date

CREATOR, STATE_TYPE, NEXT_START = (
    Column(("created_by.id",)),
    Column(("state_type",)),
    Column(("next_scheduled_start_time",)),
)
LOOK = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
Body = Mapping[str, Any]
Starts = dict[tuple[Any, Any], list[int]]


def due(workspace: Workspace) -> datetime | None:
    starts = starts_to_come(workspace)
    times = (due_of(workspace, deployment, each, starts) for deployment, some in scheduled(workspace) for each in some)
    return min((time for time in times if time is not None), default=None)


def run(workspace: Workspace) -> None:
    moment, starts = now(), starts_to_come(workspace)
    for deployment, schedules in list(scheduled(workspace)):
        if any(needed_at(deployment, each, starts) <= moment for each in schedules):
            for schedule in schedules:
                for date in dates_to_schedule(schedule, moment):
                    schedule_run(workspace, deployment, schedule, date)


def scheduled(workspace: Workspace) -> Iterator[tuple[Body, list[Body]]]:
    """The deployments that are not paused and have active schedules, with these, by their ids."""
    deployments, schedules = workspace["deployments"], workspace["deployment_schedules"]
    found: dict[int, list[Body]] = {}
    for row in schedules.live:
        schedule = schedules.look(row)
        if schedule["active"]:
            found.setdefault(schedule["deployment_id"].int, []).append(schedule)
    for key in sorted(found):
        deployment = deployments.look_up(UUID(int=key))
        if deployment is not None and not deployment["paused"]:
            yield deployment, found[key]


def due_of(workspace: Workspace, deployment: Body, schedule: Body, starts: Starts) -> datetime | None:
    """When there will be a run to schedule; None if there will be none."""
    time = needed_at(deployment, schedule, starts)
    if time > now():
        return next_look(time)
    dates = dates_to_schedule(schedule, time)
    if not all(is_scheduled(workspace, deployment, schedule, date) for date in dates):
        return time
    # All are there already, until the first of them has passed, or the next one comes within reach.
    times = [dates[0] + MICROSECOND] if dates else []
    following = next_date(schedule["schedule"], (dates[-1] if dates else time) + MICROSECOND)
    if following is not None and following > time + MOST_TIME:
        times.append(following - MOST_TIME)
    return next_look(min(times)) if times else None


def next_look(time: datetime) -> datetime:
    """The first full minute from a time on: a real server looks once a minute, however often a schedule recurs."""
    return -((EPOCH - time) // LOOK) * LOOK + EPOCH


def starts_to_come(workspace: Workspace) -> Starts:
    """The starts of the scheduled runs ahead, in order, by the keys of their deployments and schedules."""
    runs, found = workspace["flow_runs"], Starts()
    index = runs.index(NEXT_START)
    ahead = runs.index(STATE_TYPE).rows("SCHEDULED") & index.starting_at(key_of(now()))
    for row in ahead:
        of = runs.key(DEPLOYMENT_ID, row), runs.key(CREATOR, row)
        found.setdefault(of, []).append(runs.key(NEXT_START, row))
    for starts in found.values():
        starts.sort()
    return found


def needed_at(deployment: Body, schedule: Body, starts: Starts) -> datetime:
    """When a schedule has too few runs ahead, or they do not last long enough."""
    moment, own = now(), starts.get((deployment["id"].int, key_of(schedule["id"])), [])
    if len(own) < LEAST_RUNS:
        return moment
    first, last = time_of_key(own[-LEAST_RUNS]), time_of_key(own[-1])
    return max(moment, min(first, last - LEAST_TIME) + MICROSECOND)
