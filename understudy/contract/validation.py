"""Schemas of the contract, compiled into pydantic-core validators.

The real server's errors are pydantic's, so a validator of the same parts reports the same type, loc, msg, input and
ctx.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any

from pydantic_core import (
    PydanticCustomError,
    PydanticKnownError,
    SchemaValidator,
    ValidationError,
    core_schema,
    from_json,
    to_json,
)

from understudy.contract.contract import Place
from understudy.values import as_stored, in_utc, with_offset

INTEGERS = range(-(2**63), 2**64)
MOST_LEVELS = 254  # of nested lists and objects


class Reading(Enum):
    """How values are validated."""

    COERCED = "with pydantic's default coercions, as the real server: '5' is 5"
    STRICT = "strict mode: exactly by the contract, including formats"
    STORED = "of the stored type, but with ids and times in any spelling"

    @property
    def strict(self) -> bool:
        return self is not Reading.COERCED


DETAIL = "detail"
"""The type of an error that is reported alone, with its message as the `detail`."""

PLACEHOLDER = re.compile(r"{{\s*([\w\.\-\[\]$]+)\s*}}")

# The formats in strict mode, by RFC 4122 and RFC 3339.
UUID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
RFC_3339_PATTERN = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"


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
    """The schema that functions of the handlers make of another one, for what no contract can say of a request.

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


def explained_size(place: Place) -> core_schema.CoreSchema:
    """A limit of the bytes of a value's JSON, with its own messages."""
    limit = place.value["x-json-bytes"]

    def within(value: Any) -> Any:
        if not is_serializable(value):
            raise ValueError(limit["unserializable"])
        if len(to_json(value, inf_nan_mode="null")) > limit["maximum"]:
            raise ValueError(limit["message"])
        return value

    return core_schema.no_info_after_validator_function(within, core_schema.any_schema())


def is_serializable(value: Any, depth: int = 0) -> bool:
    """Whether a real server can write a value as JSON: its library (orjson) has limits of its own."""
    match value:
        case dict() | list():
            parts = value.values() if isinstance(value, dict) else value
            return depth < MOST_LEVELS and all(is_serializable(part, depth + 1) for part in parts)
        case int():
            return value in INTEGERS
    return True


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


def explained_bounds(place: Place, reading: Reading) -> core_schema.CoreSchema:
    """Bounds with their own messages, which are then the whole response."""
    minimum, maximum, details = (place.value[key] for key in ("minimum", "maximum", "x-detail"))
    too_small, too_large = (PydanticCustomError(DETAIL, details[key]) for key in ("minimum", "maximum"))

    def within(value: int) -> int:
        if value < minimum:
            raise too_small
        if value > maximum:
            raise too_large
        return value

    return core_schema.no_info_after_validator_function(within, core_schema.int_schema(strict=reading.strict))


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


def limited(place: Place, core: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """A schema with a limit of its values' length that has its own message, if the contract has one."""
    if "x-limit" not in place.value:
        return core
    maximum, message = place.value["x-limit"]["maximum"], place.value["x-limit"]["message"]

    def within(value: Any) -> Any:
        if len(value) > maximum:
            raise ValueError(message)
        return value

    return core_schema.no_info_after_validator_function(within, core)


class PlainText(str):
    """A body that was not sent as JSON."""

    __slots__ = ()


def sequence_only(value: Any) -> Any:
    """Refuse values that are not sequences with pydantic's messages for sequences instead of those for lists."""
    if isinstance(value, str):
        text = "'{type_name}' instances are not allowed as a Sequence value"
        # The real server has bytes for a body that was not sent as JSON.
        raise PydanticCustomError(
            "sequence_str", text, {"type_name": "bytes" if isinstance(value, PlainText) else "str"}
        )
    if not isinstance(value, Sequence):
        raise PydanticKnownError("is_instance_of", {"class": "Sequence"})
    return value


def string(place: Place, reading: Reading) -> core_schema.CoreSchema:
    schema = place.value
    if "enum" in schema:
        return enumeration(place)
    if schema.get("format") == "uuid":
        return identifier(reading)
    if schema.get("format") == "date-time":
        return moment(place, reading)
    if "x-pattern-message" in schema:
        return explained_pattern(place, reading)
    if schema.get("x-bytes"):
        return core_schema.no_info_after_validator_function(bytes.decode, core_schema.bytes_schema())
    text = core_schema.str_schema(
        strict=reading.strict,
        pattern=schema.get("pattern"),
        min_length=schema.get("minLength"),
        max_length=schema.get("maxLength"),
    )
    if "x-also-pattern" in schema:
        return core_schema.no_info_after_validator_function(matching_too(schema["x-also-pattern"]), text)
    if "x-blank-message" in schema:
        return core_schema.no_info_before_validator_function(partial(not_blank, schema["x-blank-message"]), text)
    if "x-truncate" in schema:
        size = schema["x-truncate"]
        return core_schema.no_info_after_validator_function(
            lambda value: value if len(value) <= size else f"{value[:size]}...", text
        )
    return limited(place, text)


def not_blank(message: str, value: Any) -> Any:
    if isinstance(value, str) and not value.strip("' \""):
        raise ValueError(message)
    return value


def enumeration(place: Place) -> core_schema.CoreSchema:
    words = [word for word in place.value["enum"] if word is not None]
    if place.value.get("x-literal"):
        return core_schema.literal_schema(words)
    members = Enum("Words", {word: word for word in words})  # type: ignore[misc]  # from the contract
    known = core_schema.enum_schema(members, list(members))
    return core_schema.no_info_after_validator_function(attrgetter("value"), known)


def explained_pattern(place: Place, reading: Reading) -> core_schema.CoreSchema:
    """A pattern with its own message.

    The real server matches with Python's `re`, whose `$` allows a line break at the end; strict mode does not.
    """
    written, message = place.value["pattern"], place.value["x-pattern-message"]
    longest = place.value.get("maxLength")
    pattern = re.compile(written.removesuffix("$") + r"\Z" if reading is Reading.STRICT else written)

    def matching(value: str) -> str:
        if pattern.match(value) is None:
            raise ValueError(message)
        if longest is not None and len(value) > longest:
            context = {"field_type": "Value", "max_length": longest, "actual_length": len(value)}
            raise PydanticKnownError("too_long", context)
        return value

    return core_schema.no_info_after_validator_function(matching, core_schema.str_schema(strict=reading.strict))


def matching_too(rule: Mapping[str, str]) -> Callable[[str], str]:
    """A check of a second pattern, which refuses in its own words."""
    pattern, message = re.compile(rule["pattern"]), rule["message"]

    def matching(value: str) -> str:
        if pattern.match(value) is None:
            raise ValueError(message)
        return value

    return matching


def identifier(reading: Reading) -> core_schema.CoreSchema:
    if reading is Reading.STRICT:
        return spelled(UUID_PATTERN, core_schema.uuid_schema())
    return core_schema.uuid_schema(strict=reading.strict)


def moment(place: Place, reading: Reading) -> core_schema.CoreSchema:
    """A date-time, in UTC unless it has an offset, and converted to UTC unless it keeps that (`x-keeps-offset`).

    The real server first tries pydantic's parser (which also accepts dates and Unix times), then pendulum's (ISO weeks,
    days of the year …), and reports pendulum's errors. With `x-plain` it only uses pydantic's.
    """
    converted = with_offset if place.value.get("x-keeps-offset") else in_utc
    if reading is Reading.STRICT:
        return core_schema.no_info_after_validator_function(
            converted, spelled(RFC_3339_PATTERN, core_schema.datetime_schema())
        )
    if reading is Reading.STORED:
        return core_schema.no_info_after_validator_function(converted, core_schema.datetime_schema(strict=True))
    if place.value.get("x-plain"):
        return core_schema.no_info_after_validator_function(converted, core_schema.datetime_schema())

    def read(value: Any, handler: Callable[[Any], datetime]) -> datetime:
        try:
            return converted(handler(value))
        except ValueError:
            return converted(read_by_pendulum(value))

    return core_schema.no_info_wrap_validator_function(read, core_schema.datetime_schema())


def spelled(pattern: str, then: core_schema.CoreSchema) -> core_schema.CoreSchema:
    return core_schema.chain_schema([core_schema.str_schema(strict=True, pattern=pattern), then])


def read_by_pendulum(value: Any) -> datetime:
    import pendulum  # noqa: PLC0415 - slow to import and rarely needed

    try:
        parsed = pendulum.parse(value, strict=True)
    except ValueError:
        raise
    except Exception:  # noqa: BLE001 - pendulum can raise anything for a value that is not a text
        raise PydanticCustomError("value_error", "value is not a valid datetime") from None
    if not isinstance(parsed, datetime):
        raise ValueError(f"value is not a valid datetime it is a {type(parsed)}")  # noqa: TRY004 - the server's message
    return datetime.fromisoformat(parsed.isoformat())  # a plain one: pendulum's subtract differently


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
        read = core_schema.no_info_before_validator_function(filling(place.value["x-former"]), read)
    if "x-needs" in place.value:
        return core_schema.no_info_before_validator_function(having_any(place.value["x-needs"]), read)
    return read


def object_only(value: Any) -> Any:
    """Refuse values that are not objects with pydantic's message for models instead of that for dictionaries."""
    if not isinstance(value, dict):
        raise PydanticKnownError("model_attributes_type")
    return value


def with_default(core: core_schema.CoreSchema, default: Any) -> core_schema.CoreSchema:
    """A schema with a default value, which is copied for each value if it is mutable."""
    if isinstance(default, (list, dict)) and from_json(encoded := to_json(default)) == default:
        return core_schema.with_default_schema(core, default_factory=partial(from_json, encoded))  # faster than a copy
    return core_schema.with_default_schema(core, default=default)


def filling(former: Mapping[str, str]) -> Callable[[Any], Any]:
    """Sets fields that are not set from those with their former names."""

    def filled(value: Any) -> Any:
        # In place, as the real server does it: an error shows the body with these fields.
        if isinstance(value, dict):
            value |= {
                name: value[old] for name, old in former.items() if not value.get(name) and value.get(old, 0) != 0
            }
        return value

    return filled


def having_any(rule: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A check of a body before any other: it has one of some fields, neither empty nor false."""
    names, message = rule["any"], rule["message"]

    def check(body: Any) -> Any:
        if isinstance(body, dict) and not any(body.get(name) for name in names):
            raise ValueError(message)
        return body

    return check


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


def labelled(rules: Mapping[str, Mapping[str, str]], value: dict[str, Any]) -> dict[str, Any]:
    """Refuse an object in which one of some names is missing or empty."""
    for name, messages in rules.items():
        if name not in value:
            raise ValueError(messages["missing"])
        if not value[name]:
            raise ValueError(messages["empty"])
    return value


def declared(rule: Mapping[str, str], value: dict[str, Any]) -> dict[str, Any]:
    """Refuse an object whose placeholders are not all declared; an empty one has none."""
    uses, declares = value.get(rule["uses"]), value.get(rule["declares"])
    if not value:
        return value
    if not (uses and declares and isinstance(uses, dict) and isinstance(declares, dict)):
        raise ValueError(rule["incomplete"])
    properties = declares.get("properties")
    names = properties if isinstance(properties, dict) else ()  # what else it can be has no names
    undeclared = {*PLACEHOLDER.findall(to_json(list(uses.values())).decode())} - {*names}
    if undeclared:
        raise ValueError(rule["undeclared"].format(names=" ,".join(sorted(undeclared))))
    return value


def errors_of(error: ValidationError, *prefix: str) -> list[dict[str, Any]]:
    """The errors as the real server reports them, with `prefix` before their locations."""
    return [
        {**entry, "loc": [*prefix, *entry["loc"]], **context_of(entry)} for entry in error.errors(include_url=False)
    ]


def context_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    # An exception has no JSON; the real server writes it as an empty object.
    context = entry.get("ctx")
    if context is None:
        return {}
    return {"ctx": {key: {} if isinstance(value, Exception) else value for key, value in context.items()}}
