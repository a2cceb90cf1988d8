"""Triggers and actions in rows, which may be written by hand: they are checked and completed like those in requests.

The ids of triggers stay as they are, since other rows may refer to them, and so does the order of names.
"""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache

from pydantic_core import SchemaValidator, ValidationError, core_schema

from .validation import Json, actions, composite, compound, event, model, with_few_readings

TRIGGERS = ("event", "compound", "sequence")


def whole_trigger(trigger: Json) -> Json:
    """The complete trigger of a row.

    Raises:
        ValueError: a real server would refuse it.
    """
    with_few_readings(trigger)
    return completed_trigger(trigger)


def whole_actions(given: list[Json]) -> list[Json]:
    """The complete actions of a row.

    Raises:
        ValueError: a real server would refuse one.
    """
    return [completed(each, actions_by_type(), None, f"action {place}") for place, each in enumerate(given, 1)]


def completed_trigger(trigger: Json, name: str = "the trigger") -> Json:
    whole = completed(trigger, triggers_by_type(), "event", name)
    if whole["type"] != "event":
        parts = enumerate(whole["triggers"], 1)
        whole["triggers"] = [completed_trigger(part, f"part {place} of {name}") for place, part in parts]
    return whole


def completed(given: Json, kinds: Mapping[str, SchemaValidator], default: str | None, name: str) -> Json:
    """An object of one of several types, with the defaults of fields that it omits."""
    kind = given.get("type", default)
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"{name} must have one of these values of `type`: {', '.join(kinds)}")
    try:
        whole = kinds[kind].validate_python(deepcopy(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{name} is not valid: {f'{place}: ' if place else ''}{reason}") from None
    kept = {key for key, value in given.items() if key == "id" or isinstance(value, dict | list)}
    return {**given, **whole, **{key: given[key] for key in kept}}


@cache
def triggers_by_type() -> dict[str, SchemaValidator]:
    """The parts of a trigger are completed one by one."""
    part = core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema(), ref="part")
    schemas = event(), compound("part"), model(composite("sequence", "part"))
    return {
        name: SchemaValidator(core_schema.definitions_schema(schema, [part]))
        for name, schema in zip(TRIGGERS, schemas, strict=True)
    }


@cache
def actions_by_type() -> dict[str, SchemaValidator]:
    return {name: SchemaValidator(schema) for name, (schema, _) in actions().items()}
