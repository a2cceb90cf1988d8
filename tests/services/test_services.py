"""Services: schedules, late runs, pauses, cancellations, leases, and workers that are offline."""

from typing import Any

import httpx
import pytest

from tests.services.conftest import START, posted
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace

HOURLY = {"cron": "0 * * * *", "timezone": "Europe/Berlin"}


@pytest.fixture
def flow(api: httpx.Client) -> str:
    return str(posted(api, "/flows/", name="flow")["id"])


def deployed(api: httpx.Client, flow: str, *schedules: dict[str, Any], **fields: Any) -> str:
    some = [{"active": True, "schedule": each} for each in schedules]
    made = posted(api, "/deployments/", **{"name": "deployment", "flow_id": flow, "schedules": some, **fields})
    return str(made["id"])


def ran(api: httpx.Client, flow: str, kind: str, **fields: Any) -> str:
    state = {"type": kind, "state_details": fields.pop("state_details", {})}
    return str(posted(api, "/flow_runs/", flow_id=flow, state=state, **fields)["id"])


def runs(api: httpx.Client) -> list[tuple[str, str]]:
    """The start and the name of the state of all runs, the earliest first."""
    found = posted(api, "/flow_runs/filter", sort="EXPECTED_START_TIME_ASC")
    return [(run["expected_start_time"], run["state_name"]) for run in found]


def state(api: httpx.Client, run: str, kind: str = "flow_runs") -> tuple[str, str | None]:
    found = api.get(f"/{kind}/{run}").json()["state"]
    return found["name"], found["message"]


def events(api: httpx.Client, prefix: str) -> list[str]:
    """The names of events that begin with a prefix, without those of new rows, the earliest first."""
    return [event["event"] for event in posted(api, "/events/filter", filter={"order": "ASC"})["events"]
            if event["event"].startswith(prefix) and not event["event"].endswith("created")]  # fmt: skip


# -------------------------------------------------------------------- schedules


def test_schedule_has_three_future_runs_across_a_clock_change(
    workspace: RemoteWorkspace, api: httpx.Client, flow: str
) -> None:
    deployed(api, flow, HOURLY)
    # At two o'clock in Berlin it is three.
    assert [start for start, _ in runs(api)] == [
        "2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z",
    ]  # fmt: skip
    workspace.clock.advance(hours=2)
    assert runs(api) == [
        ("2026-03-28T23:00:00Z", "Late"),
        ("2026-03-29T00:00:00Z", "Late"),
        ("2026-03-29T01:00:00Z", "Scheduled"),
        ("2026-03-29T02:00:00Z", "Scheduled"),
        ("2026-03-29T03:00:00Z", "Scheduled"),
    ]


def test_run_of_a_schedule(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    deployment = deployed(api, flow, HOURLY, tags=["mine"], parameters={"x": 1})
    run = posted(api, "/flow_runs/filter", sort="EXPECTED_START_TIME_ASC")[0]
    assert run["deployment_id"] == deployment
    assert (run["tags"], run["parameters"], run["auto_scheduled"]) == (["auto-scheduled", "mine"], {"x": 1}, True)
    assert run["created"] == START
    assert run["created_by"]["type"] == "SCHEDULE"
    assert run["state"]["message"] == "Flow run scheduled"
    assert run["state"]["state_details"]["scheduled_time"] == "2026-03-29T00:00:00+01:00"
    # A real server has no event of it, since no policy handles its state.
    assert events(api, "prefect.flow-run") == []


@pytest.mark.parametrize(
    ("interval", "count", "last"),
    [
        (10, 100, "2026-03-28T22:46:30Z"),  # at most 100
        (60, 61, "2026-03-28T23:30:00Z"),  # for an hour at least
        (86_400, 3, "2026-03-30T22:30:00Z"),  # three at least
        (40 * 86_400, 3, "2026-06-16T22:30:00Z"),
        (60 * 86_400, 2, "2026-05-27T22:30:00Z"),  # within 100 days
    ],
)
def test_number_of_future_runs(api: httpx.Client, flow: str, interval: int, count: int, last: str) -> None:
    deployed(api, flow, {"interval": interval, "anchor_date": START})
    starts = [start for start, _ in runs(api)]
    assert (len(starts), starts[0], starts[-1]) == (count, START, last)


def test_interval_begins_at_the_time_of_the_clock(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    deployment = deployed(api, flow, {"interval": 3600})
    assert runs(api)[0] == (START, "Scheduled")
    workspace.clock.advance(minutes=20)
    schedule = api.get(f"/deployments/{deployment}/schedules").json()[0]
    assert schedule["schedule"]["anchor_date"] == START
    url = f"/deployments/{deployment}/schedules/{schedule['id']}"
    api.patch(url, json={"schedule": {"interval": 60}}).raise_for_status()
    schedule = api.get(f"/deployments/{deployment}/schedules").json()[0]
    assert schedule["schedule"]["anchor_date"] == "2026-03-28T22:50:00Z"


def test_frequent_recurrence_begins_at_the_time_of_the_clock(api: httpx.Client, flow: str) -> None:
    deployed(api, flow, {"rrule": "FREQ=MINUTELY;INTERVAL=10"})
    assert runs(api)[0] == (START, "Scheduled")


def test_distant_date_is_scheduled_when_it_is_near(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    deployed(api, flow, {"cron": "0 0 1 12 *"})
    assert runs(api) == []
    workspace.clock.advance(days=147)
    assert runs(api) == []
    workspace.clock.advance(days=1)
    assert runs(api) == [("2026-12-01T00:00:00Z", "Scheduled")]


def test_schedule_that_ends(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    deployed(api, flow, {"rrule": "DTSTART:20260328T230000\nFREQ=HOURLY;COUNT=4"})
    workspace.clock.advance(days=1)
    assert len(runs(api)) == 4


def test_paused_and_inactive_schedules_have_no_runs(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    paused = deployed(api, flow, HOURLY, name="paused", paused=True)
    other = deployed(api, flow, HOURLY, name="other")
    schedule = api.get(f"/deployments/{other}/schedules").json()[0]["id"]
    api.patch(f"/deployments/{other}/schedules/{schedule}", json={"active": False}).raise_for_status()
    assert runs(api) == []
    posted(api, f"/deployments/{paused}/resume_deployment")
    assert len(runs(api)) == 3
    posted(api, f"/deployments/{paused}/pause_deployment")
    workspace.clock.advance(days=1)
    assert runs(api) == []


def test_changed_schedule_has_other_runs(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    deployment = deployed(api, flow, HOURLY)
    schedule = api.get(f"/deployments/{deployment}/schedules").json()[0]["id"]
    daily = {"cron": "0 12 * * *", "timezone": "UTC"}
    api.patch(f"/deployments/{deployment}/schedules/{schedule}", json={"schedule": daily}).raise_for_status()
    assert [start[:13] for start, _ in runs(api)] == ["2026-03-29T12", "2026-03-30T12", "2026-03-31T12"]


def test_schedule_without_dates_does_not_affect_others(
    workspace: RemoteWorkspace, api: httpx.Client, flow: str
) -> None:
    deployed(api, flow, {"cron": "0 0 30 2 *"}, {"cron": "0 * * * *"})
    assert len(runs(api)) == 3
    workspace.clock.advance(hours=1)
    assert len(runs(api)) == 4


# --------------------------------------------------------------------- late runs


def test_run_becomes_late_after_15_seconds(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    due = {"scheduled_time": "2026-03-28T22:31:00Z"}
    run = ran(api, flow, "SCHEDULED", state_details=due)
    retried = posted(
        api, "/flow_runs/", flow_id=flow, state={"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": due}
    )["id"]
    workspace.clock.advance(74.999)
    assert state(api, run)[0] == "Scheduled"
    workspace.clock.advance(0.001)
    assert state(api, run)[0] == "Late"
    assert state(api, retried)[0] == "AwaitingRetry"
    late = api.get(f"/flow_runs/{run}").json()
    assert late["state"]["timestamp"] == "2026-03-28T22:31:15Z"
    assert (
        late["next_scheduled_start_time"] == late["state"]["state_details"]["scheduled_time"] == due["scheduled_time"]
    )
    assert events(api, "prefect.flow-run")[-1] == "prefect.flow-run.Late"
    assert [each["name"] for each in api.get("/flow_run_states/", params={"flow_run_id": run}).json()] == [
        "Scheduled",
        "Late",
    ]


def test_services_run_in_chronological_order(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    times = ["2026-03-28T22:40:00Z", "2026-03-28T22:35:00Z", "2026-03-28T22:45:00Z"]
    made = [ran(api, flow, "SCHEDULED", state_details={"scheduled_time": time}) for time in times]
    workspace.clock.advance(hours=1)
    stamps = [api.get(f"/flow_runs/{run}").json()["state"]["timestamp"] for run in made]
    assert stamps == ["2026-03-28T22:40:15Z", "2026-03-28T22:35:15Z", "2026-03-28T22:45:15Z"]


def test_setting_the_clock_skips_the_time_between(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    deployed(api, flow, HOURLY)
    workspace.clock.freeze("2026-04-01T00:30Z")
    found = [(start[5:13], name) for start, name in runs(api)]
    assert found == [
        ("03-28T23", "Late"), ("03-29T00", "Late"), ("03-29T01", "Late"),
        ("04-01T01", "Scheduled"), ("04-01T02", "Scheduled"), ("04-01T03", "Scheduled"),
    ]  # fmt: skip


@pytest.mark.parametrize(("strategy", "name"), [("CANCEL_NEW", "Cancelled"), ("ENQUEUE", "Late")])
def test_late_run_of_a_full_deployment(
    workspace: RemoteWorkspace, api: httpx.Client, flow: str, strategy: str, name: str
) -> None:
    deployment = deployed(api, flow, concurrency_limit=1, concurrency_options={"collision_strategy": strategy})
    first, second = (posted(api, f"/deployments/{deployment}/create_flow_run")["id"] for _ in range(2))
    api.post(f"/flow_runs/{first}/set_state", json={"state": {"type": "PENDING"}}).raise_for_status()
    workspace.clock.advance(20)
    assert state(api, second)[0] == name


def test_last_changed_schedule_is_listed_first_with_a_frozen_clock(
    workspace: RemoteWorkspace, api: httpx.Client, flow: str
) -> None:
    made = posted(api, "/deployments/", name="two", flow_id=flow, schedules=[
        {"schedule": HOURLY, "slug": slug} for slug in ("first", "second")
    ])  # fmt: skip
    listed = [made["schedules"], api.get(f"/deployments/{made['id']}/schedules").json()]
    assert [[each["slug"] for each in each_list] for each_list in listed] == [["second", "first"]] * 2
    workspace.clock.advance(hours=1)
    changes = [{"slug": slug, "active": False} for slug in ("second", "first")]
    api.patch(f"/deployments/{made['id']}", json={"schedules": changes}).raise_for_status()
    shown = api.get(f"/deployments/{made['id']}").json()["schedules"]
    assert [(each["slug"], each["updated"]) for each in shown] == [
        ("first", "2026-03-28T23:30:00.001000Z"),
        ("second", "2026-03-28T23:30:00Z"),
    ]


# --------------------------------------------------------- pauses, cancellations


@pytest.mark.parametrize("kind", ["flow_runs", "task_runs"])
def test_states_with_a_frozen_clock(api: httpx.Client, flow: str, kind: str) -> None:
    """The status is 201 if it is."""
    run = ran(api, flow, "PENDING" if kind == "flow_runs" else "RUNNING")
    if kind == "task_runs":
        run = posted(api, "/task_runs/", flow_run_id=run, task_key="t", dynamic_key="0")["id"]
    written = []
    for state_type in ("RUNNING", "COMPLETED", "CANCELLING"):
        answer = api.post(f"/{kind}/{run}/set_state", json={"state": {"type": state_type}})
        written.append((answer.status_code, answer.json()["status"]))
    assert written == [(201, "ACCEPT"), (201, "ACCEPT"), (200, "ABORT")]


def test_pause_times_out(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    run = ran(api, flow, "RUNNING")
    paused = {"type": "PAUSED", "state_details": {"pause_timeout": "2026-03-28T22:40:00Z", "pause_key": "key"}}
    api.post(f"/flow_runs/{run}/set_state", json={"state": paused, "force": True}).raise_for_status()
    workspace.clock.advance(minutes=10)
    assert state(api, run)[0] == "Paused"
    workspace.clock.advance(1)
    assert state(api, run) == ("Failed", "The flow was paused and never resumed.")


def test_children_of_a_cancelled_run_are_cancelled(workspace: RemoteWorkspace, api: httpx.Client, flow: str) -> None:
    parent = ran(api, flow, "RUNNING")
    tasks = [
        posted(api, "/task_runs/", flow_run_id=parent, task_key="t", dynamic_key=key, state={"type": kind})["id"]
        for key, kind in (("0", "RUNNING"), ("1", "COMPLETED"))
    ]
    deployment = deployed(api, flow)
    own = ran(api, flow, "RUNNING", parent_task_run_id=tasks[0])
    remote = ran(api, flow, "RUNNING", parent_task_run_id=tasks[0], deployment_id=deployment)
    api.post(f"/flow_runs/{parent}/set_state", json={"state": {"type": "CANCELLED"}, "force": True}).raise_for_status()
    assert [state(api, task, "task_runs") for task in tasks] == [
        ("Cancelled", "The parent flow run was cancelled."),
        ("Completed", None),
    ]
    assert state(api, own) == ("Cancelled", "The parent flow run was cancelled.")
    assert state(api, remote) == ("Cancelling", "The parent flow run was cancelled.")
    workspace.clock.advance(299)
    assert state(api, remote)[0] == "Cancelling"
    workspace.clock.advance(2)
    assert state(api, remote) == (
        "Cancelled",
        "Flow run cancellation timed out; marked this flow run as Cancelled.",
    )


# ------------------------------------------------------------- leases, the foreman


def test_lease_that_is_not_renewed_expires(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    posted(api, "/v2/concurrency_limits/", name="limit", limit=1)
    body = {"names": ["limit"], "slots": 1, "mode": "concurrency", "lease_duration": 60}
    lease = posted(api, "/v2/concurrency_limits/increment-with-lease", **body)["lease_id"]
    workspace.clock.advance(50)
    posted(api, f"/v2/concurrency_limits/leases/{lease}/renew", lease_duration=60)
    workspace.clock.advance(50)
    assert len(workspace.rows("concurrency_leases")) == 1
    workspace.clock.advance(20)
    assert workspace.rows("concurrency_leases") == []
    assert api.get("/v2/concurrency_limits/limit").json()["active_slots"] == 0


def test_silent_worker_becomes_offline(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    posted(api, "/work_pools/", name="pool", type="process")
    for name, interval in (("slow", None), ("quick", 5)):
        posted(api, "/work_pools/pool/workers/heartbeat", name=name, heartbeat_interval_seconds=interval)

    def found() -> list[str]:
        statuses = {each["name"]: each["status"] for each in posted(api, "/work_pools/pool/workers/filter")}
        return [statuses["slow"], statuses["quick"], api.get("/work_pools/pool").json()["status"]]

    workspace.clock.advance(15)
    assert found() == ["ONLINE", "ONLINE", "READY"]
    workspace.clock.advance(1)
    assert found() == ["ONLINE", "OFFLINE", "READY"]
    workspace.clock.advance(80)
    assert found() == ["OFFLINE", "OFFLINE", "NOT_READY"]
    posted(api, "/work_pools/pool/workers/heartbeat", name="slow")
    assert found() == ["ONLINE", "OFFLINE", "READY"]
    names = ["not-ready", "ready", "not-ready", "ready"]
    assert events(api, "prefect.work-pool.") == [f"prefect.work-pool.{name}" for name in names]


def test_unpolled_queues_and_deployments_are_not_ready(
    workspace: RemoteWorkspace, api: httpx.Client, flow: str
) -> None:
    posted(api, "/work_pools/", name="pool", type="process")
    deployment = deployed(api, flow, work_pool_name="pool")
    served = deployed(api, flow, name="served")

    def found() -> list[str]:
        paths = ("/work_pools/pool/queues/default", f"/deployments/{deployment}", f"/deployments/{served}")
        return [api.get(path).json()["status"] for path in paths]

    posted(api, "/work_pools/pool/get_scheduled_flow_runs")
    posted(api, "/deployments/get_scheduled_flow_runs", deployment_ids=[served])
    workspace.clock.advance(60)
    assert found() == ["READY", "READY", "READY"]
    workspace.clock.advance(1)
    assert found() == ["NOT_READY", "NOT_READY", "NOT_READY"]
    assert events(api, "prefect.work-queue.") == ["prefect.work-queue.ready", "prefect.work-queue.not-ready"]
    assert sorted(events(api, "prefect.deployment.")) == [
        "prefect.deployment.not-ready", "prefect.deployment.not-ready",
        "prefect.deployment.ready", "prefect.deployment.ready",
    ]  # fmt: skip


# ------------------------------------------------------------------- when it runs


def test_services_do_not_use_the_system_clock_by_default(standin: StandIn) -> None:
    with standin.workspace() as workspace, httpx.Client(base_url=workspace.url) as api:
        deployed(api, posted(api, "/flows/", name="flow")["id"], HOURLY)
        assert runs(api) == []
        workspace.clock.freeze()
        assert len(runs(api)) == 3
        workspace.clock.reset()
        assert len(runs(api)) == 3


def test_services_can_use_the_system_clock(standin: StandIn) -> None:
    with StandIn(standin.state()["fixture_set"], services=True) as other, httpx.Client(base_url=other.url) as api:
        deployed(api, posted(api, "/flows/", name="flow")["id"], HOURLY)
        assert len(runs(api)) == 3


def test_changes_by_services_are_stored(standin: StandIn, tmp_path: Any) -> None:
    options: dict[str, Any] = {"store": tmp_path / "rows.json", "now": START}
    with StandIn(standin.state()["fixture_set"], **options) as first, httpx.Client(base_url=first.url) as api:
        deployed(api, posted(api, "/flows/", name="flow")["id"], HOURLY)
        first.clock.advance(hours=1)
        before = runs(api)
    with (
        StandIn(standin.state()["fixture_set"], store=tmp_path / "rows.json") as second,
        httpx.Client(base_url=second.url) as api,
    ):
        assert runs(api) == before


# ---------------------------------------------------------------------- restore


@pytest.fixture
def deployment(api: httpx.Client, flow: str) -> str:
    return deployed(api, flow, HOURLY)


@pytest.mark.usefixtures("deployment")
def test_restored_snapshot_has_no_changes_due_at_the_former_clock(
    workspace: RemoteWorkspace, api: httpx.Client
) -> None:
    before = runs(api)
    workspace.save("early")
    workspace.clock.advance(days=1)
    assert len(runs(api)) > len(before)
    workspace.restore("early")
    assert runs(api) == before
    workspace.clock.advance(days=1)
    assert ("2026-03-29T22:00:00Z", "Late") in runs(api)
    workspace.restore("early")
    workspace.delete_snapshot("early")
    assert runs(api) == before


def test_reset_restores_the_fixture_set_with_any_clock() -> None:
    with StandIn() as demo:
        before = demo.reset()
        demo.clock.advance(days=2)
        assert demo.reset() == before


# ----------------------------------------------------------- times out of range


FAR = 9 * 10**18  # seconds
LAST = "9999-12-31T23:59:59.999999Z"


def heard(api: httpx.Client, worker: str, interval: int) -> None:
    posted(api, "/work_pools/pool/workers/heartbeat", name=worker, heartbeat_interval_seconds=interval)


def test_worker_with_an_interval_out_of_range_does_not_affect_others(
    workspace: RemoteWorkspace, api: httpx.Client
) -> None:
    posted(api, "/work_pools/", name="pool", type="process")
    heard(api, "rare", FAR)
    heard(api, "usual", 30)
    workspace.clock.advance(days=1)
    assert {worker["name"]: worker["status"] for worker in workspace.rows("workers")} == {
        "rare": "ONLINE",
        "usual": "OFFLINE",
    }


def test_run_at_the_end_of_time_does_not_affect_late_runs(
    workspace: RemoteWorkspace, api: httpx.Client, flow: str
) -> None:
    ran(api, flow, "SCHEDULED", state_details={"scheduled_time": LAST})
    ran(api, flow, "SCHEDULED", state_details={"scheduled_time": START})
    workspace.clock.advance(hours=1)
    assert [name for _, name in runs(api)] == ["Late", "Scheduled"]


@pytest.mark.parametrize("posture", ["Reactive", "Proactive"])
def test_automation_with_a_window_out_of_range_does_not_affect_others(
    workspace: RemoteWorkspace, api: httpx.Client, posture: str
) -> None:
    far = {"type": "event", "posture": posture, "expect": ["new"], "within": 1e13, "threshold": 3}
    whole = {"type": "compound", "require": "all", "within": 1e13, "triggers": [far, {**far, "threshold": 1}]}
    soon = {"type": "event", "posture": "Reactive", "expect": ["new"]}
    for name, trigger in {"far": far, "whole": whole, "soon": soon}.items():
        posted(api, "/automations/", name=name, trigger=trigger, actions=[{"type": "do-nothing"}])
    event = {"event": "new", "resource": {"prefect.resource.id": "mine"}}
    times = (START, LAST, "0001-01-01T00:00:00Z")
    sent = [{**event, "occurred": time, "id": f"00000000-0000-4000-8000-00000000000{number}"}
            for number, time in enumerate(times)]  # fmt: skip
    api.post("/events", json=sent).raise_for_status()
    workspace.clock.advance(days=1)
    triggered = workspace.rows("events", event="prefect.automation.triggered")
    assert "soon" in [each["resource"]["prefect.resource.name"] for each in triggered]
