"""Services run in chronological order, each at its time, and only when they are due."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from understudy.values import now
from understudy.workspaces.services import Service, Services
from understudy.workspaces.workspace import Workspace

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def minutes(number: float) -> datetime:
    return START + timedelta(minutes=number)


class Every:
    """A service that is due every few minutes, and records when it has run."""

    def __init__(self, period: float, ran: list[tuple[float, float]]) -> None:
        self._period = period
        self._next = START + timedelta(minutes=period)
        self._ran = ran
        self.queries = 0

    def due(self, workspace: Workspace) -> datetime | None:
        self.queries += 1
        return self._next

    def run(self, workspace: Workspace) -> None:
        self._ran.append((self._period, (now() - START) / timedelta(minutes=1)))
        self._next = max(self._next + timedelta(minutes=self._period), now() + timedelta(seconds=1))

    def service(self) -> Service:
        functions: dict[str, Callable[..., Any]] = {"due": self.due, "run": self.run}
        return Service((), functions.__getitem__)


def test_services_run_in_chronological_order() -> None:
    ran: list[tuple[float, float]] = []
    services = Services(Workspace({}), [Every(2, ran).service(), Every(3, ran).service()], START)
    services.run(minutes(6))
    assert ran == [(2, 2), (3, 3), (2, 4), (2, 6), (3, 6)]


def test_due_times_are_queried_again_only_after_a_run() -> None:
    every = Every(2, [])
    services = Services(Workspace({}), [every.service()], START)
    assert [services.is_due(minutes(1)) for _ in range(3)] == [False, False, False]
    assert every.queries == 1
    assert services.is_due(minutes(2))


def test_services_due_before_a_jump_run_at_their_times() -> None:
    ran: list[tuple[float, float]] = []
    services = Services(Workspace({}), [Every(2, ran).service()], START)
    services.jump(minutes(10))
    services.run(minutes(10))
    assert ran == [(2, 10)]


def test_service_that_changes_nothing_does_not_loop() -> None:
    ran: list[datetime] = []
    functions: dict[str, Callable[..., Any]] = {"due": lambda _: START, "run": lambda _: ran.append(now())}
    services = Services(Workspace({}), [Service((), functions.__getitem__)], START)
    services.run(minutes(1))
    assert ran == [START]
    assert not services.is_due(minutes(2))


def test_failed_service_is_logged_and_skipped_until_rows_change(caplog: pytest.LogCaptureFixture) -> None:
    def fail(workspace: Workspace) -> None:
        raise ValueError("this cannot be done")

    ran: list[tuple[float, float]] = []
    for broken in ("due", "run"):
        functions: dict[str, Callable[..., Any]] = {"due": lambda _: START, "run": fail, broken: fail}
        services = Services(Workspace({}), [Service((), functions.__getitem__), Every(2, ran).service()], START)
        services.run(minutes(2))
        assert not services.is_due(minutes(3))
    assert ran == [(2, 2), (2, 2)]
    assert [record.message for record in caplog.records] == ["a service has failed"] * 2
