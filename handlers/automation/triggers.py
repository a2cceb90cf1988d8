"""Triggers of automations: the events that they match.

Source: `prefect.server.events.schemas.automations`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..event_filters import ROLE, has_label

Trigger = dict[str, Any]
Event = Mapping[str, Any]
"""A row of events as JSON."""
Way = tuple[Trigger, ...]
"""The compound triggers and sequences that contain an event trigger, the outermost first."""


def event_triggers(trigger: Trigger, way: Way = ()) -> Iterator[tuple[Trigger, Way]]:
    """The event triggers that a trigger consists of, each with the triggers that contain it."""
    if trigger["type"] == "event":
        yield trigger, way
    else:
        for part in trigger["triggers"]:
            yield from event_triggers(part, (*way, trigger))


def covers(trigger: Trigger, event: Event) -> bool:
    """Whether an event can affect a trigger."""
    names = [*trigger["expect"], *trigger["after"]] if trigger["expect"] else ["*"]
    related = trigger["match_related"]
    return (
        any(fnmatchcase(event["event"], name) for name in names)
        and any(begins_like(event["event"], name) for name in names)
        and includes(trigger["match"], [event["resource"]])
        and all(includes(labels, event["related"]) for labels in (related if isinstance(related, list) else [related]))
    )


def begins_like(text: str, name: str) -> bool:
    """Whether a text begins with a pattern in which each `*` matches one or more characters of a line.

    The leftmost match of each part is never worse than a later one, so no other needs to be tried.
    """
    first, *others = name.split("*")
    place = len(first)
    for part in others:
        found = text.find(part, place + 1)
        if found < 0 or "\n" in text[place:found]:
            return False
        place = found + len(part)
    return text.startswith(first)


def includes(labels: Mapping[str, Any], resources: Sequence[Mapping[str, str]]) -> bool:
    """Whether one of some resources has all labels."""
    return not labels or any(
        all(has_label(resource.get(name), values) for name, values in labels.items()) for resource in resources
    )


def expects(trigger: Trigger, event: Event) -> bool:
    return not trigger["expect"] or is_named(event, trigger["expect"])


def starts_after(trigger: Trigger, event: Event) -> bool:
    return is_named(event, trigger["after"])


def holds_events(trigger: Trigger) -> bool:
    """Whether an expected event may count although it arrives before the one that it must follow (`after`)."""
    return bool(trigger["posture"] == "Proactive" and trigger["after"])


def is_named(event: Event, names: Iterable[str]) -> bool:
    return any(has_label(event["event"], name) for name in names)


def key_of(trigger: Trigger, event: Event) -> list[str]:
    """The values of the labels for which a trigger is evaluated separately."""
    return [label_of(event, label) or "" for label in sorted(trigger["for_each"])]


def label_of(event: Event, label: str) -> str | None:
    """The value of a label of an event's resource, or of the first related one in a role (`related:ROLE:LABEL`)."""
    directive, _, name = label.rpartition(":")
    directive, _, role = directive.partition(":")
    if directive == "related":
        for resource in event["related"]:
            if resource.get(ROLE) == role:
                related: str | None = resource.get(name)
                return related
    found: str | None = event["resource"].get(label)
    return found


def is_met(trigger: Trigger, count: int) -> bool:
    """Whether a number of events meets a trigger, which waits for enough events or for too few."""
    reacts: bool = trigger["posture"] == "Reactive"
    return bool((count >= trigger["threshold"]) == reacts)


def number_required(trigger: Trigger) -> int:
    """How many parts of a compound trigger or a sequence must have fired."""
    if trigger["type"] == "sequence" or trigger["require"] == "all":
        return len(trigger["triggers"])
    return 1 if trigger["require"] == "any" else int(trigger["require"])
