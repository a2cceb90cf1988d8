"""Schedules in fixture sets, which can be written by hand."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.loading.test_fixtures import loaded, write
from understudy.errors import FixtureError
from understudy.operations.api_folder import Api
from understudy.workspaces.workspace import Workspace

START = "2026-01-01T00:00:00+02:00"
WHOLE: list[dict[str, Any]] = [
    {"interval": 3600, "anchor_date": START, "timezone": "UTC"},
    {"interval": 0.5, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "Europe/Berlin"},
    {"cron": "30 2 * * *", "timezone": None, "day_or": True},
    {"cron": "@daily", "timezone": "Europe/Berlin", "day_or": False},
    {"rrule": "DTSTART:20240101T000000\nFREQ=DAILY", "timezone": "Europe/Berlin"},
]
SHORT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"cron": "0 0 * * *"}, {"timezone": None, "day_or": True}),
    ({"interval": 60, "anchor_date": START}, {"anchor_date": START, "timezone": "UTC"}),
    ({"rrule": "FREQ=DAILY"}, {"timezone": "UTC"}),  # its start is the first of 2020, as on a real server
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "a schedule has an `interval` in seconds, a `cron` string or an `rrule`"),
    ({"cron": None}, "a schedule has an `interval` in seconds, a `cron` string or an `rrule`"),
    ({"cron": "99 * * * *"}, 'Invalid cron string: "99 * * * *"'),
    ({"cron": 5}, "`cron` is a text"),
    ({"cron": "0 0 * * *", "timezon": "UTC"}, "a schedule with `cron` has no `timezon`"),
    ({"cron": "0 0 * * *", "timezone": "Europe/Nowhere"}, 'Invalid timezone: "Europe/Nowhere"'),
    ({"cron": "0 0 * * *", "timezone": ["UTC"]}, "`timezone` is a text"),
    ({"interval": "PT1H"}, "`interval` is a number of seconds"),
    ({"interval": -1}, "interval must be positive"),
    ({"interval": 1e-7}, "interval must be positive"),
    ({"interval": 1e14}, "the duration is too long"),
    ({"interval": 60, "anchor_date": "soon"}, "Invalid isoformat string: 'soon'"),
    ({"interval": 60, "anchor_date": 5}, "`anchor_date` is a text"),
    ({"cron": "0 0 * * *", "day_or": [True]}, "`day_or` is true or false"),
    ({"cron": "0 0 * * *", "day_or": None}, "`day_or` is true or false"),
    ({"interval": 60, "cron": "0 0 * * *"}, "a schedule with `interval` has no `cron`"),
    ({"rrule": "nonsense"}, 'Invalid RRule string "nonsense"'),
    ({"rrule": "FREQ=DAILY", "timezone": "Nowhere"}, 'Invalid timezone: "Nowhere"'),
]


def stored(workspace: Workspace) -> Any:
    table = workspace["deployment_schedules"]
    return table.values(next(iter(table.live)))["schedule"]


@pytest.mark.parametrize("schedule", WHOLE)
def test_complete_schedule_is_unchanged(api: Api, tmp_path: Path, schedule: dict[str, Any]) -> None:
    workspace, _ = loaded(api, write(tmp_path, "deployment_schedules", {"schedule": schedule}))
    assert list(stored(workspace).items()) == list(schedule.items())


@pytest.mark.parametrize(("schedule", "filled"), SHORT)
def test_missing_fields_of_a_schedule_are_completed(
    api: Api, tmp_path: Path, schedule: dict[str, Any], filled: dict[str, Any]
) -> None:
    workspace, _ = loaded(api, write(tmp_path, "deployment_schedules", {"schedule": schedule}))
    assert stored(workspace) == {**schedule, **filled}


def test_interval_without_an_anchor_starts_at_the_time_of_loading(api: Api, tmp_path: Path) -> None:
    workspace, _ = loaded(api, write(tmp_path, "deployment_schedules", {"schedule": {"interval": 60}}))
    assert str(stored(workspace)["anchor_date"]) > "2026-01-01"


@pytest.mark.parametrize(("schedule", "reason"), REFUSED)
def test_schedule_that_the_api_rejects_is_rejected(
    api: Api, tmp_path: Path, schedule: dict[str, Any], reason: str
) -> None:
    place = "deployment_schedules.jsonl, line 1: schedule: "
    with pytest.raises(FixtureError, match=re.escape(place) + ".*" + re.escape(reason)):
        loaded(api, write(tmp_path, "deployment_schedules", {"schedule": schedule}))
