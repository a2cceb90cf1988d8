"""The clocks of workspaces: every time that the server writes is theirs."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from tests.conftest import SMALL
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace
from understudy.admin.control_errors import ControlError
from understudy.cli.commands import main
from understudy.errors import UnderstudyError

START = "2026-03-29T00:00:00Z"
MOMENT = datetime(2026, 3, 29, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn(SMALL) as standin:
        yield standin


@pytest.fixture
def workspace(standin: StandIn) -> Iterator[RemoteWorkspace]:
    with standin.workspace() as workspace:
        yield workspace


def created(workspace: RemoteWorkspace, name: str = "new") -> dict[str, Any]:
    answer = httpx.post(f"{workspace.url}/flows/", json={"name": name}).raise_for_status()
    return dict(answer.json())


def times_of_a_change(workspace: RemoteWorkspace, flow: str) -> dict[str, Any]:
    httpx.patch(f"{workspace.url}/flows/{flow}", json={"tags": ["changed"]}).raise_for_status()
    return dict(httpx.get(f"{workspace.url}/flows/{flow}").json())


def is_about_now(time: datetime) -> bool:
    return abs(datetime.now(timezone.utc) - time) < timedelta(minutes=1)


def test_new_workspace_has_the_system_clock(workspace: RemoteWorkspace) -> None:
    state = workspace.clock.state
    assert (state["is_frozen"], state["is_machine"]) == (False, True)
    assert is_about_now(workspace.clock.now())
    assert is_about_now(datetime.fromisoformat(created(workspace)["created"].replace("Z", "+00:00")))


@pytest.mark.parametrize(
    "time", [START, "2026-03-29T00:00Z", "2026-03-29T02:00+02:00", "2026-03-29", MOMENT, MOMENT.replace(tzinfo=None)]
)
def test_frozen_clock_shows_one_time(workspace: RemoteWorkspace, time: datetime | str) -> None:
    assert workspace.clock.freeze(time) == MOMENT
    assert workspace.clock.state == {
        "workspace": workspace.name,
        "time": START,
        "is_frozen": True,
        "is_machine": False,
    }
    assert [created(workspace, name)["created"] for name in ("a", "b")] == [START, START]


def test_clock_is_frozen_at_its_current_time(workspace: RemoteWorkspace) -> None:
    time = workspace.clock.freeze()
    assert is_about_now(time)
    assert workspace.clock.now() == time


@pytest.mark.parametrize(
    ("how", "units"),
    [(timedelta(hours=3, minutes=1), {}), (10_860, {}), (None, {"hours": 3, "minutes": 1})],
    ids=["timedelta", "seconds", "units"],
)
def test_clock_is_advanced(workspace: RemoteWorkspace, how: timedelta | float | None, units: dict[str, float]) -> None:
    workspace.clock.freeze(START)
    flow = created(workspace)
    assert workspace.clock.advance(how, **units) == MOMENT + timedelta(hours=3, minutes=1)
    changed = times_of_a_change(workspace, flow["id"])
    assert (changed["created"], changed["updated"]) == (START, "2026-03-29T03:01:00Z")


def test_duration_is_a_number_or_iso_8601(workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze(START)
    url = f"{workspace.url.partition('/api')[0]}/__admin/clock"
    answer = httpx.put(url, params={"workspace": workspace.name}, json={"advance": "P1DT30M"})
    assert answer.json()["time"] == "2026-03-30T00:30:00Z"


def test_resumed_clock_continues_from_its_time(workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze(START)
    time = workspace.clock.resume()
    later = workspace.clock.now()
    assert MOMENT <= time < later < MOMENT + timedelta(minutes=1)
    assert workspace.clock.resume() > later  # changes nothing
    assert not workspace.clock.state["is_frozen"]
    # It runs on when it is set.
    assert MOMENT + timedelta(days=1) <= workspace.clock.set("2026-03-30") < workspace.clock.now()


def test_times_of_a_row_do_not_go_back(workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze(START)
    flow = created(workspace)
    later = times_of_a_change(workspace, flow["id"])["updated"]
    assert workspace.clock.set("2020-01-01") == datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert times_of_a_change(workspace, flow["id"])["updated"] == later
    assert created(workspace, "earlier")["created"] == "2020-01-01T00:00:00Z"


def test_each_workspace_has_its_own_clock(standin: StandIn, workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze(START)
    with standin.workspace() as other:
        assert other.clock.state["is_machine"]
        other.clock.freeze("2020-01-01")
        assert created(workspace)["created"] == START


def test_reset_and_drop_restart_the_clock(workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze(START)
    workspace.reset()
    assert workspace.clock.state["is_machine"]
    workspace.clock.freeze(START)
    workspace.drop()
    assert workspace.clock.state["is_machine"]
    workspace.clock.freeze(START)
    workspace.clock.reset()
    assert workspace.clock.state["is_machine"]


def test_snapshot_includes_the_clock(workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze(START)
    workspace.save("early")
    workspace.clock.advance(days=1)
    workspace.restore("early")
    assert workspace.clock.state["time"] == START
    workspace.delete_snapshot("early")


def test_rows_are_loaded_at_the_time_of_the_clock(workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze(START)
    workspace.load({"flows": [{"name": "loaded"}]})
    (flow,) = workspace.rows("flows", name="loaded")
    assert flow["created"] == START


def test_new_rows_are_those_missing_in_the_fixture_set(workspace: RemoteWorkspace) -> None:
    workspace.clock.freeze("2020-01-01")
    flow = created(workspace)
    assert [row["id"] for row in workspace.rows("flows", only_new=True)] == [flow["id"]]


def test_server_can_start_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_text('{"name": "fixture"}\n', encoding="utf-8")
    with StandIn(tmp_path, now="2026-03-29T00:00Z") as standin:
        assert [flow["created"] for flow in standin.rows("flows")] == [START]
        with standin.workspace() as workspace:
            assert workspace.clock.state["time"] == START
            workspace.clock.advance(hours=1)
            workspace.reset()
            assert workspace.clock.state["time"] == START


@pytest.mark.parametrize("time", ["tomorrow", "", "1969-12-31", "9000-01-01"])
def test_invalid_start_time_is_rejected(time: str) -> None:
    with pytest.raises(UnderstudyError, match="`now`: "):
        StandIn(now=time)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time": "tomorrow"}, "body.time"),
        ({"time": "1969-12-31T23:59:59Z"}, "from 1970 to 8999"),
        ({"time": "9000-01-01T00:00:00Z"}, "from 1970 to 8999"),
        ({"time": START, "advance": 1}, "exclude each other"),
        ({"advance": -1}, "by 0 to 31536000 seconds"),
        ({"advance": "P2Y"}, "by 0 to 31536000 seconds"),
        ({"advance": "soon"}, "body.advance"),
        ({"is_frozen": "maybe"}, "body.is_frozen"),
        ({"frozen": True}, "body.frozen"),
    ],
)
def test_invalid_change_is_rejected(workspace: RemoteWorkspace, change: dict[str, Any], words: str) -> None:
    workspace.clock.freeze("8999-12-31T00:00Z")
    before = workspace.clock.state
    url = f"{workspace.url.partition('/api')[0]}/__admin/clock"
    answer = httpx.put(url, params={"workspace": workspace.name}, json=change)
    assert answer.status_code == 422
    assert words in answer.text or words.removeprefix("body.") in answer.text
    with pytest.raises(ControlError, match="from 1970 to 8999"):
        workspace.clock.advance(days=2)
    assert workspace.clock.state == before


def test_advance_takes_one_duration(workspace: RemoteWorkspace) -> None:
    with pytest.raises(TypeError, match="either a duration or units"):
        workspace.clock.advance()
    with pytest.raises(TypeError, match="either a duration or units"):
        workspace.clock.advance(1, hours=1)


def command(workspace: RemoteWorkspace, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["admin", "clock", *arguments, "--url", workspace.url], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_clock_command(workspace: RemoteWorkspace) -> None:
    assert command(workspace).endswith(" (the machine's clock)\n")
    assert command(workspace, "freeze", "2026-03-29T00:00Z") == f"{START} (frozen)\n"
    for duration in ("90m", "PT1H30M", "1h 30m", "01:30:00", "0.5h1h"):
        command(workspace, "set", START)
        assert command(workspace, "advance", duration) == "2026-03-29T01:30:00Z (frozen)\n"
    assert command(workspace, "resume").endswith(" (running)\n")
    assert command(workspace, "show").startswith("2026-03-29T01:3")
    assert command(workspace, "freeze").endswith(" (frozen)\n")
    assert command(workspace, "reset").endswith(" (the machine's clock)\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["freeze", "later"], "`later` is not a time such as"),
        (["set"], "set takes a time"),
        (["advance"], "advance takes a duration"),
        (["advance", "3 parsecs"], "`3 parsecs` is not a duration such as"),
        (["resume", "now"], "resume takes no value"),
    ],
)
def test_invalid_argument_is_rejected(workspace: RemoteWorkspace, arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(main, ["admin", "clock", *arguments, "--url", workspace.url])
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
