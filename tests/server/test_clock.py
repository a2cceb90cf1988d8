"""The system clock is set back by a day while a server runs."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.http.test_authentication import csrf, serving, token
from tests.workspaces.urls import admin
from understudy.values import later, now, time_of_change

DAY = 86_400  # seconds
CLOCK = f"""
import time
from datetime import timedelta
from pathlib import Path

SWITCH = Path(__file__).with_name("back")
unchanged = time.time
time.time = lambda: unchanged() - ({DAY} if SWITCH.exists() else 0)

from understudy import values

right = values.now
values.now = lambda: right() - timedelta(days=1 if SWITCH.exists() else 0)
"""


class Clock:
    """The clock of a server's process, by a module that Python imports before all others."""

    def __init__(self, folder: Path) -> None:
        self._switch = folder / "back"
        (folder / "sitecustomize.py").write_text(CLOCK, encoding="utf-8")

    def set_back(self) -> None:
        self._switch.touch()

    def put_right(self) -> None:
        self._switch.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Clock]]:
    folder = tmp_path_factory.mktemp("clock")
    clock = Clock(folder)
    with serving("--csrf", PYTHONPATH=str(folder)) as api:
        api.headers.update(csrf(token(api, "me"), "me"))
        yield api, clock


@pytest.fixture
def api(served: tuple[httpx.Client, Clock]) -> Iterator[httpx.Client]:
    served[1].put_right()
    yield served[0]
    served[1].put_right()


@pytest.fixture
def clock(served: tuple[httpx.Client, Clock]) -> Clock:
    return served[1]


def created(api: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return dict(api.post(path, json=body).raise_for_status().json())


def times(row: dict[str, Any]) -> tuple[datetime, datetime]:
    first, last = (datetime.fromisoformat(row[name].replace("Z", "+00:00")) for name in ("created", "updated"))
    return first, last


def test_clock_is_set_back(api: httpx.Client, clock: Clock) -> None:
    clock.set_back()
    first, _ = times(created(api, "/flows/", {"name": str(uuid4())}))
    assert timedelta(hours=23) < datetime.now(timezone.utc) - first < timedelta(hours=25)


@pytest.mark.parametrize(("path", "body"), [("/flows", {"tags": ["a"]}), ("/artifacts", {"data": "a"})])
def test_updates_of_a_row_do_not_go_back_in_time(
    api: httpx.Client, clock: Clock, path: str, body: dict[str, Any]
) -> None:
    new = {"name": str(uuid4())} if path == "/flows" else {"key": str(uuid4()), "type": "t"}
    row = created(api, f"{path}/", new)
    clock.set_back()
    api.patch(f"{path}/{row['id']}", json=body).raise_for_status()
    changed = api.get(f"{path}/{row['id']}").json()
    assert times(changed) >= times(row)
    assert changed["created"] <= changed["updated"]
    if path == "/artifacts":
        latest = api.get(f"{path}/{new['key']}/latest").json()
        assert latest["created"] <= latest["updated"]


def test_collection_is_not_updated_before_its_creation(api: httpx.Client, clock: Clock) -> None:
    key = str(uuid4())
    created(api, "/artifacts/", {"key": key, "type": "t"})
    clock.set_back()
    second = created(api, "/artifacts/", {"key": key, "type": "t"})
    assert second["created"] <= second["updated"]
    (row,) = api.post("/artifacts/latest/filter", json={"artifacts": {"key": {"any_": [key]}}}).json()
    assert row["latest_id"] == second["id"]
    assert row["created"] <= row["updated"]


def test_durations_and_ages_are_not_negative(api: httpx.Client, clock: Clock) -> None:
    admin(api, "PUT", "/faults", json={"rules": [{"path": "/hello", "delay": 0.5}]}).raise_for_status()
    before = admin(api, "GET", "/state").json()["uptime"]
    start = time.monotonic()
    clock.set_back()
    api.get("/hello").raise_for_status()
    clock.put_right()
    api.get("/hello").raise_for_status()
    took = time.monotonic() - start
    admin(api, "DELETE", "/faults")
    waits = [each["seconds"] for each in admin(api, "GET", "/requests").json()["requests"] if "hello" in each["path"]]
    assert len(waits) == 2
    assert all(0.5 <= wait <= took for wait in waits)
    clock.set_back()
    state = admin(api, "GET", "/state").json()
    assert before < state["uptime"] < before + DAY
    assert all(0 <= each["idle"] < DAY for each in state["workspaces"])


def test_token_stays_valid(api: httpx.Client, clock: Clock) -> None:
    clock.set_back()
    issued = api.get("/csrf-token", params={"client": "a"}).json()
    clock.put_right()
    assert api.post("/flows/count", headers=csrf(issued["token"], "a")).status_code == 200
    clock.set_back()
    assert api.post("/flows/count", headers=csrf(issued["token"], "a")).status_code == 200


def test_token_is_not_issued_before_its_client_was_created(api: httpx.Client, clock: Clock) -> None:
    first = api.get("/csrf-token", params={"client": "b"}).json()
    clock.set_back()
    second = api.get("/csrf-token", params={"client": "b"}).json()
    assert first["created"] == second["created"] <= second["updated"] < second["expiration"]


def test_times_of_changes() -> None:
    future = now() + timedelta(days=1)
    assert time_of_change(None, future, now()) == future
    past = time_of_change(now() - timedelta(days=1), None)
    assert past.microsecond % 1000 == 0
    assert timedelta() <= past - now() + timedelta(seconds=60)
    assert later(past) == later(past, None) == past
