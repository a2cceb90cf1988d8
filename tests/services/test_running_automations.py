"""Automations that run: which events trigger them, and what their actions do."""

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.services.conftest import posted
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace

NOTHING = {"type": "do-nothing"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
Json = dict[str, Any]


def on(*expect: str, **fields: Any) -> Json:
    return {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0, "expect": list(expect), **fields}


def absent(*expect: str, **fields: Any) -> Json:
    return on(*expect, **{"posture": "Proactive", "within": 10, **fields})


def automation(api: httpx.Client, trigger: Json, *actions: Json, name: str = "automation", **fields: Any) -> str:
    made = posted(api, "/automations/", name=name, trigger=trigger, actions=list(actions) or [NOTHING], **fields)
    return str(made["id"])


def emit(
    api: httpx.Client, name: str, resource: str = "resource", related: tuple[Json, ...] = (), **payload: Any
) -> None:
    occurred = payload.pop("occurred", None) or time_of(api)
    event = {"id": str(uuid4()), "occurred": occurred, "event": name, "related": list(related), "payload": payload}
    labels = {"prefect.resource.id": resource}
    api.post("/events", json=[{**event, "resource": labels}]).raise_for_status()


def time_of(api: httpx.Client) -> str:
    """The time of the workspace."""
    name = "/".join(part for part in str(api.base_url).split("/") if len(part) == len(UNKNOWN))
    site = str(api.base_url).partition("/api")[0]
    return str(httpx.get(f"{site}/__admin/clock", params={"workspace": name}).json()["time"])


def events(api: httpx.Client, name: str) -> list[Json]:
    """The events of a name, the earliest first."""
    found = posted(api, "/events/filter", filter={"order": "ASC", "event": {"name": [name]}})["events"]
    return [dict(event) for event in found]


def triggered(api: httpx.Client) -> list[str]:
    """The names of the automations that were triggered, the earliest first."""
    return [event["resource"]["prefect.resource.name"] for event in events(api, "prefect.automation.triggered")]


def outcome(api: httpx.Client) -> Json:
    """The outcome of the only performed action, from its event."""
    found = [*events(api, "prefect.automation.action.executed"), *events(api, "prefect.automation.action.failed")]
    (event,) = found
    return dict(event["payload"])


def named(event: Json, role: str = "target") -> list[tuple[str, str | None]]:
    """The ids and names of an event's related resources with a role."""
    return [
        (each["prefect.resource.id"], each.get("prefect.resource.name"))
        for each in event["related"]
        if each["prefect.resource.role"] == role
    ]


# ----------------------------------------------------------------------- triggers


@pytest.mark.parametrize(
    ("trigger", "count"),
    [
        (on("my.event"), 1),
        (on("my.*"), 1),
        (on("other"), 0),
        (on(match={"prefect.resource.id": "resource"}), 1),
        (on("my.event", match={"prefect.resource.id": "resource"}), 1),
        (on("my.event", match={"prefect.resource.id": ["x", "res*"]}), 1),
        (on("my.event", match={"prefect.resource.id": "!resource"}), 0),
        (on("my.event", match={"no-label": "*"}), 0),
        (on("my.event", match_related={"prefect.resource.role": "part"}), 1),
        (on("my.event", match_related={"prefect.resource.role": "whole"}), 0),
        (on("my.event", match_related=[{"prefect.resource.role": "part"}, {"prefect.resource.id": "y"}]), 0),
        (on("my.event", threshold=2), 0),
    ],
)
def test_matching_events_trigger(api: httpx.Client, trigger: Json, count: int) -> None:
    automation(api, trigger)
    emit(api, "my.event", related=({"prefect.resource.id": "x", "prefect.resource.role": "part"},))
    assert bool(triggered(api)) == bool(count)


def test_events_are_counted_by_label_and_time(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    automation(api, on("count", threshold=2, within=60, for_each=["prefect.resource.id"]))
    emit(api, "count", "a")
    emit(api, "count", "b")
    assert triggered(api) == []
    emit(api, "count", "b")
    assert [each["payload"]["triggering_labels"] for each in events(api, "prefect.automation.triggered")] == [
        {"prefect.resource.id": "b"}
    ]
    workspace.clock.advance(minutes=20)
    emit(api, "count", "a")
    assert len(triggered(api)) == 1
    emit(api, "count", "a")
    assert len(triggered(api)) == 2


def test_events_count_for_a_minute_by_default(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    automation(api, on("count", threshold=3))
    for seconds, count in ((30, 0), (29, 0), (0, 1), (61, 1), (0, 1), (0, 1), (0, 2)):
        emit(api, "count")
        assert len(triggered(api)) == count
        workspace.clock.advance(seconds=seconds)


def test_triggered_events_are_not_earlier_than_their_cause(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    parts = {"type": "compound", "require": "all", "within": 0.1, "triggers": [on("first"), on("second")]}
    automation(api, on("second"), name="each")
    automation(api, parts, name="both")
    workspace.clock.resume()
    emit(api, "first")
    time.sleep(0.5)
    emit(api, "second")
    assert triggered(api) == ["each"]
    (found,) = events(api, "prefect.automation.triggered")
    assert found["occurred"] > found["payload"]["triggering_event"]["occurred"]


def test_disabled_automation_is_not_triggered(api: httpx.Client) -> None:
    automation(api, on("my.event"), enabled=False)
    emit(api, "my.event")
    assert triggered(api) == []


def test_logs_trigger_nothing(api: httpx.Client) -> None:
    automation(api, on("prefect.log.*"))
    emit(api, "prefect.log.write")
    assert triggered(api) == []
    emit(api, "prefect.log.read")
    assert triggered(api) == ["automation"]


@pytest.mark.parametrize(("seconds", "count"), [(50, 0), (80, 1)])
def test_events_that_arrive_late_count_again_a_minute_after_a_window(
    workspace: RemoteWorkspace, api: httpx.Client, seconds: int, count: int
) -> None:
    automation(api, on("count", threshold=2, within=10))
    emit(api, "count")
    workspace.clock.advance(seconds)
    late = time_of(api)
    workspace.clock.advance(1)
    emit(api, "count")
    emit(api, "count", occurred=late)
    assert len(triggered(api)) == count


@pytest.mark.parametrize("within", [0, 10])
@pytest.mark.parametrize(("seconds", "count"), [(0, 1), (5, 0)])
def test_events_of_long_ago_count_together(
    workspace: RemoteWorkspace, api: httpx.Client, within: int, seconds: int, count: int
) -> None:
    """They arrive at the same time, or later."""
    automation(api, on("count", threshold=2, within=within))
    began = time_of(api)
    workspace.clock.advance(hours=1)
    emit(api, "count", occurred=began)
    workspace.clock.advance(seconds)
    emit(api, "count", occurred=began)
    assert len(triggered(api)) == count


def test_system_clock_triggers_nothing(standin: StandIn) -> None:
    with standin.workspace() as workspace, httpx.Client(base_url=workspace.url) as api:
        automation(api, on("my.event"))
        emit(api, "my.event")
        workspace.clock.freeze()
        assert triggered(api) == []
        emit(api, "my.event")
        assert triggered(api) == ["automation"]


def test_compound_triggers_and_sequences(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    def compound(require: Any) -> Json:
        return {"type": "compound", "require": require, "within": 60, "triggers": [on("one"), on("two"), on("three")]}

    for require in ("any", "all", 2):
        automation(api, compound(require), name=str(require))
    automation(api, {"type": "sequence", "within": 60, "triggers": [on("one"), on("two")]}, name="sequence")
    emit(api, "two")
    assert triggered(api) == ["any"]
    emit(api, "one")
    assert sorted(triggered(api)) == ["2", "any", "any"]
    emit(api, "two")
    assert triggered(api).count("sequence") == 1
    emit(api, "three")
    assert triggered(api).count("all") == 1
    workspace.clock.advance(minutes=2)
    emit(api, "one")
    workspace.clock.advance(minutes=2)
    emit(api, "two")
    assert triggered(api).count("sequence") == 1


def test_absence_of_an_event_triggers(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    automation(api, absent("beat"))
    workspace.clock.advance(9)
    assert triggered(api) == []
    workspace.clock.advance(11)
    assert [event["occurred"] for event in events(api, "prefect.automation.triggered")] == [
        "2026-03-28T22:30:10Z",
        "2026-03-28T22:30:20Z",
    ]


def test_absence_of_an_event_after_another_triggers(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    automation(api, absent("end", after=["begin"], for_each=["prefect.resource.id"]))
    for resource in ("done", "stuck"):
        emit(api, "begin", resource)
    emit(api, "end", "done")
    workspace.clock.advance(minutes=1)
    assert [event["payload"]["triggering_labels"] for event in events(api, "prefect.automation.triggered")] == [
        {"prefect.resource.id": "stuck"}
    ]


def test_absence_counts_again_after_an_automation_was_disabled(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    """The time before does not count if it ended more than a minute ago."""
    key = automation(api, absent("beat"))
    for seconds, fired in ((20, True), (80, False)):
        workspace.clock.advance(5)
        api.patch(f"/automations/{key}", json={"enabled": False}).raise_for_status()
        workspace.clock.advance(seconds)
        before = len(triggered(api))
        api.patch(f"/automations/{key}", json={"enabled": True}).raise_for_status()
        assert len(triggered(api)) - before == fired
    workspace.clock.advance(9)
    assert len(triggered(api)) == before
    workspace.clock.advance(1)
    assert len(triggered(api)) == before + 1


@pytest.mark.parametrize("is_enabled", [True, False])
def test_event_that_arrives_too_early_counts_for_an_enabled_automation(
    workspace: RemoteWorkspace, api: httpx.Client, is_enabled: bool
) -> None:
    """So does one that is held while its automation is disabled."""
    began = time_of(api)
    workspace.clock.advance(1)
    emit(api, "end", "before")
    key = automation(api, absent("end", after=["begin"], for_each=["prefect.resource.id"]))
    emit(api, "end", "held")
    api.patch(f"/automations/{key}", json={"enabled": is_enabled}).raise_for_status()
    emit(api, "end", "sometimes")
    api.patch(f"/automations/{key}", json={"enabled": True}).raise_for_status()
    for resource in ("before", "held", "sometimes"):
        emit(api, "begin", resource, occurred=began)
    workspace.clock.advance(minutes=1)
    found = [event["payload"]["triggering_labels"] for event in events(api, "prefect.automation.triggered")]
    missed = ["before"] if is_enabled else ["before", "sometimes"]
    assert found == [{"prefect.resource.id": resource} for resource in missed]


@pytest.mark.parametrize(("minutes", "count"), [(29, 0), (31, 1)])
def test_event_that_arrives_too_early_counts_for_half_an_hour(
    workspace: RemoteWorkspace, api: httpx.Client, minutes: int, count: int
) -> None:
    automation(api, absent("end", after=["begin"], within=3600, for_each=["prefect.resource.id"]))
    began = time_of(api)
    workspace.clock.advance(1)
    emit(api, "end")
    workspace.clock.advance(minutes=minutes)
    emit(api, "begin", occurred=began)
    workspace.clock.advance(hours=2)
    assert len(triggered(api)) == count


def test_absence_counts_from_the_last_event(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    automation(api, absent("beat", after=["beat"], within=60))
    for _ in range(3):
        emit(api, "beat")
        workspace.clock.advance(45)
        assert triggered(api) == []
    workspace.clock.advance(15)
    assert triggered(api) == ["automation"]


def test_proactive_trigger_reports_the_last_event(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    """The last event is the one that occurred last, even if others arrive later."""
    automation(api, absent("start", "go on", after=["start"], within=60, threshold=2))
    emit(api, "start", number=1)
    began = time_of(api)
    workspace.clock.advance(20)
    emit(api, "go on", number=2)
    emit(api, "start", number=3, occurred=began)
    workspace.clock.advance(minutes=2)
    (fired,) = events(api, "prefect.automation.triggered")
    assert fired["payload"]["triggering_event"]["payload"]["number"] == 2


def test_last_arrived_of_simultaneous_events_is_reported(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    automation(api, absent("start", after=["start"], within=60))
    for number in (1, 2):
        emit(api, "start", number=number)
    workspace.clock.advance(minutes=2)
    (fired,) = events(api, "prefect.automation.triggered")
    assert fired["payload"]["triggering_event"]["payload"]["number"] == 2


def test_automations_that_trigger_themselves_end(api: httpx.Client) -> None:
    automation(api, on("prefect.automation.triggered", "my.event"))
    emit(api, "my.event")
    assert triggered(api) == ["automation"] * 20


def test_automations_of_all_events_end(api: httpx.Client) -> None:
    for name in "ab":
        automation(api, on(), name=name)
    counts = []
    for _ in range(2):
        emit(api, "my.event")
        found = posted(api, "/events/filter", filter={"event": {"name": ["prefect.automation.triggered"]}})
        counts.append(found["total"])
    assert 2 < counts[0] < counts[1] < 1000


# ------------------------------------------------------------------------- actions


@pytest.fixture
def deployment(api: httpx.Client) -> str:
    flow = posted(api, "/flows/", name="flow")["id"]
    return str(posted(api, "/deployments/", name="deployment", flow_id=flow)["id"])


def started(api: httpx.Client, **fields: Any) -> str:
    """The id of a flow run that has just started."""
    flow = posted(api, "/flows/", name="flow")["id"]
    run = posted(api, "/flow_runs/", flow_id=flow, name="run", state={"type": "PENDING"}, **fields)["id"]
    api.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "RUNNING"}}).raise_for_status()
    return str(run)


RUNNING = on("prefect.flow-run.Running", match={"prefect.resource.name": "run"})


def test_run_deployment(api: httpx.Client, deployment: str) -> None:
    parameters: Json = {
        "event": "from {{ event.event }}",
        "number": "{{ event.payload.n }}",
        "plain": "x",
        "list": ["{{ 1 }}"],
    }
    posted(api, "/variables/", name="v", value="value")
    parameters["variable"] = {"__prefect_kind": "workspace_variable", "variable_name": "v"}
    action = {"type": "run-deployment", "source": "selected", "deployment_id": deployment, "schedule_after": 60}
    made = automation(api, on("my.event"), {**action, "parameters": parameters})
    emit(api, "my.event", n=5)
    (run,) = posted(api, "/flow_runs/filter")
    assert run["parameters"] == {"event": "from my.event", "number": 5, "plain": "x", "list": [1], "variable": "value"}
    assert run["created_by"] == {"id": made, "type": "AUTOMATION", "display_value": "automation"}
    assert run["next_scheduled_start_time"] == "2026-03-28T22:31:00Z"
    assert run["idempotency_key"].startswith(f"automation {made}, action 0, invocation ")
    assert outcome(api)["status_code"] == 201
    (executed,) = events(api, "prefect.automation.action.executed")
    assert named(executed) == [(f"prefect.deployment.{deployment}", None)]
    assert named(executed, "flow-run") == [(f"prefect.flow-run.{run['id']}", run["name"])]


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ({"type": "cancel-flow-run"}, ("CANCELLING", "Cancelling", "Cancelled by Automation ID")),
        ({"type": "suspend-flow-run"}, ("PAUSED", "Suspended", "Suspended by Automation ID")),
        (
            {"type": "change-flow-run-state", "state": "FAILED", "name": "Bad"},
            ("FAILED", "Bad", "State changed by Automation ID"),
        ),
        ({"type": "change-flow-run-state", "state": "FAILED", "message": "why"}, ("FAILED", "Failed", "why")),
    ],
)
def test_action_changes_the_state_of_a_run(
    api: httpx.Client, deployment: str, action: Json, state: tuple[str, str, str]
) -> None:
    made = automation(api, RUNNING, action)
    run = started(api, deployment_id=deployment)
    found = api.get(f"/flow_runs/{run}").json()["state"]
    assert (found["type"], found["name"], found["message"].replace(made, "ID")) == state
    assert outcome(api)["status_code"] == 201
    (executed,) = events(api, "prefect.automation.action.executed")
    assert named(executed) == [(f"prefect.flow-run.{run}", None)]


def test_run_is_resumed_and_deleted(api: httpx.Client, deployment: str) -> None:
    automation(api, on("prefect.flow-run.Suspended"), {"type": "resume-flow-run"})
    automation(api, on("prefect.flow-run.Resuming"), {"type": "delete-flow-run"}, name="delete")
    automation(api, RUNNING, {"type": "suspend-flow-run"}, name="suspend")
    run = started(api, deployment_id=deployment)
    assert triggered(api) == ["suspend", "automation", "delete"]
    assert api.get(f"/flow_runs/{run}").status_code == 404


def test_resources_are_paused_and_resumed(api: httpx.Client, deployment: str) -> None:
    posted(api, "/work_pools/", name="pool", type="process")
    pool = api.get("/work_pools/pool").json()
    other = automation(api, on("nothing"), name="other")
    targets = {
        "deployment": deployment, "work-pool": pool["id"], "work-queue": pool["default_queue_id"], "automation": other,
    }  # fmt: skip

    def actions(verb: str) -> list[Json]:
        return [
            {"type": f"{verb}-{kind}", "source": "selected", f"{kind.replace('-', '_')}_id": target}
            for kind, target in targets.items()
        ]

    def found() -> list[bool]:
        return [
            api.get(f"/deployments/{deployment}").json()["paused"],
            api.get("/work_pools/pool").json()["is_paused"],
            api.get("/work_pools/pool/queues/default").json()["is_paused"],
            not api.get(f"/automations/{other}").json()["enabled"],
        ]

    automation(api, on("pause"), *actions("pause"), name="pause")
    automation(api, on("resume"), *actions("resume"), name="resume")
    emit(api, "pause")
    assert found() == [True] * 4
    emit(api, "resume")
    assert found() == [False] * 4
    executed = events(api, "prefect.automation.action.executed")
    names = {"work-pool": "pool"}
    assert [named(event) for event in executed] == 2 * [
        [(f"prefect.{kind}.{target}", names.get(kind))] for kind, target in targets.items()
    ]
    assert [event["payload"]["status_code"] for event in executed] == 2 * [200, 204, 204, 204]
    # As with equivalent requests.
    for name, count in {"work-pool.paused": 1, "work-queue.paused": 1, "automation.updated": 2}.items():
        assert len(events(api, f"prefect.{name}")) == count, name


def test_target_is_inferred_from_an_event(api: httpx.Client, deployment: str) -> None:
    automation(api, on("my.event"), {"type": "pause-deployment", "source": "inferred"})
    emit(api, "my.event", f"prefect.deployment.{deployment}")
    assert api.get(f"/deployments/{deployment}").json()["paused"]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (
            {"type": "pause-deployment", "source": "selected", "deployment_id": UNKNOWN},
            "Unexpected status from 'pause-deployment' action: 404",
        ),
        ({"type": "pause-work-pool", "source": "selected", "work_pool_id": UNKNOWN}, f"Work pool {UNKNOWN} not found"),
        ({"type": "pause-work-queue", "source": "inferred"}, "No work queue could be inferred"),
        ({"type": "cancel-flow-run"}, "No flow run could be inferred"),
        (
            {"type": "send-notification", "block_document_id": UNKNOWN, "body": "x"},
            "Unexpected status from 'send-notification' action: 404",
        ),
    ],
)
def test_failed_action_has_a_reason(api: httpx.Client, action: Json, reason: str) -> None:
    automation(api, on("my.event"), action)
    emit(api, "my.event")
    assert outcome(api)["reason"] == reason


def test_proactive_trigger_has_no_target(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    automation(api, absent("my.event"), {"type": "pause-deployment", "source": "inferred"})
    workspace.clock.advance(11)
    assert outcome(api)["reason"] == "No event to infer the deployment"


def test_rejected_request_of_an_action_has_a_reason(api: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    flow = posted(api, "/flows/", name="strict")["id"]
    strict = posted(api, "/deployments/", name="strict", flow_id=flow, parameter_openapi_schema=schema)["id"]
    wrong = {"source": "selected", "deployment_id": strict, "parameters": {"x": "no"}}
    automation(api, on("my.event"), {"type": "run-deployment", **wrong})
    emit(api, "my.event")
    why = "Error creating flow run: Validation failed for field 'x'. Failure reason: 'no' is not of type 'integer'"
    failed = outcome(api)
    assert (failed["status_code"], failed["validation_error"]) == (409, why)
    assert failed["reason"] == f"Validation error occurred for 'run-deployment' - {why}"


def test_run_that_is_not_paused_is_not_resumed(api: httpx.Client, deployment: str) -> None:
    run = posted(api, f"/deployments/{deployment}/create_flow_run", state={"type": "RUNNING"})["id"]
    automation(api, on("my.event"), {"type": "resume-flow-run"})
    emit(api, "my.event", f"prefect.flow-run.{run}")
    assert outcome(api)["reason"] == "Failed to resume flow run: Cannot resume a flow run that is not paused."


def a_block(api: httpx.Client, slug: str, *capabilities: str) -> str:
    found = api.get(f"/block_types/slug/{slug}")
    kind = found.json()["id"] if found.is_success else posted(api, "/block_types/", name=slug.title(), slug=slug)["id"]
    fields = {"type": "object", "title": f"Own {slug}", "properties": {}}
    schema = posted(api, "/block_schemas/", block_type_id=kind, fields=fields, capabilities=capabilities)["id"]
    body = {"name": "mine", "data": {}, "block_type_id": kind, "block_schema_id": schema}
    return str(posted(api, "/block_documents/", **body)["id"])


def test_messages_are_recorded(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    block, hook = a_block(api, "pager", "notify"), a_block(api, "webhook")
    action = {"type": "send-notification", "block_document_id": block, "subject": "{{ flow_run.name }}"}
    call = {"type": "call-webhook", "block_document_id": hook, "payload": "{{ automation.name }}"}
    made = automation(api, RUNNING, {**action, "body": "{{ event.resource['prefect.state-name'] }}"}, call)
    started(api)
    notification, webhook = workspace.rows("automation_messages")
    assert (notification.subject, notification.body, webhook.body) == ("run", "Running", "automation")
    assert (notification.kind, notification.automation_id, webhook.kind) == ("send-notification", made, "call-webhook")
    related = [
        each["prefect.resource.id"]
        for event in events(api, "prefect.automation.action.executed")
        for each in event["related"]
        if each["prefect.resource.role"] == "block-type"
    ]
    assert sorted(related) == ["prefect.block-type.pager", "prefect.block-type.webhook"]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ({"type": "send-notification", "body": "b"}, "The referenced block was not a notification block"),
        ({"type": "call-webhook", "payload": "p"}, "The referenced block was not a webhook block"),
    ],
)
def test_message_needs_a_notification_block(
    workspace: RemoteWorkspace, api: httpx.Client, action: Json, reason: str
) -> None:
    automation(api, on("my.event"), {**action, "block_document_id": a_block(api, "other")})
    emit(api, "my.event")
    assert outcome(api)["reason"] == reason
    assert workspace.rows("automation_messages") == []


def test_block_that_can_send_messages_has_an_event_when_it_is_loaded(api: httpx.Client) -> None:
    """It has one even if it is used for another kind of message."""
    for slug in ("webhook", "other"):
        action = {"type": "send-notification", "block_document_id": a_block(api, slug), "body": "b"}
        automation(api, on("my.event"), action)
    emit(api, "my.event")
    (loaded,) = posted(api, "/events/filter", filter={"event": {"prefix": ["prefect.block."]}})["events"]
    kind = {"prefect.resource.id": "prefect.block-type.webhook", "prefect.resource.role": "block-type"}
    assert (loaded["event"], loaded["related"]) == ("prefect.block.webhook.loaded", [kind])
    assert loaded["resource"]["prefect.resource.id"].startswith("prefect.block-document.")


def test_templates_can_use_the_trigger(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    block = a_block(api, "pager", "notify")
    body = (
        "{{ firing.trigger.type }} {{ firings | length }} {{ firing.triggering_firings | length }}"
        " {% for event in events %}{{ event.event }} {% endfor %}{{ firing.triggered.year }}"
    )
    trigger = {"type": "compound", "require": "all", "within": 60, "triggers": [on("one"), on("two")]}
    automation(api, trigger, {"type": "send-notification", "block_document_id": block, "body": body})
    emit(api, "one")
    emit(api, "two")
    (message,) = workspace.rows("automation_messages")
    assert message.body == "compound 3 2 two one two 2026"


RUN_EVENT = {
    "related": [
        {"prefect.resource.id": "prefect.flow.a", "prefect.resource.role": "flow", "prefect.resource.name": "its flow"},
        {"prefect.resource.id": "tag.a", "prefect.resource.role": "tag"},
        {"prefect.resource.id": "tag.b", "prefect.resource.role": "tag"},
    ],
    "payload": {"n": 7, "text": "é"},
}


def parameters_of(
    api: httpx.Client,
    deployment: str,
    parameters: Json,
    timestamp: str = "2026-03-01T00:00:00Z",
    state_type: str = "SCHEDULED",
) -> Json:
    """The parameters of the run that an automation creates, for an event of a run of the deployment."""
    run = posted(api, f"/deployments/{deployment}/create_flow_run", name="seen", parameters={"p": [1]})
    action = {"type": "run-deployment", "source": "selected", "deployment_id": deployment, "parameters": parameters}
    automation(api, on("my.event", for_each=["prefect.resource.id"]), action, tags=["tagged"])
    labels = {"prefect.resource.id": f"prefect.flow-run.{run['id']}", "prefect.resource.name": "named"}
    state = {"name": "Late", "type": state_type, "message": "m", "timestamp": timestamp}
    labels |= {f"prefect.state-{name}": value for name, value in state.items()}
    event = {"id": str(uuid4()), "occurred": time_of(api), "event": "my.event", "resource": labels, **RUN_EVENT}
    api.post("/events", json=[event]).raise_for_status()
    assert "reason" not in outcome(api), outcome(api)
    (made,) = (each for each in posted(api, "/flow_runs/filter") if each["name"] != "seen")
    return dict(made["parameters"])


def test_parameters_keep_the_types_of_template_values(api: httpx.Client, deployment: str) -> None:
    posted(api, "/variables/", name="v", value={"a": [1, 2.5]})
    whole: Json = {
        "{{ event.payload }}": RUN_EVENT["payload"],
        " {{ event.payload.n }} ": 7,
        "{{ flow_run.parameters }}": {"p": [1]},
        "{{ variables.v }}": {"a": [1, 2.5]},
        "{{ automation.tags }}": ["tagged"],
    }
    jinja = {"__prefect_kind": "jinja", "template": "[{{ event.payload.n }}]"}
    given = {
        **{f"p{n}": template for n, template in enumerate(whole)},
        "listed": ["{{ event.payload.n }}", {"in": "n={{ event.payload.n }}"}, ["{{ as it is }}"]],
        "json": {"__prefect_kind": "json", "value": jinja},
        "jinja": jinja,
        "variable": {"__prefect_kind": "workspace_variable", "variable_name": "v"},
    }
    assert parameters_of(api, deployment, given) == {
        **{f"p{n}": value for n, value in enumerate(whole.values())},
        "listed": [7, {"in": "n=7"}, ["{{ as it is }}"]],
        "json": [7],
        "jinja": "[7]",
        "variable": {"a": [1, 2.5]},
    }


def test_templates_get_events_and_rows_as_models(api: httpx.Client, deployment: str) -> None:
    texts = {
        "{{ event.resource.name }}": "named",
        "{{ event.resource.labels.prefect.resource.name }}": "named",
        "{{ event.resource_in_role['flow'].name }}": "its flow",
        "{{ event.resources_in_role['tag'] | map(attribute='id') | join(',') }}": "tag.a,tag.b",
        "{{ event.find_resource_label('related:flow:prefect.resource.name') }}": "its flow",
        "{{ event.involved_resources | length }}{{ event.related[1].role }}": "4tag",
        "{% if event.size_bytes > 300 %}large{% endif %}": "large",
        "{{ event.occurred.year }}": "2026",
        "{{ event.related[1] }} {{ event.related[2:] }}": (
            "root={'prefect.resource.id': 'tag.a', 'prefect.resource.role': 'tag'}"
            " [RelatedResource(root={'prefect.resource.id': 'tag.b', 'prefect.resource.role': 'tag'})]"
        ),
        "{{ (event | string).partition(' event=')[2].partition('{')[0] }}": "'my.event' resource=Resource(root=",
        "{{ (event | string).partition(' follows=')[2].partition('(')[0] }}": "None received=DateTime",
        "{{ flow_run.state.name }} {{ flow_run.state.timestamp }}": "Late 2026-03-01 00:00:00+00:00",
        "{{ flow_run.total_run_time }}": "0:00:00",
        "{{ flow_run.state }} {{ flow_run.state.type }} {{ flow_run.state.type.value | lower }}": (
            "Late('m', type=SCHEDULED) StateType.SCHEDULED scheduled"
        ),
        "{{ flow_run.state_type }} {{ flow_run.state.type == 'SCHEDULED' }}": "StateType.SCHEDULED True",
        "{{ flow_run.state.is_scheduled() }} {{ flow_run.state.is_final() }}": "True False",
        "{{ firing.trigger_states }} {{ firing.trigger.posture }}": "{TriggerState.Triggered} Posture.Reactive",
        "{{ automation.trigger.posture }} {{ flow_run.state.type | tojson }}": 'Posture.Reactive "SCHEDULED"',
        "{{ deployment }} {{ work_pool }} {{ concurrency_limit }}": "None None None",
        "{{ labels.prefect }}{{ labels | length }}": "1",
        "{{ flow_run | ui_url }}{{ 1 | ui_resource_events_url }}": "NoneNone",
        "{{ flow_run | ui_resource_events_url }}": "None",
        "{{ event.related[0] | ui_resource_events_url }}": "events?resource=prefect.flow.a",
        "{{ 'x/flow-run/00000000-0000-4000-8000-000000000000' | flow_run_id }}{{ '' | flow_run_id }}": f"{UNKNOWN}None",
    }
    given = {f"p{n}": f"={template}" for n, template in enumerate(texts)}
    assert parameters_of(api, deployment, given) == {f"p{n}": f"={text}" for n, text in enumerate(texts.values())}


def test_templates_get_the_health_of_a_queue(api: httpx.Client, deployment: str) -> None:
    pool = posted(api, "/work_pools/", name="pool", type="process")
    queue = {"prefect.resource.id": f"prefect.work-queue.{pool['default_queue_id']}", "prefect.resource.role": "queue"}
    owner = {"prefect.resource.id": f"prefect.work-pool.{pool['id']}", "prefect.resource.role": "pool"}
    template = (
        "{{ work_queue.status }} {{ work_queue.healthy }} {{ work_queue.late_runs_count }} {{ work_queue.last_polled }}"
        " {{ work_queue.health_check_policy.maximum_late_runs }} {{ work_pool.status }}{{ work_pool.active_slots }}"
        " {{ work_queue | ui_resource_events_url == 'events?resource=prefect.work-queue.' ~ work_queue.id }}"
    )
    action = {"type": "run-deployment", "source": "selected", "deployment_id": deployment}
    automation(api, on("my.event"), {**action, "parameters": {"text": template}})
    emit(api, "my.event", related=(queue, owner))
    (made,) = posted(api, "/flow_runs/filter")
    shown = "WorkQueueStatus.NOT_READY False 0 None 0 WorkPoolStatus.NOT_READY True"
    assert made["parameters"] == {"text": shown}


def test_labels_that_are_not_states_are_ignored(api: httpx.Client, deployment: str) -> None:
    kind = {"name": "{{ flow_run.state.name }}"}
    assert parameters_of(api, deployment, kind, state_type="UNKNOWN") == {"name": "Scheduled"}


def test_state_without_a_time_is_ignored(api: httpx.Client, deployment: str) -> None:
    given = {"name": "{{ flow_run.state.name }}"}
    assert parameters_of(api, deployment, given, timestamp="long ago") == {"name": "Scheduled"}


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ event.event + 1 }}", "InvalidJSON"),
        ("{{ 1 / 0 }}", "InvalidJinja"),
        ("{{ 1 / 0 }} and more", "InvalidJinja"),
        ("{{ event.occurred }}", "InvalidJinja"),
        ("{{ event.id }}", "InvalidJinja"),
        ("{{ range(101) }}", "InvalidJinja"),
        ("{{ event.resource.role() }}", "InvalidJinja"),
        ("{{ event.payload | nofilter }}", "InvalidJinja"),
        ({"__prefect_kind": "workspace_variable", "variable_name": "none"}, "WorkspaceVariableNotFound"),
    ],
)
def test_failing_template(api: httpx.Client, deployment: str, template: object, error: str) -> None:
    action = {"type": "run-deployment", "source": "selected", "deployment_id": deployment}
    automation(api, on("my.event"), {**action, "parameters": {"x": template}})
    emit(api, "my.event")
    assert outcome(api)["reason"] == f"Unable to create flow run from deployment: {error}()"
    assert posted(api, "/flow_runs/filter") == []


def test_message_without_a_block_has_no_status(api: httpx.Client) -> None:
    automation(api, on("my.event"), {"type": "call-webhook", "block_document_id": UNKNOWN})
    emit(api, "my.event")
    found = outcome(api)
    assert found["reason"] == "Unexpected status from 'call-webhook' action: 404"
    assert "status_code" not in found


def test_message_with_a_failing_template_has_a_reason(api: httpx.Client) -> None:
    block = a_block(api, "pager", "notify")
    automation(api, on("my.event"), {"type": "send-notification", "block_document_id": block, "body": "{{ 1 / 0 }}"})
    emit(api, "my.event")
    cause = "ZeroDivisionError('division by zero')"
    found = outcome(api)
    assert found["reason"] == f"Template rendering failed: {cause}"
    assert found["template_error"] == f"Failed to render template due to the following error: {cause}"
    assert found["template_source"] == "{{ 1 / 0 }}"
