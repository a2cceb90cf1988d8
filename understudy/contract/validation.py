"""Schemas of the contract, compiled into pydantic-core validators.

The real server's errors are pydantic's, so a validator of the same parts reports the same type, loc, msg, input and
ctx.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic_core import SchemaValidator, core_schema, from_json, to_json

from understudy.contract.contract import Place
from understudy.contract.reading import Reading
from understudy.contract.text_validation import string
from understudy.contract.value_checks import (
    declared,
    explained_bounds,
    explained_size,
    filling,
    having_any,
    labelled,
    limited,
    object_only,
    sequence_only,
)
from understudy.values import as_stored


def validator(place: Place, reading: Reading) -> SchemaValidator:
    """The validator of the schema at `place`. See `compiled`."""
    return SchemaValidator(compiled(place, reading))


def compiled(place: Place, reading: Reading) -> core_schema.CoreSchema:
    """Compile a schema for pydantic-core.

    Validated values are Python's: ids as `UUID`, times as aware `datetime`, objects as `dict` with the given keys and
    those with a default.

    Args:
        place: the schema.
        reading: how values are validated.

    Raises:
        ContractError: the schema cannot be compiled.
    """
    known = place.contract.made
    if (place.path, reading) not in known:
        core = refined(place, kind_of(place)(place, reading), reading)
        known[place.path, reading] = core_schema.nullable_schema(core) if place.value.get("nullable") else core
    made: core_schema.CoreSchema = known[place.path, reading]
    return made


def refined(place: Place, core: core_schema.CoreSchema, reading: Reading) -> core_schema.CoreSchema:
    """A schema, changed by functions of the handlers that express what the contract cannot.

    Those of `x-before` and `x-after` return a value, or raise a `ValueError`; that of `x-refined-by` returns a schema.
    """
    functions = place.contract.functions
    if functions is None or reading is Reading.STORED:
        return core
    if "x-after" in place.value:
        core = core_schema.no_info_after_validator_function(functions(place.value["x-after"], place), core)
    if "x-before" in place.value:
        core = core_schema.no_info_before_validator_function(functions(place.value["x-before"], place), core)
    if "x-refined-by" in place.value:
        core = functions(place.value["x-refined-by"], place)(core)
    return core


def checked(place: Place, core: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """The schema of a value of a row, with the function of `x-checked-by`, which is imported on first use."""
    name, functions = place.value.get("x-checked-by"), place.contract.functions
    if name is None or functions is None:
        return core

    def check(value: Any) -> Any:
        return functions(name, place)(value)

    return core_schema.no_info_after_validator_function(check, core)


def kind_of(place: Place) -> Callable[[Place, Reading], core_schema.CoreSchema]:
    schema = place.value
    if "anyOf" in schema:
        return union
    if "type" not in schema:
        return anything
    kinds: Mapping[str, Callable[[Place, Reading], core_schema.CoreSchema]] = {
        "string": string,
        "integer": integer,
        "number": number,
        "boolean": boolean,
        "array": array,
        "object": obj,
    }
    if schema["type"] not in kinds:
        raise place.error(f"`type: {schema['type']}` is not served")
    return kinds[schema["type"]]


def anything(place: Place, reading: Reading) -> core_schema.CoreSchema:
    if place.value.get("x-duration"):
        return core_schema.no_info_after_validator_function(
            timedelta.total_seconds, core_schema.timedelta_schema(strict=False)
        )
    if place.value.get("x-affinity") == "numeric":
        return core_schema.no_info_after_validator_function(as_stored, core_schema.any_schema())
    if "x-json-bytes" in place.value:
        return explained_size(place)
    return core_schema.any_schema()


def union(place: Place, reading: Reading) -> core_schema.CoreSchema:
    members = [(union_member(member, reading), member_label(member)) for member in place.each("anyOf")]
    return core_schema.union_schema([core if label is None else (core, label) for core, label in members])


def union_member(member: Place, reading: Reading) -> core_schema.CoreSchema:
    # All but objects are always strict, so that a value keeps its type. Texts are last and only accept texts anyway.
    one = member["items"] if member.value.get("type") == "array" else member
    return compiled(member, reading if "properties" in one.value else Reading.STORED)


def member_label(member: Place) -> str | None:
    """The name of a union's member in the locations of errors, if it is not that of its type."""
    if member.value.get("type") == "array":
        inner = member_label(member["items"])
        return inner and f"list[{inner}]"
    named = member.value.get("x-label", member.within.rpartition("/")[2])
    return named if "properties" in member.value else None


def boolean(place: Place, reading: Reading) -> core_schema.CoreSchema:
    if "enum" in place.value:
        return core_schema.literal_schema(place.value["enum"])
    return core_schema.bool_schema(strict=reading.strict)


def number(place: Place, reading: Reading) -> core_schema.CoreSchema:
    made = core_schema.float_schema(
        strict=reading.strict,
        le=place.value.get("maximum"),
        # JSON has no such numbers, but the real server accepts them, and shows null. Bounds would not refuse NaN.
        allow_inf_nan=reading is not Reading.STRICT
        and place.value.get("nullable", False)
        and not place.value.keys() & {"minimum", "maximum"},
    )
    return {**made, **lower_bound(place)}


def lower_bound(place: Place) -> Any:
    schema = place.value
    return {"gt" if schema.get("exclusiveMinimum") else "ge": schema["minimum"]} if "minimum" in schema else {}


def integer(place: Place, reading: Reading) -> core_schema.CoreSchema:
    schema = place.value
    if "x-detail" in schema:
        return explained_bounds(place, reading)
    made = core_schema.int_schema(strict=reading.strict, le=schema.get("maximum"))
    return {**made, **lower_bound(place)}


def array(place: Place, reading: Reading) -> core_schema.CoreSchema:
    if place.value.get("x-tuple"):
        return core_schema.tuple_schema([compiled(place["items"], reading)] * place.value["maxItems"])
    made: core_schema.CoreSchema = core_schema.list_schema(
        compiled(place["items"], reading),
        strict=reading.strict,
        min_length=place.value.get("minItems"),
        max_length=place.value.get("maxItems"),
    )
    if place.value.get("x-sequence"):
        return core_schema.no_info_before_validator_function(sequence_only, made)
    return limited(place, made)


def obj(place: Place, reading: Reading) -> core_schema.CoreSchema:
    if "properties" not in place.value:
        return mapping(place, reading)
    required = place.value.get("required", [])
    fields = {}
    for name, part in place["properties"].items():
        core = compiled(part, reading)
        if name not in required and part.has_default:
            core = with_default(core, whole_default(part, core))
        fields[name] = core_schema.typed_dict_field(core, required=name in required)
    extra: Any = "forbid" if place.value.get("additionalProperties") is False else "ignore"
    read: core_schema.CoreSchema = core_schema.typed_dict_schema(fields, extra_behavior=extra)
    if reading is not Reading.STORED:  # rows are validated as JSON, which a function would have made Python's values
        read = core_schema.no_info_before_validator_function(object_only, read)
    if "x-former" in place.value:
        integers = [name for name, part in place["properties"].items() if part.value.get("type") == "integer"]
        fill = filling(place.value["x-former"], whole=integers if reading is Reading.STORED else ())
        read = core_schema.no_info_before_validator_function(fill, read)
    if "x-needs" in place.value:
        return core_schema.no_info_before_validator_function(having_any(place.value["x-needs"]), read)
    return read


def with_default(core: core_schema.CoreSchema, default: Any) -> core_schema.CoreSchema:
    """A schema with a default value, which is copied for each value if it is mutable."""
    if isinstance(default, (list, dict)) and from_json(encoded := to_json(default)) == default:
        return core_schema.with_default_schema(core, default_factory=partial(from_json, encoded))  # faster than a copy
    return core_schema.with_default_schema(core, default=default)


def whole_default(place: Place, core: core_schema.CoreSchema) -> Any:
    """A default value; that of an object with the defaults of what is in it."""
    default = place.default
    return SchemaValidator(core).validate_python(default) if default == {} and "properties" in place.value else default


def mapping(place: Place, reading: Reading) -> core_schema.CoreSchema:
    free = place.value.get("additionalProperties", True) in (True, {})
    values = core_schema.any_schema() if free else compiled(place["additionalProperties"], reading)
    made = limited(place, core_schema.dict_schema(core_schema.str_schema(), values, strict=reading.strict))
    if "x-labels" in place.value:
        return core_schema.no_info_after_validator_function(partial(labelled, place.value["x-labels"]), made)
    if "x-template" in place.value:
        return core_schema.no_info_after_validator_function(partial(declared, place.value["x-template"]), made)
    return made
