"""The values that templates of an automation can use.

Templates see rows as a real server's models: times and durations are values that they can compute with, events and
resources have more attributes than fields, and a row becomes JSON as in responses.

Source: `prefect.server.events.actions` and `prefect.server.events.schemas.labelling`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from understudy.values import is_id, moment
from understudy.workspaces.workspace import Workspace

from ..event_filters import ID, ROLE
from ..parameters.hydration import variables_of
from ..slot_holders import read_work_queue_status
from ..states import TERMINAL
from .action_events import NAME, Firing, Invocation, Json
from .triggers import Event, label_of
from .validation import STATE_TYPES

TABLES = {
    "prefect.deployment": "deployments",
    "prefect.flow": "flows",
    "prefect.flow-run": "flow_runs",
    "prefect.task-run": "task_runs",
    "prefect.work-pool": "work_pools",
    "prefect.work-queue": "work_queues",
    "prefect.concurrency-limit": "concurrency_limits_v2",
}
"""The tables of the rows that an event can be about, by the kind of the resource, such as `flow_run` in templates."""
DURATIONS = ("total_run_time", "estimated_run_time", "estimated_start_time_delta")
PAGES = {"prefect.flow", "prefect.task-run", "prefect.work-pool", "prefect.work-queue"}
"""The kinds of rows that `ui_resource_events_url` supports."""
STATUSES = {
    "prefect.deployment": "DeploymentStatus",
    "prefect.work-pool": "WorkPoolStatus",
    "prefect.work-queue": "WorkQueueStatus",
}
STATE_TYPE = "StateType"
KINDS_OF_STATES: Mapping[str, Collection[str]] = {
    "is_final": TERMINAL,
    **{f"is_{kind.lower()}": {kind} for kind in STATE_TYPES},
}
STATE_LABELS = {f"prefect.state-{name}": name for name in ("message", "name", "timestamp", "type")}


# ------------------------------------------------------------------------- values


class Model(dict[str, Any]):
    """A row, or a part of one. `resource_id` is the id of its resource, if the events of that have a page."""

    resource_id: str | None = None


class Member(str):
    """A value of an enum, which is shown as `StateType.RUNNING`, and equals `RUNNING`."""

    __slots__ = ("_enumeration",)
    _enumeration: str

    def __new__(cls, enumeration: str, value: str) -> "Member":
        made = super().__new__(cls, value)
        made._enumeration = enumeration
        return made

    @property
    def value(self) -> str:
        return str.__str__(self)

    name = value

    def __str__(self) -> str:
        return f"{self._enumeration}.{self.value}"

    __repr__ = __str__


class State(Model):
    """A state of a run, which is shown as `Failed('its message')`, and has methods such as `is_failed()`."""

    def __getattr__(self, name: str) -> Callable[[], bool]:
        kinds = KINDS_OF_STATES.get(name)
        if kinds is None:
            raise AttributeError(name)
        return lambda: self["type"] in kinds

    def __str__(self) -> str:
        parts = [repr(self["message"])] if self["message"] else []
        if self["type"].lower() != (self["name"] or "").lower():
            parts.append(f"type={self['type'].value}")
        return f"{self['name']}({', '.join(parts)})"


class Labels:
    """Labels, by the parts of their names: `labels.prefect.resource.id`."""

    def __init__(self, labels: Mapping[str, str], value: str = "") -> None:
        self._labels = labels
        self._value = value

    def __getattr__(self, name: str) -> "Labels":
        below = {
            label.partition(".")[2]: value for label, value in self._labels.items() if label.startswith(f"{name}.")
        }
        if not below and name not in self._labels:
            raise AttributeError(name)
        return Labels(below, self._labels.get(name, ""))

    def __getitem__(self, label: str) -> str:
        return self._labels[label]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._labels.items())

    def __len__(self) -> int:
        return len(self._labels)

    def __str__(self) -> str:
        return self._value


class Resource(Model):
    """A resource of an event: its labels. It shows as on a real server, as an event does."""

    def __str__(self) -> str:
        return f"root={dict(self)!r}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    @property
    def resource_id(self) -> str:  # type: ignore[override]
        return self.id

    @property
    def id(self) -> str:
        return str(self[ID])

    @property
    def name(self) -> str | None:
        return self.get(NAME)

    @property
    def labels(self) -> Labels:
        return Labels(self)


class RelatedResource(Resource):
    """A resource with a role in an event."""

    @property
    def role(self) -> str:
        return str(self[ROLE])


class EventModel(Model):
    """An event."""

    url = None

    def __str__(self) -> str:
        return " ".join(f"{name}={value!r}" for name, value in self.items())

    @property
    def size_bytes(self) -> int:
        return len(to_json(self))

    @property
    def involved_resources(self) -> list[Resource]:
        return [self["resource"], *self["related"]]

    @property
    def resource_in_role(self) -> dict[str, RelatedResource]:
        return {role: resources[0] for role, resources in self.resources_in_role.items()}

    @property
    def resources_in_role(self) -> dict[str, list[RelatedResource]]:
        found: dict[str, list[RelatedResource]] = {}
        for resource in self["related"]:
            found.setdefault(resource[ROLE], []).append(resource)
        return found

    def find_resource_label(self, label: str) -> str | None:
        return label_of(self, label)


def readable(value: Any) -> Any:
    """A value of a row, with times as templates show them."""
    import pendulum  # noqa: PLC0415 - slow to import and rarely needed

    if isinstance(value, datetime):
        return pendulum.instance(value)
    if isinstance(value, dict):
        return {name: readable(part) for name, part in value.items()}
    return [readable(part) for part in value] if isinstance(value, list) else value


def typed(shown: Any, stored: Any) -> Any:
    """A value of a response, with the stored times and ids in place of their texts."""
    if isinstance(shown, dict) and isinstance(stored, dict):
        return {name: typed(part, stored.get(name)) for name, part in shown.items()}
    return stored if isinstance(stored, (datetime, UUID)) else shown


def row_model(workspace: Workspace, kind: str, row: int) -> Model:
    table = TABLES[kind]
    values = workspace[table].values(row)
    shown = typed(from_json(workspace.shown(table, row)), values)
    if kind == "prefect.work-queue":
        health: Any = read_work_queue_status(workspace, values["id"])
        shown |= health
    model = Model(readable(shown), **{name: timedelta(seconds=shown[name]) for name in DURATIONS if name in shown})
    if kind == "prefect.work-pool":
        del model["active_slots"]
    if kind in STATUSES:
        model["status"] = Member(STATUSES[kind], model["status"])
    if model.get("state_type"):
        model["state_type"] = Member(STATE_TYPE, model["state_type"])
    if isinstance(model.get("state"), dict):
        model["state"] = State(model["state"], type=Member(STATE_TYPE, model["state"]["type"]))
    model.resource_id = f"{kind}.{model['id']}" if kind in PAGES else None
    return model


def event_model(event: Event) -> EventModel:
    model = EventModel(event)
    model |= {name: readable(moment(event[name])) for name in ("occurred", "received")}
    model |= {name: UUID(event[name]) for name in ("id", "follows") if event[name] is not None}
    model["resource"] = Resource(event["resource"])
    model["related"] = [RelatedResource(each) for each in event["related"]]
    return model


def automation_model(automation: Mapping[str, Any]) -> Model:
    model = Model(readable(automation), trigger=trigger_model(automation["trigger"]))
    del model["owner_resource"]
    model.resource_id = f"prefect.automation.{automation['id']}"
    return model


def trigger_model(trigger: Json) -> Model:
    model = Model(trigger)
    if "posture" in trigger:
        model["posture"] = Member("Posture", trigger["posture"])
    if "triggers" in trigger:
        model["triggers"] = [trigger_model(part) for part in trigger["triggers"]]
    return model


def firing_model(firing: Firing) -> Model:
    return Model(
        id=firing.id,
        trigger=trigger_model(firing.trigger),
        trigger_states={Member("TriggerState", "Triggered")},
        triggered=readable(firing.time),
        triggering_labels=dict(firing.labels),
        triggering_firings=[firing_model(part) for part in firing.firings],
        triggering_event=None if firing.event is None else event_model(firing.event),
        triggering_value=None,
    )


# ------------------------------------------------------------------------ context


def context_of(workspace: Workspace, invocation: Invocation) -> Json:
    """The values that templates can use: the automation, the firing that triggered it, and the rows that the event is
    about.
    """
    firings = list(with_parts(invocation.firing))
    context: Json = {
        "automation": automation_model(invocation.automation),
        "event": None if invocation.event is None else event_model(invocation.event),
        "labels": Labels(invocation.firing.labels),
        "firing": firing_model(invocation.firing),
        "firings": [firing_model(firing) for firing in firings],
        "events": [event_model(firing.event) for firing in firings if firing.event is not None],
    }
    if invocation.event is not None:
        context |= {"variables": variables_of(workspace), **native_rows(workspace, invocation.event)}
    return context


def with_parts(firing: Firing) -> Iterable[Firing]:
    """A firing, and those of the parts of its trigger."""
    return chain([firing], *map(with_parts, firing.firings))


def native_rows(workspace: Workspace, event: Event) -> Json:
    """The rows that an event is about, the first of each kind. A run has the state that the event states."""
    rows: Json = {}
    resources = {resource[ID].rpartition(".")[0]: resource for resource in (*event["related"][::-1], event["resource"])}
    for kind in TABLES:
        resource = resources.get(kind, {})
        model = model_of(workspace, kind, resource.get(ID, "").rpartition(".")[2])
        if model is not None and model.get("state") and resource.keys() >= STATE_LABELS.keys():
            with suppress(ValueError):  # as on a real server, labels that are not those of a state are ignored
                model["state"] = State(model["state"], **state_of(resource))
        rows[kind.partition(".")[2].replace("-", "_")] = model
    return rows


def state_of(labels: Mapping[str, str]) -> Json:
    """The state of a run, from the labels of its resource in an event.

    Raises:
        ValueError: there is no such type, or the timestamp cannot be parsed.
    """
    import pendulum  # noqa: PLC0415 - slow to import and rarely needed

    state: Json = {name: labels[label] for label, name in STATE_LABELS.items()}
    if state["type"] not in STATE_TYPES:
        raise ValueError
    return {**state, "type": Member(STATE_TYPE, state["type"]), "timestamp": pendulum.parse(state["timestamp"])}


def model_of(workspace: Workspace, kind: str, row_id: str) -> Model | None:
    row = workspace[TABLES[kind]].find(UUID(row_id).int) if is_id(row_id) else None
    return None if row is None else row_model(workspace, kind, row)
