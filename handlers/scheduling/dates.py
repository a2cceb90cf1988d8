"""The dates of schedules."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
from croniter import CroniterBadDateError, croniter
from dateutil import tz

from understudy.errors import Unprocessable
from understudy.values import in_utc, moment

from .recurrences import recurrence

MONTH = 30  # days
CANDIDATES = 1000  # the maximum number of dates to examine
LATEST = datetime(9999, 1, 1, tzinfo=timezone.utc)
FIRST_CHANGE = datetime(1800, 1, 1, tzinfo=timezone.utc)  # before the clocks of any time zone changed
KNOWN = 10_000  # the maximum number of cached dates


def dates_of(schedule: Mapping[str, Any], start: datetime, end: datetime, most: int) -> Iterator[datetime]:
    """At most a number of dates, and at least one as on a real server, between a start and an end, both included.

    Raises:
        Unprocessable: the schedule is of an unknown kind.
    """
    for kind, dates in (("interval", interval_dates), ("cron", cron_dates), ("rrule", rrule_dates)):
        if kind in schedule:
            return distinct(dates(schedule, start), start, end, max(most, 1))
    raise Unprocessable("The schedule has neither an interval nor a cron string nor an rrule.")


def next_date(schedule: Mapping[str, Any], start: datetime) -> datetime | None:
    """The first date of a schedule from a start; None without one, or if the schedule cannot be evaluated."""
    try:
        return next(dates_of(schedule, start, LATEST, 1), None)
    except (Unprocessable, ValueError, OverflowError):
        return None


def distinct(dates: Iterator[datetime], start: datetime, end: datetime, most: int) -> Iterator[datetime]:
    """The dates in a range. A local time that occurs twice counts once."""
    seen: set[datetime] = set()
    for date in islice(dates, CANDIDATES + 2):
        moment, local = date.astimezone(timezone.utc), date.replace(tzinfo=None)
        if moment > end or len(seen) >= most:
            return
        if moment >= start and local not in seen:
            seen.add(local)
            yield date


def interval_dates(schedule: Mapping[str, Any], start: datetime) -> Iterator[datetime]:
    """Dates at an interval from an anchor. Intervals of whole days keep the local time in the time zone."""
    zone = schedule.get("timezone") or "UTC"
    first, interval = moment_of(schedule["anchor_date"]), timedelta(seconds=schedule["interval"])
    days, seconds = interval.days, (interval - timedelta(days=interval.days)).total_seconds()
    if zone == "UTC" or not days:  # elapsed time
        yield from elapsed_dates(first, interval, start, pendulum.timezone(zone))
        return
    anchor = pendulum.instance(first).in_timezone(zone)

    def jump(number: int) -> pendulum.DateTime:
        """The date a number of intervals after the anchor. Intervals with days and seconds count as elapsed time."""
        if seconds:
            return anchor.add(seconds=interval.total_seconds() * number)
        return anchor.add(days=days * number)

    number = 0
    if start >= anchor and not seconds:
        date = stepped(reached(anchor, zone, days, start.year), start, days)
    else:
        number = int((start - anchor).total_seconds() / interval.total_seconds())
        date = jump(number)
        while date > start:
            number -= 1
            date = jump(number)
    while True:
        if date >= start:
            yield datetime.fromisoformat(date.isoformat())  # a plain one
        number += 1
        is_before_anchor = start < anchor and not seconds and number <= 0
        date = jump(number) if is_before_anchor else date.add(days=days, seconds=seconds)


def elapsed_dates(anchor: datetime, interval: timedelta, start: datetime, zone: tzinfo | None) -> Iterator[datetime]:
    """Dates in a time zone, from a start, that are a whole number of intervals after an anchor."""
    date = anchor - interval * ((anchor - start) // interval)
    while True:
        yield date.astimezone(zone)
        date += interval


@lru_cache(maxsize=KNOWN)
def reached(anchor: pendulum.DateTime, zone: str, days: int, year: int) -> pendulum.DateTime:
    """The first date in or after a year, in steps of some days from an anchor.

    It is cached, since a schedule is evaluated often, and its anchor may be long ago. The name of the anchor's time
    zone is only for the cache, for which the same time in two zones is one.
    """
    start = datetime(year, 1, 1, tzinfo=timezone.utc)
    quiet = max(0, (min(start, FIRST_CHANGE) - anchor).days // days)
    return stepped(anchor.add(days=quiet * days), start, days)


def stepped(anchor: pendulum.DateTime, start: datetime, days: int) -> pendulum.DateTime:
    """The first date that is not before a start, in steps of some days from an anchor.

    A local time that does not exist on one day is shifted for all later days. So days on which clocks change cannot be
    skipped.
    """
    date, many = anchor, max(1, MONTH // days)
    while date < start:
        ahead = date.add(days=days * many)
        is_quiet = ahead < start and ahead.utcoffset() == date.utcoffset()
        date = ahead if is_quiet else date.add(days=days)
    return date


def cron_dates(schedule: Mapping[str, Any], start: datetime) -> Iterator[datetime]:
    """Dates of a cron string in its time zone; a local time that occurs twice counts once."""
    zone = ZoneInfo(schedule.get("timezone") or "UTC")
    local = start.astimezone(zone).replace(tzinfo=None)
    before = local - timedelta(seconds=0 if local.microsecond else 1)
    cron = croniter(schedule["cron"], before, day_or=schedule.get("day_or", True))
    with suppress(CroniterBadDateError):  # no date within the next fifty years
        while True:
            date: datetime = cron.get_next(datetime).replace(tzinfo=zone)
            yield date.astimezone(timezone.utc).astimezone(zone)


def rrule_dates(schedule: Mapping[str, Any], start: datetime) -> Iterator[datetime]:
    """Dates of recurrences in their time zone."""
    zone = schedule.get("timezone") or "UTC"
    return (in_zone(date, ZoneInfo(zone)) for date in recurrence(schedule["rrule"], zone).dates(start))


def in_zone(date: datetime, zone: ZoneInfo) -> datetime:
    """A date of a recurrence in its zone. A local time that does not exist has the offset after the clocks change."""
    fold = date.fold if tz.datetime_exists(date) else 1
    return date.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc).astimezone(zone)


def moment_of(value: datetime | str) -> datetime:
    """A time of a stored schedule, which has it as text."""
    return in_utc(value if isinstance(value, datetime) else moment(value))
