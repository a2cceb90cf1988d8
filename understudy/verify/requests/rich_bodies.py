"""Bodies with values that servers often store wrongly: long texts, characters of all kinds, and objects of any form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from understudy.contract.contract import Place
from understudy.verify.requests.plain_values import LONG_TEXT, WHOLE, name_for, plain_items
from understudy.verify.requests.random_bodies import is_untyped

DEPTH = 6  # how many objects in each other are changed
NAME = 900  # characters of the name of an object within a body
ITEMS = 2  # how many objects of a list are changed
NAMED = ("x-names", "format", "enum")  # keywords of schemas of which most texts are refused, or name other rows
MARK = "{mark}"
TEXT = f"{MARK}{LONG_TEXT}"
ANY: tuple[Any, ...] = ({"marked": MARK, **WHOLE}, TEXT, '[{"a": 1}]', [[1.5, 2.0, None], [], "b", "a", "b"])
SIMPLE: Mapping[str | None, Any] = {"integer": 1, "number": 1.5, "boolean": True, "object": {}, "array": []}

Way = tuple[str | int, ...]
"""The names and indexes that lead to a value of a body."""

Change = tuple[Way, Any]


def changes(place: Place, value: Any, way: Way = ()) -> Iterator[Change]:
    """The places of a body where its schema allows any text, object or list, each with rich values.

    Args:
        place: the schema.
        value: the present value; None without one.
        way: where the value is.
    """
    schema = place.value
    if len(way) > DEPTH or not schema.keys().isdisjoint(NAMED) or depends_on_response(value):
        return
    for part in alternatives(place):
        yield from changes(part, value, way)
    match schema.get("type"):
        case "string":
            yield from texts_for(place, value, way)
        case "array":
            yield from changes_of_list(place, value or [], way)
        case "object" if value is None and way and "required" in schema:
            yield way, rich_object(place)
        case "object":
            yield from changes_of_object(place, value if isinstance(value, dict) else {}, way)
        case _ if is_untyped(place):
            yield from changes_of_any(value, way)
            yield from ((way, rich) for rich in ANY)


def alternatives(place: Place) -> list[Place]:
    """The schemas of which a value matches one."""
    return [*place.each("anyOf"), *place.each("oneOf")]


def texts_for(place: Place, value: Any, way: Way) -> Iterator[Change]:
    if "pattern" in place.value:
        yield way, name_for(place, MARK)
        return
    # The name of a part is often put into other texts, such as the names of events, which have limits.
    yield way, TEXT[:NAME] if way[-1] == "name" and len(way) > 1 else TEXT
    if value is None:
        yield way, ""


def changes_of_list(place: Place, value: Sequence[Any], way: Way) -> Iterator[Change]:
    items = place["items"]
    if items.value.get("type") == "string" and items.value.keys().isdisjoint((*NAMED, "pattern")):
        yield way, [*value, *plain_items(place, MARK), TEXT]
    elif not value and is_object(items):
        yield way, [rich_object(items)]
    for index, item in enumerate(value[:ITEMS]):
        yield from changes(items, item, (*way, index))


def is_object(place: Place) -> bool:
    return bool(first_of(place).value.get("type") == "object")


def first_of(place: Place) -> Place:
    """The first of the schemas of which a value matches one."""
    return next(iter(alternatives(place)), place)


def rich_object(place: Place) -> Any:
    """An object with the fewest fields that its schema requires, and with rich values."""
    place = first_of(place)
    required = place.value.get("required", ())
    least = {name: simple(part) for name, part in place.entries("properties") if name in required}
    return changed(least, changes(place, least))


def simple(place: Place) -> Any:
    """A simple value of a schema."""
    return place.value["enum"][0] if "enum" in place.value else SIMPLE.get(place.value.get("type"), MARK)


def changes_of_object(place: Place, value: Mapping[str, Any], way: Way) -> Iterator[Change]:
    parts = dict(place.entries("properties"))
    for name, part in parts.items():
        # Within an object, a value of any type may be one that only some handlers accept.
        if not (way and is_untyped(part)):
            yield from changes(part, value.get(name), (*way, name))
    others = place.value.get("additionalProperties", not parts)
    if others in (True, {}):
        yield way, {**value, "marked": MARK, **WHOLE}
        yield from changes_of_any(value, way)
    elif others:
        for name in (f"{MARK} A b.c", "text 😀"):
            yield from changes(place["additionalProperties"], None, (*way, name))


def changes_of_any(value: Any, way: Way) -> Iterator[Change]:
    """Changes of the texts, lists and objects within a value whose schema only a handler knows."""
    if len(way) > DEPTH or depends_on_response(value):
        return
    if isinstance(value, dict):
        yield (*way, f"{MARK} A b.c"), TEXT
        for name, part in value.items():
            yield from changes_of_any(part, (*way, name))
    elif isinstance(value, list):
        yield way, [*value, MARK, MARK, TEXT]
        for index, item in enumerate(value[:ITEMS]):
            yield from changes_of_any(item, (*way, index))
    elif isinstance(value, str):
        yield way, TEXT


def depends_on_response(value: Any) -> bool:
    """Whether a text of a scenario has a part of an earlier response."""
    return isinstance(value, str) and "{" in value.replace(MARK, "")


def changed(value: Any, some: Iterable[Change]) -> Any:
    """A body with the values of some changes."""
    for way, new in some:
        value = with_value(value, way, new)
    return value


def with_value(value: Any, way: Way, new: Any) -> Any:
    if not way:
        return new
    first, rest = way[0], way[1:]
    if isinstance(first, int):
        return [with_value(item, rest, new) if index == first else item for index, item in enumerate(value)]
    known = value if isinstance(value, dict) else {}
    return {**known, first: with_value(known.get(first), rest, new)}
