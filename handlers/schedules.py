"""Schedules of deployments: their rows, and their validation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter
from dateutil.rrule import MINUTELY, SECONDLY, rrule, rrulestr
from pydantic_core import PydanticKnownError

from understudy.contract.columns import Column
from understudy.errors import Conflict, NotFound
from understudy.operations.actions import change, insert, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.values import MICROSECOND, now
from understudy.workspaces.workspace import Workspace

from . import CONFLICT
from .scheduling.scheduled_runs import delete_scheduled_runs

DEPLOYMENT_ID = Column(("deployment_id",))
LONGEST_CRON = 10_000  # longer than a list of all values of each field; a real server has no limit
LONGEST_RRULE = 6500
MOST_RUNS = 50  # the maximum `max_scheduled_runs`
RRULE_ANCHOR = datetime(2020, 1, 1)  # noqa: DTZ001 - in the time zone of the schedule
Schedule = dict[str, Any]


# ------------------------------------------------------------------- operations


def read_deployment_schedules(workspace: Workspace, id: UUID) -> Answer:
    check_deployment(workspace, id)
    return schedules_of(workspace, id)


def create_deployment_schedules(workspace: Workspace, id: UUID, body: list[Schedule]) -> Answer:
    check_deployment(workspace, id)
    return [workspace["deployment_schedules"].values(row) for row in add_schedules(workspace, id, body)]


def update_deployment_schedule(workspace: Workspace, id: UUID, schedule_id: UUID, body: Schedule) -> Answer:
    change_schedule(workspace, schedule_of(workspace, id, schedule_id), body)
    delete_scheduled_runs(workspace, id.int, auto_scheduled_only=True, after=now())
    return NO_CONTENT


def delete_deployment_schedule(workspace: Workspace, id: UUID, schedule_id: UUID) -> Answer:
    workspace.delete("deployment_schedules", [schedule_of(workspace, id, schedule_id)])
    delete_scheduled_runs(workspace, id.int, auto_scheduled_only=True)
    return NO_CONTENT


# -------------------------------------------------------------------------- rows


def check_deployment(workspace: Workspace, deployment: UUID) -> None:
    if workspace["deployments"].find(deployment.int) is None:
        raise NotFound("Deployment not found.")


def schedules_of(workspace: Workspace, deployment: UUID) -> list[Schedule]:
    """The schedules of a deployment, the last changed one first."""
    table = workspace["deployment_schedules"]
    rows = [table.values(row) for row in table.index(DEPLOYMENT_ID).rows(deployment.int)]
    return sorted(rows, key=lambda row: row["updated"], reverse=True)


def schedule_of(workspace: Workspace, deployment: UUID, schedule: UUID) -> int:
    check_deployment(workspace, deployment)
    table = workspace["deployment_schedules"]
    row = table.find(schedule.int)
    if row is None or table.values(row)["deployment_id"] != deployment:
        raise NotFound("Schedule not found.")
    return row


def add_schedules(workspace: Workspace, deployment: UUID, schedules: list[Schedule]) -> list[int]:
    """Add schedules to a deployment. Returns their numbers.

    Raises:
        Conflict: two have the same slug; none is added.
    """
    table = workspace["deployment_schedules"]
    rows = [
        {**{name: value for name, value in each.items() if name != "replaces"}, "deployment_id": deployment}
        for each in schedules
    ]
    slugs = [row["slug"] for row in rows if row.get("slug") is not None]
    if len({*slugs}) < len(slugs) or any(same_row(table, row) is not None for row in rows):
        raise Conflict(CONFLICT)
    created = now()
    # A real server reads the clock for each, so that those of a request have an order: the newest is listed first.
    times = [
        (created + 2 * number * MICROSECOND, created + (2 * number + 1) * MICROSECOND) for number in range(len(rows))
    ]
    return [
        insert(table, {"created": created, "updated": updated, **started(row)})
        for (created, updated), row in zip(times, rows, strict=True)
    ]


def change_schedule(workspace: Workspace, row: int, body: Schedule) -> None:
    """Apply an update to a schedule. Its parameters are replaced, by none if the update has none."""
    table = workspace["deployment_schedules"]
    changes = {name: value for name, value in body.items() if value is not None and name != "replaces"}
    other = same_row(table, {**table.values(row), **changes})
    if other is not None and other != row:
        raise Conflict(CONFLICT)
    change(table, row, {"parameters": {}, **started(changes)})


def started(row: Schedule) -> Schedule:
    """A row whose schedule has its start. By default, that depends on the time at which it is stored."""
    schedule = row.get("schedule")
    return row if schedule is None else {**row, "schedule": with_start(schedule)}


def with_start(schedule: Schedule) -> Schedule:
    if "interval" in schedule:
        return {**schedule, "anchor_date": schedule["anchor_date"] or now()}
    return rrule_with_start(schedule) if "rrule" in schedule else schedule


def delete_schedules(workspace: Workspace, deployment: UUID) -> None:
    rows = workspace["deployment_schedules"].index(DEPLOYMENT_ID).rows(deployment.int)
    workspace.delete("deployment_schedules", list(rows))


# -------------------------------------------------------------------- validation


def checked_max(value: int | None) -> int | None:
    if value is not None and value > MOST_RUNS:
        raise ValueError(f"`max_scheduled_runs` must be less than or equal to {MOST_RUNS}.")
    return value


def checked_interval(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("interval must be positive")
    return seconds


def whole_interval(schedule: Schedule) -> Schedule:
    timezone = schedule.get("timezone")
    check_timezone(timezone)
    return {
        "interval": schedule["interval"],
        "anchor_date": schedule.get("anchor_date"),
        "timezone": "UTC" if timezone is None else timezone,
    }


def whole_cron(schedule: Schedule) -> Schedule:
    check_timezone(schedule.get("timezone"))
    return {"cron": schedule["cron"], "timezone": schedule.get("timezone"), "day_or": schedule["day_or"]}


@cache
def timezones() -> frozenset[str]:
    """The names of all time zones, cached, since finding them in the system's files takes 4 ms."""
    return frozenset(available_timezones())


def check_timezone(timezone: str | None) -> None:
    if timezone and timezone not in timezones():
        raise ValueError(
            f'Invalid timezone: "{timezone}" (specify in IANA tzdata format, for example, America/New_York)'
        )


def checked_timezone(timezone: str) -> str:
    if timezone not in timezones():  # a real server's pattern lists all, and also accepts texts with one
        names = (name for name in sorted(timezones()) if "localtime" not in name)
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": "|".join(names)})
    return timezone


def checked_cron(text: str) -> str:
    if len(text) > LONGEST_CRON or not croniter.is_valid(text):
        raise ValueError(f'Invalid cron string: "{text}"')
    if any(part.casefold() in ("r", "h") for part in text.split()):
        raise ValueError(f'Random and Hashed expressions are unsupported, received: "{text}"')
    return text


def checked_rrule(text: str) -> str:
    try:
        rrulestr(text, cache=True)
    except ValueError as error:
        raise ValueError(f'Invalid RRule string "{text}": {error}') from None
    if len(text) > LONGEST_RRULE:
        raise ValueError(f'Invalid RRule string "{text[:40]}..."\nMax length is {LONGEST_RRULE}, got {len(text)}')
    return text


def rrule_with_start(schedule: Mapping[str, Any]) -> Schedule:
    """A recurrence with its start, which is at the beginning of 2020 by default.

    Rules that recur every few seconds or minutes start later, so that few past occurrences need to be skipped.
    """
    text, timezone = schedule["rrule"], schedule["timezone"]
    if "DTSTART" in text.upper():
        return {"rrule": text, "timezone": timezone}
    try:
        rule, start = rrulestr(text, dtstart=RRULE_ANCHOR, cache=False), RRULE_ANCHOR
    except ValueError:  # it ends at a time in UTC, which its start is not: it is stored, and has no dates
        return {"rrule": text, "timezone": timezone}
    if isinstance(rule, rrule) and rule._count is None and rule._freq in (SECONDLY, MINUTELY):  # noqa: SLF001
        period = timedelta(seconds=(1 if rule._freq == SECONDLY else 60) * rule._interval)  # noqa: SLF001
        here = now().astimezone(ZoneInfo(timezone or "UTC")).replace(tzinfo=None)
        start += max(0, (here - start) // period) * period
    return {"rrule": f"DTSTART:{start:%Y%m%dT%H%M%S}\n{text}", "timezone": timezone}
