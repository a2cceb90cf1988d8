"""Evaluation of automations: events are counted in time buckets, triggers fire, and actions follow.

Source: `prefect.server.events.triggers`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.values import key_of as number_of
from understudy.values import moment, moved, now
from understudy.workspaces.workspace import Workspace

from .action_events import Firing, Invocation, Json, triggered_event
from .actions import perform
from .buckets import (
    BUCKETS,
    EVALUATIONS,
    TRIGGER_ID,
    Part,
    bucket_row,
    create_bucket,
    delete_held_events,
    get_or_create_bucket,
    remove,
)
from .held_events import hold
from .triggers import (
    Event,
    Trigger,
    Way,
    covers,
    event_triggers,
    expects,
    holds_events,
    is_met,
    key_of,
    number_required,
    starts_after,
)

FIRINGS, INBOX = "automation_firings", "automation_inbox"
PARENT_ID, CHILD_ID = Column(("parent_trigger_id",)), Column(("child_trigger_id",))
FIRED, POSITION = Column(("fired",)), Column(("position",))
LONGEST_CHAIN = 20  # the maximum length of a chain of automations that trigger each other
LOOKBACK = timedelta(minutes=15)  # the time before an event in which later arriving events count


def parts(workspace: Workspace) -> list[Part]:
    """The event triggers of all enabled automations."""
    automations = map(workspace["automations"].look, workspace["automations"].live)
    enabled = (automation for automation in automations if automation["enabled"])
    return [Part(each, *found) for each in enabled for found in event_triggers(each["trigger"])]


# --------------------------------------------------------------------- evaluation


def react(workspace: Workspace, event: Event) -> int:
    """Evaluate all automations that an event affects. Returns the number of evaluated triggers."""
    covering = [part for part in parts(workspace) if covers(part.trigger, event)]
    for part in covering:
        react_part(workspace, part, event)
    return len(covering)


def react_part(workspace: Workspace, part: Part, event: Event) -> None:
    trigger, time, key = part.trigger, moment(event["occurred"]), key_of(part.trigger, event)
    bucket = None
    if trigger["after"] and starts_after(trigger, event):
        count = -1 if expects(trigger, event) else 0
        bucket = get_or_create_bucket(workspace, part, key, (time, moved(time, part.within)), event, count)
    elif not trigger["after"] and expects(trigger, event):
        bucket = get_or_create_bucket(workspace, part, key, (moved(time, -LOOKBACK), moved(time, part.within)), event)
    if expects(trigger, event):
        if bucket is None and holds_events(trigger):
            hold(workspace, part.automation["id"], trigger, key, event)
        row = bucket_row(workspace, part, key) if bucket is None else bucket
        if row is not None:
            evaluate(workspace, part, row, time, event)


def evaluate(workspace: Workspace, part: Part, row: int, time: datetime, event: Event | None) -> int | None:
    """Count an event in a bucket, and fire if the trigger is met. Without an event, its time has come.

    Returns the bucket that is used next, if any.
    """
    buckets, trigger = workspace[BUCKETS], part.trigger
    bucket = buckets.values(row)
    if time < bucket["start"]:
        return row  # a late event
    before, is_counted = bucket["last_event"], event is None
    if event is not None and (part.is_immediate or time < bucket["end"]):
        buckets.update(row, {"count": bucket["count"] + 1, "last_event": event})
        bucket, is_counted = buckets.values(row), True
    if (part.is_reactive or bucket["end"] <= time) and is_met(trigger, bucket["count"]):
        labels = dict(zip(sorted(trigger["for_each"]), bucket["key"], strict=True))
        buckets.delete(row)
        fire(workspace, part.automation, part.way, Firing(trigger, now(), event or bucket["last_event"], labels))
    elif time < bucket["end"]:
        if event is not None and restarts(part, bucket, event):
            last = before if is_later(trigger, before, event) else event
            return create_bucket(workspace, part, bucket["key"], (time, moved(time, part.within)), 0, last)
        return row
    if trigger["after"]:
        remove(workspace, part, bucket["key"])
        return None
    if not part.within:
        return None  # later events count in it, too
    start = max(bucket["end"], time)
    window = start, moved(start, part.within)
    if part.is_reactive and not is_counted and time < window[1]:
        return evaluate(workspace, part, create_bucket(workspace, part, bucket["key"], window), time, event)
    return create_bucket(workspace, part, bucket["key"], window, 0 if is_counted else 1)


def restarts(part: Part, bucket: Json, event: Event) -> bool:
    """Whether an event both ends the wait of a trigger for it, and begins a new one."""
    return not (part.is_reactive or is_met(part.trigger, bucket["count"])) and starts_after(part.trigger, event)


def is_later(trigger: Trigger, before: Event | None, event: Event) -> bool:
    """Whether the event is only expected after another one, and did not occur before it."""
    return (
        before is not None
        and expects(trigger, before)
        and not starts_after(trigger, before)
        and moment(before["occurred"]) >= moment(event["occurred"])
    )


# ---------------------------------------------------------------------- proactive


def next_evaluation(workspace: Workspace, part: Part) -> datetime | None:
    """When a trigger for the absence of events is evaluated next; None if it has never been evaluated."""
    found = workspace[EVALUATIONS].get(UUID(str(part.trigger["id"])))
    return None if found is None else found["next"]


def evaluate_absence(workspace: Workspace, part: Part, time: datetime) -> None:
    """Evaluate a trigger for the absence of events."""
    buckets, evaluations = workspace[BUCKETS], workspace[EVALUATIONS]
    trigger_id, following = UUID(str(part.trigger["id"])), moved(time, part.within)
    if not part.trigger["for_each"]:
        get_or_create_bucket(workspace, part, [], (time, moved(time, part.within)), None)
    rows = sorted(buckets.index(TRIGGER_ID).rows(trigger_id.int), key=lambda row: buckets.values(row)["start"])
    delete_held_events(workspace, part)
    for row in rows:
        if buckets.values(row)["count"] >= part.trigger["threshold"]:
            buckets.delete(row)
            continue
        after = evaluate(workspace, part, row, time, None)
        if after is not None and time < buckets.values(after)["end"] < following:
            following = buckets.values(after)["end"]
    known = evaluations.find(trigger_id.int)
    if known is None:
        values = {"id": trigger_id, "created": time, "updated": time, "automation_id": part.automation["id"]}
        evaluations.insert({**values, "next": following})
    else:
        evaluations.update(known, {"updated": time, "next": following})


# ------------------------------------------------------------------------- firing


def fire(workspace: Workspace, automation: Mapping[str, Any], way: Way, firing: Firing) -> None:
    """Perform the actions of an automation, or record that a part of its trigger has fired."""
    if not way:
        act(workspace, automation, firing)
        return
    *outer, parent = way
    fired = [firing] if number_required(parent) == 1 else collected(workspace, automation, parent, firing)
    if fired:
        whole = Firing(parent, now(), firing.event, firings=fired)
        fire(workspace, automation, tuple(outer), whole)


def collected(workspace: Workspace, automation: Mapping[str, Any], parent: Trigger, firing: Firing) -> list[Firing]:
    """Add the firing of a part of a trigger. If enough parts have fired, remove and return their firings; else none."""
    table, parent_id, child_id = workspace[FIRINGS], UUID(str(parent["id"])), UUID(str(firing.trigger["id"]))
    oldest = None if parent["within"] is None else number_of(moved(firing.time, -parent["within"]))
    others: list[int] = []
    for row in list(table.index(PARENT_ID).rows(parent_id.int)):
        is_old = oldest is not None and table.key(FIRED, row) < oldest
        if is_old or table.key(CHILD_ID, row) == child_id.int:
            table.delete(row)
        else:
            others.append(row)
    position = max((table.key(POSITION, row) for row in others), default=0) + 1
    values = {"id": firing.id, "created": firing.time, "updated": firing.time, "automation_id": automation["id"]}
    values |= {"parent_trigger_id": parent_id, "child_trigger_id": child_id, "fired": firing.time}
    added = table.insert({**values, "position": position, "firing": stored(firing)})
    in_order = sorted([*others, added], key=lambda row: (table.key(FIRED, row), table.key(POSITION, row)))
    if parent["type"] == "sequence":
        expected = [UUID(str(part["id"])).int for part in parent["triggers"]]
        is_ready = [table.key(CHILD_ID, row) for row in in_order] == expected
    else:
        is_ready = len(in_order) >= number_required(parent)
    if not is_ready:
        return []
    fired = [loaded(table.values(row)["firing"]) for row in in_order]
    for row in in_order:
        table.delete(row)
    return fired


def stored(firing: Firing) -> Json:
    """A firing as JSON."""
    parts = [stored(each) for each in firing.firings]
    values = {"trigger": firing.trigger, "time": firing.time.isoformat(), "event": firing.event, "firings": parts}
    return {**values, "labels": dict(firing.labels), "id": str(firing.id)}


def loaded(values: Json) -> Firing:
    parts = [loaded(each) for each in values["firings"]]
    time = moment(values["time"])
    return Firing(values["trigger"], time, values["event"], values["labels"], parts, UUID(values["id"]))


def chained(event: Event | None) -> int:
    """How many automations in a row have led to an event."""
    length = 0
    while event is not None:
        event, length = event["payload"].get("triggering_event"), length + 1
    return length


def act(workspace: Workspace, automation: Mapping[str, Any], firing: Firing) -> None:
    """Record that an automation was triggered, and perform its actions.

    A chain of automations that trigger each other, or themselves, ends after a number of them. On a real server, it
    does not end.
    """
    if chained(firing.event) > LONGEST_CHAIN:
        return
    triggered = triggered_event(workspace, automation, firing)
    actions = [(action, firing.event) for action in automation["actions"]]
    actions += [(action, triggered) for action in automation["actions_on_trigger"]]
    for index, (action, event) in enumerate(actions):
        perform(workspace, Invocation(automation, firing, action, index, event, triggered["id"]))
