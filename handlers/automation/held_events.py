"""Held events: a trigger that waits for an event after another one keeps those that may have arrived too early.

Events arrive in any order. So an expected event counts in each bucket of its time, even in one that is created later.

Source: `prefect.server.events.models.automation_held_events`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from understudy.contract.columns import Column
from understudy.operations.actions import matching
from understudy.values import moment, moved, new_id, now
from understudy.workspaces.workspace import Workspace

from .triggers import Event, Trigger

HELD, TRIGGER_ID = "automation_held_events", Column(("trigger_id",))
RETENTION = timedelta(minutes=30)


def hold(workspace: Workspace, automation_id: UUID, trigger: Trigger, key: list[str], event: Event) -> None:
    """Hold an event for the buckets of a key, and delete those that occurred long before it."""
    held, time, occurred = workspace[HELD], now(), moment(event["occurred"])
    values = {"id": new_id(), "created": time, "updated": time, "automation_id": automation_id, "key": key}
    held.insert({**values, "trigger_id": UUID(str(trigger["id"])), "occurred": occurred})
    rows = [row for row in of_trigger(workspace, trigger) if held.values(row)["key"] == key]
    newest = max(held.values(row)["occurred"] for row in rows)
    oldest = moved(newest, -max(RETENTION.total_seconds(), trigger["within"]))
    for row in rows:
        if held.values(row)["occurred"] < oldest:
            held.delete(row)


def held_between(workspace: Workspace, trigger: Trigger, key: list[str], start: datetime, end: datetime) -> int:
    """The number of held events of a key between two times, the second excluded."""
    events = map(workspace[HELD].values, of_trigger(workspace, trigger))
    return sum(event["key"] == key and start <= event["occurred"] < end for event in events)


def delete_old(workspace: Workspace, trigger: Trigger, is_open: Callable[[list[str]], bool]) -> None:
    """Delete the events that were held for long, unless the bucket of their key is open."""
    held, oldest = workspace[HELD], now() - RETENTION
    for row in of_trigger(workspace, trigger):
        event = held.values(row)
        if event["updated"] < oldest and not is_open(event["key"]):
            held.delete(row)


def of_trigger(workspace: Workspace, trigger: Trigger) -> list[int]:
    return list(matching(workspace[HELD], [(TRIGGER_ID, UUID(str(trigger["id"])).int)]))
