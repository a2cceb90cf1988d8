"""Recurrences: the dates of python-dateutil, found in bounded time."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil import tz
from dateutil.rrule import rrulestr

from handlers.scheduling.recurrences import MARGIN, START, Recurrence
from understudy.errors import Unprocessable

BERLIN = "Europe/Berlin"
MOMENT = datetime(2026, 3, 28, 16, tzinfo=timezone.utc)
NOBODY = "BYMONTH=2;BYMONTHDAY=30"
NEVER = [
    *(f"FREQ={frequency};{NOBODY}" for frequency in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "MINUTELY", "SECONDLY")),
    f"FREQ=SECONDLY;BYHOUR=3;{NOBODY}",
    f"FREQ=DAILY;INTERVAL=0;{NOBODY}",
    "DTSTART:19000101T000000\nRRULE:FREQ=SECONDLY;COUNT=1000000000",
    "FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY",
    "\n".join([f"RRULE:FREQ=SECONDLY;{NOBODY}"] * 50),
]


@pytest.mark.parametrize("text", NEVER)
def test_search_without_a_result_ends(text: str) -> None:
    recurrence = Recurrence(text, BERLIN)
    assert list(recurrence.dates(MOMENT)) == []
    for _ in range(1000):  # which is remembered
        assert list(recurrence.dates(MOMENT + timedelta(days=1))) == []


@pytest.mark.parametrize(
    "text", ["FREQ=HOURLY;BYHOUR=24", "FREQ=SECONDLY;BYSECOND=61", "FREQ=MONTHLY;BYDAY=+9MO", "FREQ=DAILY;INTERVAL=-1"]
)
def test_values_that_are_out_of_range_are_an_error(text: str) -> None:
    """On which python-dateutil fails in various ways."""
    with pytest.raises(Unprocessable, match="out of range"):
        next(Recurrence(text, BERLIN).dates(MOMENT))


def expected(text: str, start: datetime, zone: str) -> Iterator[datetime]:
    """The dates, counted from the beginning of a rule."""
    local = tz.gettz(zone)
    rule = rrulestr(text, dtstart=START)
    rule = rule.replace(dtstart=rule._dtstart.replace(tzinfo=local))
    return iter(rule.xafter(start.astimezone(ZoneInfo(zone)), inc=True))


@pytest.mark.parametrize("seed", range(40))
def test_dates_are_those_of_the_whole_rule(seed: int) -> None:
    randomness = random.Random(seed)
    frequency, days = randomness.choice((("MINUTELY", 60), ("HOURLY", 1000), ("DAILY", 9000), ("WEEKLY", 9000)))
    first = MOMENT - timedelta(seconds=randomness.randrange(days * 86_400))
    parts = [f"FREQ={frequency}", f"INTERVAL={randomness.choice((1, 2, 3, 5, 7, 11))}"]
    parts += randomness.sample(("BYDAY=MO,SA,SU", "BYMONTH=3,4,5", "WKST=SU", "BYHOUR=1,2,3"), 2)
    text = f"DTSTART:{first:%Y%m%dT%H%M%S}\nRRULE:{';'.join(parts)}"
    start = MOMENT + timedelta(seconds=randomness.randrange(86_400))
    assert start - first > MARGIN
    known = list(islice(expected(text, start, BERLIN), 20))
    found = list(islice(Recurrence(text, BERLIN).dates(start), 20))
    assert known
    assert [date.astimezone(timezone.utc) for date in found] == [date.astimezone(timezone.utc) for date in known]
