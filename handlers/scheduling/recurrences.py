"""Recurrences (RRULE): their dates in a time zone, found in bounded time.

The next date of a rule can be thousands of years away, or not exist; python-dateutil would search for hours.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from types import FunctionType
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.rrule
from dateutil import tz
from dateutil.rrule import DAILY, HOURLY, MINUTELY, SECONDLY, WEEKLY, rrule, rruleset, rrulestr

from understudy.errors import Unprocessable

START = datetime(2020, 1, 1)  # noqa: DTZ001 - in the time zone of the schedule
DAY = timedelta(days=1)
PERIODS = {
    WEEKLY: timedelta(weeks=1),
    DAILY: DAY,
    HOURLY: timedelta(hours=1),
    MINUTELY: timedelta(minutes=1),
    SECONDLY: timedelta(seconds=1),
}
MARGIN = timedelta(hours=2)  # more than the time by which clocks change
BUDGET = 200_000  # the maximum number of steps, each of some microseconds
PER_PERIOD, PER_DATE = 4, 2  # steps; each day of a period is one more
PER_TRY = 0.3  # the steps that trying one time costs
KNOWN = 1000  # the maximum number of cached recurrences


class Exhausted(Exception):
    """A rule has used up its steps."""


class Budget:
    """The steps that the rules of one recurrence may take in total."""

    def __init__(self) -> None:
        self._left = BUDGET

    def spend(self, steps: int) -> None:
        """Raises Exhausted if so many steps are not left."""
        self._left -= steps
        if self._left < 0:
            raise Exhausted


DaySet = tuple[list[int | None], int, int]
"""The days of a year, and the range of those that belong to a period."""


class Days(dateutil.rrule._iterinfo):  # type: ignore[misc] # noqa: SLF001 - it has no other name
    """The days of each period of a rule, each of which costs steps."""

    day = 0  # of the last period

    def _spent(self, days: DaySet) -> DaySet:
        self.rrule.budget.spend(PER_PERIOD + days[2] - days[1])
        if days[1] != self.day:
            self.day = days[1]
            self.rrule.budget.spend(self.rrule.steps_a_day)
        return days

    def ydayset(self, *date: int) -> DaySet:
        return self._spent(super().ydayset(*date))

    def mdayset(self, *date: int) -> DaySet:
        return self._spent(super().mdayset(*date))

    def wdayset(self, *date: int) -> DaySet:
        return self._spent(super().wdayset(*date))

    def ddayset(self, *date: int) -> DaySet:
        return self._spent(super().ddayset(*date))


class Limited(rrule):  # type: ignore[misc]
    """A rule whose periods cost steps of a budget.

    Rules that recur within a day are tried time by time, up to the next one that matches their hours, minutes and
    seconds.
    """

    budget: Budget

    @cached_property
    def steps_a_day(self) -> int:
        """The number of times that are tried between two days."""
        period = PERIODS.get(self._freq, DAY)
        has_gaps = period < DAY and (self._byhour or self._byminute or self._bysecond)
        return int(PER_TRY * (DAY / (period * (self._interval or 1)))) if has_gaps else 0

    # The same search, which takes its days from the class above.
    _iter = FunctionType(rrule._iter.__code__, {**vars(dateutil.rrule), "_iterinfo": Days})  # noqa: SLF001


class Recurrence:
    """The rules and dates of a text, in a time zone.

    Raises:
        Unprocessable: the text is not valid, or it ends at a time in UTC and has no start in UTC.
    """

    def __init__(self, text: str, zone: str) -> None:
        try:
            self._rules: Any = rrulestr(text, dtstart=START)
        except ValueError as error:
            raise Unprocessable(f"The recurrence cannot be evaluated: {error}.") from None
        self._zone = ZoneInfo(zone)
        self._local = tz.gettz(zone)
        self._empty_from: datetime | None = None  # a start from which there are no dates

    def dates(self, start: datetime) -> Iterator[datetime]:
        """The dates from a start on. They end if the search for the next one takes too long.

        Raises:
            Unprocessable: the rules have values for which python-dateutil finds no dates, such as a 25th hour.
        """
        if self._empty_from is not None and start >= self._empty_from:
            return
        is_empty = True
        try:
            for date in self._found(start.astimezone(self._zone)):
                yield date
                is_empty = False
        except Exhausted:
            pass
        except (ArithmeticError, LookupError, TypeError, ValueError):
            raise Unprocessable("The recurrence has values that are out of range.") from None
        if is_empty:
            self._empty_from = start

    def _found(self, start: datetime) -> Iterator[datetime]:
        budget = Budget()
        is_set = isinstance(self._rules, rruleset)
        rule = (set_in if is_set else rule_in)(self._rules, self._local, start, budget)
        for date in rule:
            budget.spend(PER_DATE)
            if date >= start:
                yield date


@lru_cache(maxsize=KNOWN)
def recurrence(text: str, zone: str) -> Recurrence:
    """The recurrence of a text, cached, since a schedule is evaluated often."""
    return Recurrence(text, zone)


def rule_in(rule: Any, zone: Any, start: datetime, budget: Budget) -> Limited:
    """A rule in the time zone of its dates."""
    first, until = near(rule, start.replace(tzinfo=None)), rule._until  # noqa: SLF001
    changes = {} if until is None else {"until": until.replace(tzinfo=zone)}
    limited = rule.replace(dtstart=first.replace(tzinfo=zone), **changes)
    limited.__class__ = Limited
    limited.budget = budget
    return limited  # type: ignore[no-any-return]


def near(rule: Any, start: datetime) -> datetime:
    """The first date to use for a rule: its own or, if the dates stay the same, a later one shortly before a start."""
    first: datetime = rule._dtstart  # noqa: SLF001
    period = PERIODS.get(rule._freq)  # noqa: SLF001
    if period is None or rule._count is not None or not rule._interval:  # noqa: SLF001
        return first
    step: timedelta = period * rule._interval  # noqa: SLF001
    return first + max(0, (start - MARGIN - first.replace(tzinfo=None)) // step) * step


def set_in(rules: Any, zone: Any, start: datetime, budget: Budget) -> rruleset:
    """Several rules and dates in a time zone."""
    found = rruleset()
    for add, own in ((found.rrule, rules._rrule), (found.exrule, rules._exrule)):  # noqa: SLF001
        for rule in own:
            add(rule_in(rule, zone, start, budget))
    for add, own in ((found.rdate, rules._rdate), (found.exdate, rules._exdate)):  # noqa: SLF001
        for date in own:
            add(date.replace(tzinfo=zone))
    return found
