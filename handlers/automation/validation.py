"""Validation of triggers and actions of automations.

The schemas are pydantic-core's, since a real server reports pydantic's errors for each kind of trigger and action that
a value could be.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import Any, TypeAlias

from pydantic_core import SchemaValidator, ValidationError, core_schema, to_json

from understudy.values import new_id

from ..parameters.hydration import checked_templates
from ..parameters.templates import InvalidTemplate, check_template

Schema: TypeAlias = core_schema.CoreSchema
Json: TypeAlias = dict[str, Any]

MOST_READINGS = 20_000  # the maximum number of times that parts of a trigger are validated, in about a second
SHORTEST_ABSENCE = timedelta(seconds=10)
RUN_EVENTS = {f"prefect.flow-run.{name}" for name in ("Scheduled", "Pending", "Running", "*")}
STATE_TYPES = (
    "SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING",
)  # fmt: skip
DURATION = SchemaValidator(core_schema.timedelta_schema())


class Posture(str, Enum):
    """What a trigger reacts to: the presence or the absence of events."""

    Reactive = "Reactive"
    Proactive = "Proactive"

    __repr__ = Enum.__str__


# ------------------------------------------------------------------- schemas


def automation(core: Schema) -> Schema:
    """The schema of an automation in a body."""
    return core_schema.no_info_after_validator_function(checked, core)


def default(schema: Schema, value: Any) -> Schema:
    return core_schema.with_default_schema(schema, default=value)


def nullable(schema: Schema) -> Schema:
    return default(core_schema.nullable_schema(schema), None)


def words(*values: str) -> Schema:
    return default(core_schema.literal_schema([*values]), values[0])


def model(fields: Mapping[str, Schema]) -> Schema:
    """An object as a model of pydantic reads it, which ignores unknown fields."""
    made = {name: core_schema.model_field(schema) for name, schema in fields.items()}
    core = core_schema.model_fields_schema(made, from_attributes=True)
    return core_schema.no_info_after_validator_function(lambda read: {**read[0]}, core)


def duration(schema: Schema) -> Schema:
    """Seconds, from a number or a text such as `PT5M`."""
    return core_schema.no_info_after_validator_function(timedelta.total_seconds, schema)


# ------------------------------------------------------------------ triggers


def trigger(core: Schema) -> Schema:
    """The schema of a trigger in a body.

    Within a compound trigger, errors use another name for a compound trigger.
    """
    compound = "function-after[validate_require(), CompoundTrigger]"
    inner = any_trigger("inner", compound)
    outer = any_trigger("outer", f"function-after[validate_require(), {compound}]")
    limited = core_schema.no_info_before_validator_function(
        with_few_readings, core_schema.definition_reference_schema("outer")
    )
    return core_schema.definitions_schema(limited, [inner, outer])


def with_few_readings(given: Any) -> Any:
    """Check that a trigger can be validated quickly: at each level, each part is validated both as a part of a compound
    trigger and of a sequence.

    Raises:
        ValueError: it cannot.
    """
    readings, waiting = 0, [(given, 1)]
    while waiting:
        part, times = waiting.pop()
        readings += times
        if readings > MOST_READINGS:
            raise ValueError(
                f"triggers are nested too deep, or there are too many: at most {MOST_READINGS:,} readings are tried"
            )
        parts = part.get("triggers") if isinstance(part, dict) else None
        waiting += [(each, 2 * times) for each in parts] if isinstance(parts, list) else []
    return given


def any_trigger(ref: str, label: str) -> Schema:
    """The schema of any trigger. `label` is the name of a compound one in errors."""
    return core_schema.union_schema(
        [
            (event(), "EventTrigger"),
            (compound("inner"), label),
            (model(composite("sequence", ref)), "SequenceTrigger"),
        ],
        ref=ref,
    )


def event() -> Schema:
    """The schema of a trigger that waits for events, or for their absence."""
    return core_schema.no_info_before_validator_function(with_shortest_absence, model(event_fields()))


def compound(parts: str) -> Schema:
    """The schema of a trigger that waits for some of its parts. `parts` refers to the schema of a part."""
    required = core_schema.union_schema([core_schema.int_schema(), core_schema.literal_schema(["any", "all"])])
    fields = {**composite("compound", parts), "require": required}
    return core_schema.no_info_after_validator_function(checked_require, model(fields))


def composite(name: str, parts: str) -> dict[str, Schema]:
    return {
        **kind(name),
        "triggers": core_schema.list_schema(core_schema.definition_reference_schema(parts)),
        "within": core_schema.nullable_schema(duration(core_schema.timedelta_schema())),
    }


def kind(name: str) -> dict[str, Schema]:
    """The fields `type` and `id` of a trigger. The id is always new."""
    trigger_id = core_schema.no_info_after_validator_function(lambda given: new_id(), core_schema.uuid_schema())
    return {"type": words(name), "id": core_schema.with_default_schema(trigger_id, default_factory=new_id)}


TEXT = core_schema.str_schema()
LABELS = core_schema.dict_schema(TEXT, core_schema.union_schema([TEXT, core_schema.list_schema(TEXT)]))
EACH_LABEL = SchemaValidator(LABELS)


def resources(schema: Schema) -> Schema:
    """Labels of resources, whose errors are reported by kind if they are an object."""
    return core_schema.no_info_before_validator_function(with_labels, schema)


def with_labels(given: Any) -> Any:
    if isinstance(given, list):
        return [EACH_LABEL.validate_python(each) if isinstance(each, dict) else each for each in given]
    return EACH_LABEL.validate_python(given) if isinstance(given, dict) else given


def event_fields() -> dict[str, Schema]:
    kinds: list[Schema | tuple[Schema, str]] = [
        (LABELS, "ResourceSpecification"),
        (LABELS, "dict[str,union[str,list[str]]]"),
    ]
    one = core_schema.union_schema([*kinds])
    several = "list[union[ResourceSpecification,dict[str,union[str,list[str]]]]]"
    any_number = core_schema.union_schema([*kinds, (core_schema.list_schema(one), several)])
    names = default(core_schema.no_info_after_validator_function(sorted, core_schema.set_schema(TEXT)), [])
    posture = core_schema.literal_schema([Posture.Reactive, Posture.Proactive])
    return {
        **kind("event"),
        "match": default(resources(one), {}),
        "match_related": default(resources(any_number), {}),
        "after": names,
        "expect": names,
        "for_each": names,
        "posture": core_schema.no_info_after_validator_function(lambda each: each.value, posture),
        "threshold": default(core_schema.int_schema(), 1),
        "within": default(duration(core_schema.timedelta_schema(ge=timedelta())), 0.0),
    }


def with_shortest_absence(given: Any) -> Any:
    """Set the minimum time of a trigger for the absence of events."""
    if not isinstance(given, dict):
        return given
    if given.get("within", 0) is None:
        raise ValueError("`within` should be a valid timedelta")
    try:
        within = DURATION.validate_python(given.get("within", 0))
    except ValidationError:
        return given  # the error of the field
    if "within" in given:
        given["within"] = within.total_seconds()  # as a real server repeats it in its errors
    if given.get("posture") == Posture.Proactive:
        if not within:
            given["within"] = SHORTEST_ABSENCE.total_seconds()
        elif within < SHORTEST_ABSENCE:
            raise ValueError("`within` for Proactive triggers must be greater than or equal to 10 seconds")
    return given


def checked_require(trigger: Json) -> Json:
    required = trigger["require"]
    if isinstance(required, int):
        if required < 1:
            raise ValueError("require must be at least 1")
        if required > len(trigger["triggers"]):
            raise ValueError("require must be less than or equal to the number of triggers")
    return trigger


# ------------------------------------------------------------------- actions


def action(core: Schema) -> Schema:
    """The schema of an action in a body."""
    return core_schema.union_schema([*actions().values()])


def actions() -> dict[str, tuple[Schema, str]]:
    """The schema of each type of action, and its name in errors."""
    return {
        "do-nothing": plain("do-nothing"),
        "run-deployment": about("deployment", "run-deployment", fields_of_run()),
        "pause-deployment": about("deployment", "pause-deployment"),
        "resume-deployment": about("deployment", "resume-deployment"),
        "cancel-flow-run": plain("cancel-flow-run"),
        "delete-flow-run": plain("delete-flow-run"),
        "change-flow-run-state": plain("change-flow-run-state", fields_of_state()),
        "pause-work-queue": about("work_queue", "pause-work-queue"),
        "resume-work-queue": about("work_queue", "resume-work-queue"),
        "send-notification": plain("send-notification", fields_of_notification()),
        "call-webhook": plain("call-webhook", fields_of_webhook()),
        "pause-automation": about("automation", "pause-automation"),
        "resume-automation": about("automation", "resume-automation"),
        "suspend-flow-run": plain("suspend-flow-run"),
        "resume-flow-run": plain("resume-flow-run"),
        "pause-work-pool": about("work_pool", "pause-work-pool"),
        "resume-work-pool": about("work_pool", "resume-work-pool"),
    }


def fields_of_run() -> dict[str, Schema]:
    objects = nullable(core_schema.dict_schema(TEXT, core_schema.any_schema()))
    positive = core_schema.no_info_after_validator_function(not_negative, core_schema.timedelta_schema())
    parameters = default(core_schema.no_info_after_validator_function(checked_templates, objects["schema"]), None)
    return {"parameters": parameters, "job_variables": objects, "schedule_after": default(duration(positive), 0.0)}


def fields_of_state() -> dict[str, Schema]:
    states = Enum("StateType", {name: name for name in STATE_TYPES})  # type: ignore[misc]
    return {
        "name": nullable(TEXT),
        "state": core_schema.no_info_after_validator_function(
            lambda each: each.value, core_schema.enum_schema(states, [*states])
        ),
        "message": nullable(TEXT),
        "force": default(core_schema.bool_schema(), False),
    }


def fields_of_notification() -> dict[str, Schema]:
    return {
        "block_document_id": core_schema.uuid_schema(),
        "subject": default(template("subject"), "Prefect automated notification"),
        "body": template("body"),
    }


def fields_of_webhook() -> dict[str, Schema]:
    return {
        "block_document_id": core_schema.uuid_schema(),
        "payload": default(template("payload", core_schema.no_info_before_validator_function(as_text, TEXT)), ""),
    }


def plain(name: str, fields: Mapping[str, Schema] | None = None) -> tuple[Schema, str]:
    return model({"type": words(name), **(fields or {})}), label(name)


def about(resource: str, name: str, fields: Mapping[str, Schema] | None = None) -> tuple[Schema, str]:
    """An action on a resource: one selected by its id, or the one that the event is about."""
    key = f"{resource}_id"
    own = {"source": words("selected", "inferred"), key: nullable(core_schema.uuid_schema()), **(fields or {})}
    core = core_schema.no_info_after_validator_function(partial(checked_selection, key), plain(name, own)[0])
    return core, f"function-after[selected_{resource}_requires_id(), {label(name)}]"


def label(name: str) -> str:
    return name.title().replace("-", "")


def checked_selection(key: str, action: Json) -> Json:
    if (action["source"] == "selected") != (action[key] is not None):
        raise ValueError(f"{key} is {'required' if action[key] is None else 'not allowed'}")
    return action


def template(name: str, schema: Schema = TEXT) -> Schema:
    def check(text: str) -> str:
        try:
            check_template(text)
        except InvalidTemplate as error:
            raise ValueError(f"{name!r} is not a valid template: {error.message}") from None
        return text

    return core_schema.no_info_after_validator_function(check, schema)


def as_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else to_json(value, indent=2).decode()


def not_negative(value: timedelta) -> timedelta:
    if value < timedelta():
        raise ValueError("schedule_after must be non-negative")
    return value


# --------------------------------------------------------------------- loops


def checked(automation: Json) -> Json:
    """Refuse an automation that runs a deployment for each run of some flows, including the flow of that deployment.

    Raises:
        ValueError: it does.
    """
    trigger = automation["trigger"]
    is_endless = automation.get("enabled", True) and trigger["type"] == "event" and trigger["posture"] == "Reactive"
    if is_endless and RUN_EVENTS & {*trigger["expect"]}:
        for source in (each["source"] for each in automation["actions"] if each["type"] == "run-deployment"):
            if source == "inferred":
                raise ValueError(INFERRED)
            related = trigger["match_related"]
            everything = map(covers_all_runs, related if isinstance(related, list) else [related])
            if covers_all_runs(trigger["match"]) and any(everything):
                raise ValueError(SELECTED)
    return automation


def covers_all_runs(labels: Json) -> bool:
    values = labels.get("prefect.resource.id", [])
    listed = [values] if isinstance(values, str) else values
    return not labels or (len(labels) == 1 and "prefect.flow-run.*" in listed)


INFERRED = (
    "Running an inferred deployment from a flow run state change event will lead to an infinite loop of flow runs. "
    " Please choose a specific deployment and add additional filtering labels to the match or match_related for this"
    " automation's trigger."
)
SELECTED = (
    "Running a selected deployment from a flow run state change event may lead to an infinite loop of flow runs. "
    " Please include additional filtering labels on either match or match_related to narrow down which flow runs will"
    " trigger this automation to exclude flow runs from the deployment you've selected."
)
