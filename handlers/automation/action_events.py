"""Events of automations: that they were triggered, and the results of their actions.

Source: `prefect.server.events.schemas.automations` and `prefect.server.events.actions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.values import moment, new_id, new_ordered_id, now
from understudy.workspaces.workspace import Workspace

from ..event_filters import ID, ROLE
from ..events import store_event
from .triggers import Event, Trigger

NAME = "prefect.resource.name"
TIGHT = timedelta(minutes=5)  # the maximum time from an event to an action whose event follows it
Json = dict[str, Any]


@dataclass
class Firing:
    """A trigger that has fired, with the event that made it fire and the firings of its parts."""

    trigger: Trigger
    time: datetime
    event: Event | None
    labels: Mapping[str, str] = field(default_factory=dict)
    firings: list["Firing"] = field(default_factory=list)
    id: UUID = field(default_factory=new_id)


@dataclass
class Invocation:
    """An action of an automation that is performed.

    `related` and `details` are values of its events.
    """

    automation: Mapping[str, Any]
    firing: Firing
    action: Json
    index: int
    event: Event | None
    triggered_id: str
    id: UUID = field(default_factory=new_id)
    related: list[dict[str, str]] = field(default_factory=list)
    details: Json = field(default_factory=dict)


def triggered_event(workspace: Workspace, automation: Mapping[str, Any], firing: Firing) -> Event:
    """Store the event of an automation that was triggered. Returns it."""
    resource = {ID: f"prefect.automation.{automation['id']}", NAME: automation["name"]}
    if firing.trigger["type"] == "event":
        resource["prefect.posture"] = firing.trigger["posture"]
    related = [] if firing.event is None else [event_resource(firing.event["id"], "triggering-event")]
    payload = {"triggering_labels": dict(firing.labels), "triggering_event": firing.event}
    values = {"resource": resource, "related": related, "payload": payload}
    return kept(workspace, "prefect.automation.triggered", firing.time, values)


def keep_outcome(workspace: Workspace, invocation: Invocation, reason: str | None) -> None:
    """Store the events of an action: that it was triggered, and that it was executed, or why not."""
    automation, trigger = invocation.automation, invocation.automation["trigger"]
    resource = {
        ID: f"prefect.automation.{automation['id']}",
        NAME: automation["name"],
        "prefect.trigger-type": trigger["type"],
    }
    if trigger["type"] == "event":
        resource["prefect.posture"] = trigger["posture"]
    related = [*invocation.related, event_resource(invocation.triggered_id, "automation-triggered-event")]
    if invocation.event is not None:
        related.append(event_resource(invocation.event["id"], "triggering-event"))
    details = {
        "action_index": invocation.index,
        "action_type": invocation.action["type"],
        "invocation": str(invocation.id),
    }
    name, values = "prefect.automation.action", {"resource": resource, "related": related}
    triggered = {**values, "payload": details, "follows": followed(invocation)}
    begun = kept(workspace, f"{name}.triggered", invocation.firing.time, triggered)
    outcome = {**details, **({} if reason is None else {"reason": reason}), **invocation.details}
    kind = "executed" if reason is None else "failed"
    kept(workspace, f"{name}.{kind}", now(), {**values, "payload": outcome, "follows": UUID(begun["id"])})


def followed(invocation: Invocation) -> UUID | None:
    """The id of the event that the event of an action follows."""
    event = invocation.event
    if event is None or abs(invocation.firing.time - moment(event["occurred"])) >= TIGHT:
        return None
    return UUID(str(event["id"]))


def event_resource(event_id: str, role: str) -> dict[str, str]:
    return {ID: f"prefect.event.{event_id}", ROLE: role}


def kept(workspace: Workspace, name: str, occurred: datetime, values: Json) -> Event:
    """Store an event with some values. Returns it as JSON."""
    event_id = new_ordered_id()
    store_event(
        workspace, {"follows": None, **values, "id": event_id, "occurred": occurred, "received": now(), "event": name}
    )
    row = workspace["events"].find(event_id.int)
    found: Event = from_json(workspace["events"].encoded(row or 0))
    return found
