"""Counts of events: by name or resource, and by time, in intervals of equal length."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from math import ceil, floor
from typing import Any

from understudy.errors import Unprocessable
from understudy.values import moment

from .event_filters import ID

UNITS = {name: timedelta(**{f"{name}s": 1}) for name in ("week", "day", "hour", "minute", "second")}
FIRST = datetime(2024, 4, 1, tzinfo=timezone.utc)
"""When the first interval begins, a Monday. Source: the real server's PIVOT_DATETIME."""
MOST = 1000  # the maximum number of intervals in a response
MICROSECOND = timedelta(microseconds=1)
HALF_MILLISECOND = timedelta(microseconds=500)
"""SQLite rounds to milliseconds: in its counts, the last half millisecond of a second belongs to the next one."""


def check_intervals(occurred: Mapping[str, datetime], length: timedelta) -> None:
    """Check that a time range is not divided into too many intervals.

    Raises:
        Unprocessable: there are too many.
    """
    count = ceil((occurred["until"] - occurred["since"]) / length)
    if count > MOST:
        raise Unprocessable(
            f"The given interval would create {count} buckets, which is too many. Please increase the interval or "
            f"reduce the time range to produce {MOST} buckets or fewer."
        )


def by_value(
    events: Iterable[Mapping[str, Any]], kind: str, occurred: Mapping[str, datetime], unit: str, interval: float
) -> list[dict[str, Any]]:
    """The events of each name or resource: the most frequent first, then by label, then in descending order."""
    check_intervals(occurred, UNITS[unit] * interval)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        groups.setdefault(event["event"] if kind == "event" else event["resource"][ID], []).append(event)
    counts = []
    for value, group in sorted(groups.items(), reverse=True):
        last = max((event["occurred"] for event in group), key=moment)
        names = (name_of(event["resource"]) for event in group if event["occurred"] == last)
        counts.append(
            {
                "value": value,
                "label": value if kind == "event" else min(names),
                "count": len(group),
                "start_time": min((event["occurred"] for event in group), key=moment),
                "end_time": last,
            }
        )
    return sorted(counts, key=lambda count: (-count["count"], count["label"]))


def name_of(resource: Mapping[str, str]) -> str:
    for label in ("prefect.resource.name", "prefect.name"):
        if label in resource:
            return resource[label]
    return resource[ID]


def by_time(
    events: Iterable[Mapping[str, Any]],
    kind: str,
    occurred: Mapping[str, datetime],
    unit: str,
    interval: float,
    now: datetime,
) -> list[dict[str, Any]]:
    """The events of each interval, including intervals without events.

    The intervals have the given length, and events are counted in days if `kind` is "day", as by the real server.
    """
    length = UNITS[unit] * interval
    check_intervals(occurred, length)
    spans = list(intervals(occurred, length, end_of(unit, now), now))
    first = floor((occurred["since"] - FIRST) / length)
    counted = UNITS["day"] if kind == "day" else length
    found = Counter(
        floor(floor((moment(event["occurred"]) + HALF_MILLISECOND - FIRST).total_seconds()) / counted.total_seconds())
        for event in events
    )
    counts = [
        {"value": str(index), "label": start.isoformat(), "count": 0, "start_time": start, "end_time": end}
        for index, (start, end) in enumerate(spans)
    ]
    for index, count in found.items():
        if -len(counts) <= index - first < len(counts):
            counts[index - first]["count"] = count
    return counts


def intervals(
    occurred: Mapping[str, datetime], length: timedelta, end_of_now: datetime, now: datetime
) -> Iterable[tuple[datetime, datetime]]:
    end = end_of_now if occurred["until"] > now else occurred["until"]
    start = FIRST + length * floor((occurred["since"] - FIRST) / length)
    while start < end:
        yield start, start + length - MICROSECOND
        start += length


def end_of(unit: str, now: datetime) -> datetime:
    """The last microsecond of the second, minute, hour, day or week (which ends on Sunday) of a time."""
    return FIRST + UNITS[unit] * (floor((now - FIRST) / UNITS[unit]) + 1) - MICROSECOND
