"""Values that a client can set, and reads as it has sent them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from understudy.contract.contract import Place
from understudy.verify.requests.endpoint import Endpoint, schema_of

LONG_TEXT = ' é\r\ne\u0301 漢字\t😀 "\\" A' * 60 + " "
LONGEST_TEXT = "understudy-verify " * 4000  # more than 65,535 bytes, which some databases cut a text at
ODD_NAME = f" é e\u0301 A+B;c=d?e#f 漢😀 {'long ' * 220}"  # in a path, too
EMPTY: dict[str, Any] = {"none": None, "text": "", "list": [], "object": {}, "zero": 0, "false": False}
WHOLE = {
    **EMPTY,
    "whole": 1.0,
    "beyond": 2**53 + 1,
    "deep": [[1.5, 1, True, None, ""], [], {}],
    "inner": EMPTY,
    "json": '[{"a": 1}]',
    "number": "01.50",
    "time": "2026-03-29T03:30:00.500+02:00",
    "id": "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
    "A b.c": "\r\n ",
    "text 😀": LONG_TEXT,
}
# What may refuse a value or change it.
LIMITING = ("x-write-only", "x-refined-by", "x-template", "x-after", "x-truncate", "anyOf")


def plain_fields(endpoint: Endpoint) -> dict[str, Place]:
    """The fields of a body that a client can set to any value of their type, and that are stored unchanged."""
    return {name: part for name, part in schema_of(endpoint).entries("properties") if is_plain(part)}


def is_plain(part: Place) -> bool:
    schema = part.value
    # A handler can check an object of any fields, for its size, but knows no field of it that it could change.
    is_open = schema.get("type") == "object" and "properties" not in schema
    if any(name in schema for name in LIMITING if not (is_open and name == "x-after")):
        return False
    match schema.get("type"):
        case "string":
            return "format" not in schema
        case "array":
            return (part["items"].value.get("type") == "string" and is_plain(part["items"])) or is_record(part["items"])
        case "object":
            others = schema.get("additionalProperties", {})
            return is_open and not any(name in others for name in LIMITING if others is not True)
    return True


def is_record(part: Place) -> bool:
    """Whether a value is an object whose fields are all plain."""
    names = [place for _, place in part.entries("properties")] if "properties" in part.value else []
    return bool(names) and not any(name in part.value for name in LIMITING) and all(map(is_plain, names))


def plain_items(part: Place, mark: str) -> list[Any]:
    """A list of many texts, one of them twice and in no order, or of objects."""
    items = part["items"]
    if not is_record(items):
        return [mark, "b", "a", mark, "É 😀", " outer spaces ", *map(str, range(9, -1, -1))]
    return [{name: plain_value(place, mark) for name, place in items.entries("properties")}]


def name_for(part: Place, mark: str) -> str:
    """A text that can be in a path, with characters that servers often handle wrongly if its patterns allow them."""
    text, also = f"{mark}{ODD_NAME}", part.value.get("x-also-pattern", {}).get("pattern", "")
    return text if all(re.search(pattern, text) for pattern in (part.value.get("pattern", ""), also)) else mark


VALUES: Mapping[str | None, Callable[[Place, str, Any], Any]] = {
    "string": lambda part, mark, _: name_for(part, mark) if "pattern" in part.value else f"{mark}{LONG_TEXT}",
    "array": lambda part, mark, _: plain_items(part, mark),
    "object": lambda _part, mark, _: {mark: mark, **WHOLE},
    "boolean": lambda part, _mark, now: not (part.value.get("default", False) if now is None else now),
    "integer": lambda part, _mark, now: (now or part.value.get("minimum", 0)) + 3,
    "number": lambda part, _mark, now: (now or part.value.get("minimum", 0)) + 0.5,
    None: lambda _part, mark, _: {"marked": mark, **WHOLE},
}
"""Functions that return another value, by type. They take the schema, a text that no row has, and the present value."""


# Keywords of schemas that an empty value does not match, or is not stored by.
CLOSED = {"pattern", "enum", "minItems", "minLength", "x-null-replaced", "x-empty-replaced"}
EDGES: Mapping[str | None, tuple[Any, ...]] = {
    "string": ("", LONGEST_TEXT),
    "array": ([],),
    "object": ({},),
    "boolean": (True, False),
    "integer": (0,),
    "number": (0.0,),
    None: ("", 0, False, LONGEST_TEXT),
}
"""Values by type that servers often take for no value, or cut."""


def edge_values(part: Place) -> tuple[Any, ...]:
    """The values of a schema that servers often take for no value, or cut."""
    schema = part.value
    if not CLOSED.isdisjoint(schema) or schema.get("minimum", 0) > 0:
        return ()
    return EDGES[schema.get("type")]


def plain_value(part: Place, mark: str, now: Any = None) -> Any:
    """A value for a schema, different from the present one."""
    words = [word for word in part.value.get("enum", ()) if word not in (None, now)]
    return words[-1] if words else VALUES[part.value.get("type")](part, mark, now)
