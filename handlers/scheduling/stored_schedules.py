"""Schedules in stored rows, which may be written by hand: they are checked and completed like those in requests."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic_core import SchemaValidator, ValidationError, core_schema

from understudy.values import moment, with_offset

from ..durations import in_microseconds
from ..schedules import (
    Schedule,
    check_timezone,
    checked_cron,
    checked_interval,
    checked_rrule,
    whole_cron,
    whole_interval,
    with_start,
)
from .dates import moment_of


class Kind(NamedTuple):
    """A kind of schedule: its fields beside the one that names the kind, and the check of that field."""

    defaults: Mapping[str, Any]
    type: type | tuple[type, ...]
    check: Callable[[Any], object]
    whole: Callable[[Schedule], Schedule]


BOOLEAN = SchemaValidator(core_schema.bool_schema())


def duration(seconds: float) -> float:
    return checked_interval(in_microseconds(seconds))


def started_interval(schedule: Schedule) -> Schedule:
    started = with_start(whole_interval(schedule))
    anchor = started["anchor_date"]
    shown = with_offset(moment(anchor)) if isinstance(anchor, str) else anchor
    return {**started, "interval": duration(started["interval"]), "anchor_date": shown}


def stored_cron(schedule: Schedule) -> Schedule:
    try:
        return whole_cron({**schedule, "day_or": BOOLEAN.validate_python(schedule["day_or"])})
    except ValidationError:
        raise ValueError("`day_or` is true or false") from None


KINDS = {
    "interval": Kind({"anchor_date": None, "timezone": None}, (int, float), duration, started_interval),
    "cron": Kind({"timezone": None, "day_or": True}, str, checked_cron, stored_cron),
    "rrule": Kind({"timezone": "UTC"}, str, checked_rrule, dict),  # its start may be left out in rows
}


def whole(schedule: Schedule) -> Schedule:
    """The complete schedule of a row.

    Raises:
        ValueError: a real server would refuse it.
    """
    name = next((name for name in KINDS if schedule.get(name) is not None), None)
    if name is None:
        raise ValueError("a schedule has an `interval` in seconds, a `cron` string or an `rrule`")
    kind, value = KINDS[name], schedule[name]
    for unknown in sorted(schedule.keys() - {name, *kind.defaults}):
        raise ValueError(f"a schedule with `{name}` has no `{unknown}`")
    if not isinstance(value, kind.type):
        raise ValueError(f"`{name}` is {'a number of seconds' if name == 'interval' else 'a text'}")  # noqa: TRY004
    kind.check(value)
    check_others(schedule)
    return kind.whole({**schedule, **{name: kind.defaults[name] for name in kind.defaults.keys() - schedule.keys()}})


def check_others(schedule: Schedule) -> None:
    """Check the time zone and the anchor of a schedule."""
    for field, check in (("timezone", check_timezone), ("anchor_date", moment_of)):
        value = schedule.get(field)
        if isinstance(value, dict | list | bool | int | float):
            raise ValueError(f"`{field}` is a text")  # noqa: TRY004
        if value is not None:
            check(value)
