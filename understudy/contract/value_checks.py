"""Checks of annotations that go beyond JSON Schema, mostly with error messages of their own."""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema, to_json

from understudy.contract.contract import Place
from understudy.contract.reading import Reading
from understudy.contract.validation_errors import DETAIL
from understudy.values import as_stored

INTEGERS = range(-(2**63), 2**64)
MOST_LEVELS = 254  # of nested lists and objects
PLACEHOLDER = re.compile(r"{{\s*([\w\.\-\[\]$]+)\s*}}")


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
    """Whether a real server can serialize a value as JSON: its library, orjson, has limits."""
    match value:
        case dict() | list():
            parts = value.values() if isinstance(value, dict) else value
            return depth < MOST_LEVELS and all(is_serializable(part, depth + 1) for part in parts)
        case int():
            return value in INTEGERS
    return True


def explained_bounds(place: Place, reading: Reading) -> core_schema.CoreSchema:
    """Bounds with error messages of their own, which are then the whole response."""
    minimum, maximum, details = (place.value[key] for key in ("minimum", "maximum", "x-detail"))
    too_small, too_large = (PydanticCustomError(DETAIL, details[key]) for key in ("minimum", "maximum"))

    def within(value: int) -> int:
        if value < minimum:
            raise too_small
        if value > maximum:
            raise too_large
        return value

    return core_schema.no_info_after_validator_function(within, core_schema.int_schema(strict=reading.strict))


def limited(place: Place, core: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """A schema with a maximum length of its values, with an error message of its own if the contract has one."""
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


def not_blank(message: str, value: Any) -> Any:
    if isinstance(value, str) and not value.strip("' \""):
        raise ValueError(message)
    return value


def explained_pattern(place: Place, reading: Reading) -> core_schema.CoreSchema:
    """A pattern with an error message of its own.

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
    """A check of a second pattern, with an error message of its own."""
    pattern, message = re.compile(rule["pattern"]), rule["message"]

    def matching(value: str) -> str:
        if pattern.match(value) is None:
            raise ValueError(message)
        return value

    return matching


def object_only(value: Any) -> Any:
    """Refuse values that are not objects with pydantic's message for models instead of that for dictionaries."""
    if not isinstance(value, dict):
        raise PydanticKnownError("model_attributes_type")
    return value


def filling(former: Mapping[str, str], whole: Container[str]) -> Callable[[Any], Any]:
    """Sets fields that are missing to the values of their former names, as integers where possible if in `whole`."""

    def filled(value: Any) -> Any:
        # In place, as the real server does it: an error shows the body with these fields.
        if isinstance(value, dict):
            value |= {
                name: as_stored(value[old]) if name in whole else value[old]
                for name, old in former.items()
                if not value.get(name) and value.get(old, 0) != 0
            }
        return value

    return filled


def having_any(rule: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A check before all others: the body has one of some fields, neither empty nor false."""
    names, message = rule["any"], rule["message"]

    def check(body: Any) -> Any:
        if isinstance(body, dict) and not any(body.get(name) for name in names):
            raise ValueError(message)
        return body

    return check


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
