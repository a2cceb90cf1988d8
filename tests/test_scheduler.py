"""The cached state of services, after any changes since they last ran."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest

from handlers.deployment_runs import dates_to_schedule
from handlers.services import scheduler
from handlers.services.late_runs import WaitingRuns
from handlers.services.scheduler import Agenda
from understudy.clock import Clock
from understudy.operations.api_folder import Api
from understudy.values import key_of
from understudy.workspaces.workspace import Workspace

START = datetime(2026, 3, 28, 22, 30, tzinfo=timezone.utc)
SCHEDULES: tuple[dict[str, Any], ...] = (
    {"cron": "0 * * * *", "timezone": "Europe/Berlin", "day_or": True},
    {"cron": "*/20 * * * *", "timezone": None, "day_or": True},
    {"cron": "0 3 1 1 *", "timezone": None, "day_or": True},
    {"interval": 5400.0, "anchor_date": "2026-01-01T00:00:00Z", "timezone": None},
    {"rrule": "FREQ=DAILY;COUNT=5", "timezone": "UTC"},
)
Change = Callable[[Workspace, random.Random], None]


def new() -> dict[str, Any]:
    return {"id": uuid4(), "created": START, "updated": START}


def schedule_of(randomness: random.Random) -> dict[str, Any]:
    return {"schedule": randomness.choice(SCHEDULES), "active": randomness.random() < 0.8}


def any_row(workspace: Workspace, table: str, randomness: random.Random) -> int | None:
    rows: list[int | None] = [None, *workspace[table].live]
    return randomness.choice(rows)


def add_deployment(workspace: Workspace, randomness: random.Random) -> None:
    deployment = {**new(), "name": str(uuid4()), "flow_id": flow_of(workspace), "paused": False}
    workspace["deployments"].insert(deployment)
    for _ in range(randomness.randrange(3)):
        workspace["deployment_schedules"].insert(
            {**new(), "deployment_id": deployment["id"], **schedule_of(randomness)}
        )


def flow_of(workspace: Workspace) -> UUID:
    flows = workspace["flows"]
    row = next(iter(flows.live), None)
    found: UUID = flows.values(flows.insert({**new(), "name": "flow"}) if row is None else row)["id"]
    return found


def change_deployment(workspace: Workspace, randomness: random.Random) -> None:
    row = any_row(workspace, "deployments", randomness)
    if row is not None:
        workspace["deployments"].update(row, {"paused": randomness.random() < 0.5})


def change_schedule(workspace: Workspace, randomness: random.Random) -> None:
    row = any_row(workspace, "deployment_schedules", randomness)
    if row is not None:
        workspace["deployment_schedules"].update(row, schedule_of(randomness))


def change_run(workspace: Workspace, randomness: random.Random) -> None:
    row = any_row(workspace, "flow_runs", randomness)
    if row is not None:
        start = START + timedelta(minutes=randomness.randrange(10_000))
        changes = (
            {"state_type": "PENDING"},
            {"state_name": "Late"},
            {"next_scheduled_start_time": None},
            {"next_scheduled_start_time": start},
        )
        workspace["flow_runs"].update(row, randomness.choice(changes))


def delete(workspace: Workspace, randomness: random.Random) -> None:
    table = randomness.choice(["deployments", "deployment_schedules", "flow_runs", "flow_runs"])
    row = any_row(workspace, table, randomness)
    if row is not None:
        workspace.delete(table, [row])


def go_back(workspace: Workspace, _: random.Random) -> None:
    workspace.restore(workspace.fork())


CHANGES: tuple[Change, ...] = (
    add_deployment, change_deployment, change_schedule, change_run, change_run, delete, go_back,
)  # fmt: skip


def due_and_needing(agenda: Agenda) -> tuple[datetime | None, list[tuple[Any, ...]]]:
    due = agenda.due()
    return due, [(deployment["id"], [each["id"] for each in schedules]) for deployment, schedules in agenda.needing()]


def due_and_waiting(runs: WaitingRuns, time: datetime) -> tuple[int | None, list[int]]:
    return runs.first, runs.until(key_of(time))


@pytest.mark.parametrize("seed", range(8))
def test_cached_state_equals_a_new_one(api: Api, seed: int) -> None:
    workspace, randomness, time = Workspace.empty(api.catalog), random.Random(seed), START
    ran = 0
    for _ in range(120):
        randomness.choice(CHANGES)(workspace, randomness)
        kept = Clock(time).run(lambda: due_and_needing(workspace.derived(Agenda)))
        assert kept == Clock(time).run(lambda: due_and_needing(Agenda(workspace)))
        runs = workspace.derived(WaitingRuns)
        assert due_and_waiting(runs, time) == due_and_waiting(WaitingRuns(workspace), time)
        due = kept[0]
        if due is not None and randomness.random() < 0.6:
            time = max(time, due)
            Clock(time).run(lambda: scheduler.run(workspace))
            ran += 1
        else:
            time += timedelta(minutes=randomness.choice([-600, 0, 7, 600]))
    assert ran > 20
    assert due_and_waiting(workspace.derived(WaitingRuns), time)[1] != []
    assert len(workspace["flow_runs"]) > 20


def test_failing_schedule_does_not_affect_others(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.empty(api.catalog)
    deployment = {**new(), "name": "one", "flow_id": flow_of(workspace), "paused": False}
    workspace["deployments"].insert(deployment)

    def dates(schedule: dict[str, Any], time: datetime) -> Any:
        if "rrule" in schedule["schedule"]:
            raise RuntimeError
        return dates_to_schedule(schedule, time)

    monkeypatch.setattr(scheduler, "dates_to_schedule", dates)
    assert Clock(START).run(lambda: workspace.derived(Agenda).due()) is None
    schedules = workspace["deployment_schedules"]
    bad, _ = (
        schedules.insert({**new(), "deployment_id": deployment["id"], "schedule": SCHEDULES[number], "active": True})
        for number in (4, 0)
    )
    with pytest.raises(RuntimeError):
        Clock(START).run(lambda: workspace.derived(Agenda).due())
    schedules.update(bad, {"active": False})
    assert Clock(START).run(lambda: workspace.derived(Agenda).due()) == START
