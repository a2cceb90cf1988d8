"""The dates of schedules at clock changes, as computed by Prefect's code."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pendulum
import pytest

from handlers.scheduling.dates import dates_of

BERLIN = "Europe/Berlin"
NIGHTLY = "DTSTART:20240112T023000\nRRULE:FREQ=DAILY"


@pytest.mark.parametrize(
    ("schedule", "start", "dates"),
    [
        # Days and seconds together count as elapsed time up to the start, and from there by the local clock.
        (
            {"interval": 93_600, "anchor_date": "2025-01-20T07:52:16+00:00", "timezone": BERLIN},
            "2025-04-05T06:29:57",
            ["2025-04-06T03:52:16", "2025-04-07T05:52:16"],
        ),
        # A local time that clocks pass twice counts once.
        (
            {"interval": 3600, "anchor_date": "2024-12-14T02:11:55+00:00", "timezone": BERLIN},
            "2025-10-25T23:30:00",
            ["2025-10-26T00:11:55", "2025-10-26T02:11:55"],
        ),
        # After a time that clocks skip, all later times are at another hour.
        (
            {"interval": 86_400, "anchor_date": "2025-03-01T01:30:00+00:00", "timezone": BERLIN},
            "2025-03-29T12:00:00",
            ["2025-03-30T01:30:00", "2025-03-31T01:30:00"],
        ),
        # A recurrence that clocks skip has the offset that is valid after it.
        ({"rrule": NIGHTLY, "timezone": BERLIN}, "2025-03-29T03:00:00", ["2025-03-30T00:30:00", "2025-03-31T00:30:00"]),
        ({"rrule": NIGHTLY, "timezone": BERLIN}, "2025-10-25T03:00:00", ["2025-10-26T00:30:00", "2025-10-27T01:30:00"]),
        # The anchor may be later than the start.
        (
            {"interval": 86_400, "anchor_date": "2025-04-10T10:00:00+00:00", "timezone": BERLIN},
            "2025-03-29T12:00:00",
            ["2025-03-30T10:00:00", "2025-03-31T10:00:00"],
        ),
    ],
)
def test_dates_at_clock_changes(schedule: dict[str, Any], start: str, dates: list[str]) -> None:
    begin = datetime.fromisoformat(start).replace(tzinfo=timezone.utc)
    found = dates_of(schedule, begin, begin + timedelta(days=30), 2)
    assert [date.astimezone(timezone.utc).replace(tzinfo=None).isoformat() for date in found] == dates


def test_cron_string_without_a_date_has_none() -> None:
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert list(dates_of({"cron": "0 0 30 2 *", "timezone": "UTC"}, begin, begin + timedelta(days=100), 2)) == []


def test_step_in_the_days_of_the_month_skips_the_first_of_march() -> None:
    begin = datetime(2026, 2, 20, tzinfo=timezone.utc)
    found = dates_of({"cron": "0 0 */6 * *", "timezone": "UTC"}, begin, begin + timedelta(days=30), 3)
    assert [(date.month, date.day) for date in found] == [(2, 25), (3, 7), (3, 13)]


def test_dates_of_an_old_anchor_take_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No day on which clocks may change is skipped, so the steps from an old anchor are cached, and begin in 1800."""
    begin, steps = datetime(2026, 1, 1, tzinfo=timezone.utc), 0
    add = pendulum.DateTime.add

    def counted(*arguments: Any, **units: Any) -> Any:
        nonlocal steps
        steps += 1
        return add(*arguments, **units)

    monkeypatch.setattr(pendulum.DateTime, "add", counted)
    schedule = {"interval": 86_400, "anchor_date": "0001-01-02T07:30:00+00:00", "timezone": BERLIN}
    first = list(dates_of(schedule, begin, begin + timedelta(days=30), 2))
    assert [date.isoformat() for date in first] == ["2026-01-01T08:23:28+01:00", "2026-01-02T08:23:28+01:00"]
    assert steps < 8000
    steps = 0
    assert list(dates_of(schedule, begin, begin + timedelta(days=30), 2)) == first
    assert steps < 100
