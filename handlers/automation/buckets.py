"""Buckets: how many events a trigger has counted in a time window, separately for each combination of labels.

Source: `prefect.server.events.triggers`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from understudy.contract.columns import Column
from understudy.operations.actions import matching
from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace

from .held_events import delete_old, held_between
from .triggers import Event, Trigger, Way, holds_events

BUCKETS, EVALUATIONS = "automation_buckets", "automation_evaluations"
TRIGGER_ID, AUTOMATION_ID = Column(("trigger_id",)), Column(("automation_id",))
KEPT = timedelta(seconds=60)  # the time that a bucket is kept after its end
SWEEP = timedelta(seconds=5)  # how often buckets are removed; one that is created later than that is kept, too


class Part(NamedTuple):
    """An event trigger of an automation, and the triggers that contain it."""

    automation: Mapping[str, Any]
    trigger: Trigger
    way: Way

    @property
    def within(self) -> float:
        """The length of the time window in which events count, in seconds."""
        return float(self.trigger["within"])

    @property
    def is_reactive(self) -> bool:
        return bool(self.trigger["posture"] == "Reactive")

    @property
    def is_immediate(self) -> bool:
        """Whether it fires as soon as enough events have occurred, at any time."""
        return self.is_reactive and not self.within


def bucket_row(workspace: Workspace, part: Part, key: list[str]) -> int | None:
    """The bucket of a trigger for a key, if there is one.

    A trigger for the absence of events is evaluated when its bucket ends, so it does not meet an old one.
    """
    buckets = workspace[BUCKETS]
    rows = buckets.index(TRIGGER_ID).rows(UUID(str(part.trigger["id"])).int)
    row = next((row for row in rows if buckets.values(row)["key"] == key), None)
    if row is not None and part.is_reactive and is_old(buckets.values(row)):
        buckets.delete(row)
        return None
    return row


def is_old(bucket: Mapping[str, Any]) -> bool:
    """Whether a bucket no longer counts. Events of long ago that arrive at the same time count together."""
    time = now()
    return bool(bucket["end"] <= time - KEPT and bucket["created"] <= time - SWEEP)


def get_or_create_bucket(
    workspace: Workspace,
    part: Part,
    key: list[str],
    window: tuple[datetime, datetime],
    last: Event | None,
    count: int = 0,
) -> int:
    """The bucket of a trigger for a key, which is created if it does not exist."""
    row = bucket_row(workspace, part, key)
    return create_bucket(workspace, part, key, window, count, last) if row is None else row


def create_bucket(
    workspace: Workspace,
    part: Part,
    key: list[str],
    window: tuple[datetime, datetime],
    count: int = 0,
    last: Event | None = None,
) -> int:
    """Create a bucket in place of the former one. It begins with the held events of its time. Returns its number."""
    (start, end), time = window, now()
    if holds_events(part.trigger):
        delete_held_events(workspace, part)
        count += held_between(workspace, part.trigger, key, start, end)
    remove(workspace, part, key)
    values = {"id": new_id(), "created": time, "updated": time, "automation_id": part.automation["id"], "key": key}
    values |= {"trigger_id": UUID(str(part.trigger["id"])), "start": start, "end": end, "last_event": last}
    return workspace[BUCKETS].insert({**values, "count": count})


def remove(workspace: Workspace, part: Part, key: list[str]) -> None:
    row = bucket_row(workspace, part, key)
    if row is not None:
        workspace[BUCKETS].delete(row)


def delete_held_events(workspace: Workspace, part: Part) -> None:
    """Delete the events that a trigger has held for long without an open bucket."""
    time = now()

    def is_open(key: list[str]) -> bool:
        row = bucket_row(workspace, part, key)
        return row is not None and bool(workspace[BUCKETS].values(row)["end"] > time)

    delete_old(workspace, part.trigger, is_open)


def resume(workspace: Workspace, automation_id: UUID) -> None:
    """Evaluate the triggers of a changed automation at once, without the buckets that ended while it was disabled."""
    buckets, of = workspace[BUCKETS], [(AUTOMATION_ID, automation_id.int)]
    for row in list(matching(buckets, of)):
        if is_old(buckets.values(row)):
            buckets.delete(row)
    for row in list(matching(workspace[EVALUATIONS], of)):
        workspace[EVALUATIONS].delete(row)
