"""Bodies with one invalid part, or with a value at a bound, for every place of a schema."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from understudy.contract.contract import Place

STRANGER = "understudy_unknown"
FORMATS = {  # other ways to write an id, and a time
    "uuid": ["6e90c1a2d4b54d8e9c0f3a7b5d2e1f40", "{6E90C1A2-D4B5-4D8E-9C0F-3A7B5D2E1F40}"],
    "date-time": ["2026-01-31", "1769817600", "2026-01-31 00:00:00+01"],
}
QUOTES = 2  # bytes of the quotes around a text in JSON
Way = tuple[str | int, ...]  # names of fields, and the places of items


@dataclass(frozen=True)
class InvalidBody:
    """A body, and the path to its invalid part."""

    way: Way
    body: Any

    @property
    def subject(self) -> str:
        """The path, for reports."""
        return readable(self.way)


def readable(way: Way) -> str:
    return ".".join(map(str, way))


def invalid_bodies(schema: Place, sound: dict[str, Any]) -> Iterator[InvalidBody]:
    """Bodies that are `sound` except in one place; a body that is a list has one invalid item."""
    if "items" in schema.value:
        for each in invalid_bodies(schema["items"], sound):
            yield InvalidBody((0, *each.way), [each.body])
    if schema.value.get("additionalProperties") is False:
        yield InvalidBody((STRANGER,), {**sound, STRANGER: 1})
    for name, part in schema.entries("properties"):
        for way, value in values_within(part, (name,), coercible_values):
            yield InvalidBody(way, {**sound, name: value})


def bodies_at_bounds(schema: Place) -> Iterator[tuple[Way, Any]]:
    """Bodies with one value that is just within a bound, each after the path to it."""
    yield from values_within(schema, (), bounds)


def bodies_beyond_bounds(schema: Place) -> Iterator[tuple[Way, Any]]:
    """Bodies with one number that is just beyond a bound, each after the path to it."""
    yield from values_within(schema, (), lambda place: limits(place, "minimum", "maximum", 1))


def values_within(place: Place, way: Way, values: Callable[[Place], Sequence[Any]]) -> Iterator[tuple[Way, Any]]:
    """Some values for each part of a schema, after the path to it."""
    yield from ((way, value) for value in values(place))
    if "items" in place.value:
        for deeper, value in values_within(place["items"], (*way, 0), values):
            yield deeper, [value]
    for name, part in place.entries("properties"):
        for deeper, value in values_within(part, (*way, name), values):
            yield deeper, {name: value}


def bounds(place: Place) -> Sequence[Any]:
    """The smallest and the largest value of a schema."""
    texts = [] if "pattern" in place.value else lengths(place, 0)
    return [*limits(place, "minimum", "maximum", 0), *texts, *sizes(place, 0), *limited(place, 0)]


def limits(place: Place, lower: str, upper: str, beyond: int) -> list[Any]:
    """The two bounds of a schema that it has, or values that exceed them by a number."""
    return [place.value[name] + sign * beyond for name, sign in ((lower, -1), (upper, 1)) if name in place.value]


def lengths(place: Place, beyond: int) -> list[str]:
    """Texts of the minimum and the maximum length, or shorter and longer by a number."""
    return ["x" * length for length in limits(place, "minLength", "maxLength", beyond)]


def sizes(place: Place, beyond: int) -> list[str]:
    """A text with the maximum number of JSON bytes, if there is one, or longer by a number."""
    limit = place.value.get("x-json-bytes")
    return [] if limit is None else ["x" * (limit["maximum"] - QUOTES + beyond)]


def limited(place: Place, beyond: int) -> list[Any]:
    """A value of the length that has its own error message, if there is one, or longer by a number."""
    limit = place.value.get("x-limit")
    return [] if limit is None else [sized(place, limit["maximum"] + beyond)]


def sized(place: Place, length: int) -> Any:
    """A text, list or object of a length."""
    match place.value["type"]:
        case "array":
            return [sized(place["items"], len(needed_labels(place["items"])))] * length
        case "object":
            others = (f"label-{number}" for number in range(length))
            return dict.fromkeys(islice(chain(needed_labels(place), others), length), "x")
    return "x" * length


def needed_labels(place: Place) -> Sequence[str]:
    return list(place.value.get("x-labels", ()))


def coercible_values(place: Place) -> Sequence[Any]:
    """Values that a schema does not allow, though lenient servers may convert them."""
    if too_large := sizes(place, 1):
        return too_large
    values = [*coercible_values_of_kind(place), *limited(place, 1)]
    return [*values, None] if values and not place.value.get("nullable") else values


def coercible_values_of_kind(place: Place) -> Sequence[Any]:
    schema = place.value
    match schema.get("type"):
        case "object":
            return [5, "text", *([{STRANGER: 1}] if schema.get("additionalProperties") is False else [])]
        case "array":
            return ["text", {}]
        case "integer":
            return [*limits(place, "minimum", "maximum", 1), "many", 1.5, [], "5", 2.0, True]
        case "number":
            return [*limits(place, "minimum", "maximum", 1), "many", [], "2.5", True]
        case "boolean":
            return ["perhaps", 7, [], "true", 1, 0.0, "No"]
        case "string":
            return [5, True, [], *texts(place)]
    return []


def texts(place: Place) -> Sequence[str]:
    schema = place.value
    if schema.get("format") in FORMATS:
        return ["no/such & thing", *FORMATS[schema["format"]]]
    is_limited = "enum" in schema or "pattern" in schema
    return ["no/such & thing"] if is_limited else lengths(place, 1)
