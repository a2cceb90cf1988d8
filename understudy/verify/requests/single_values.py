"""Bodies with a single value: a small number, or a property of an object; and with two properties of an object."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta, timezone
from itertools import combinations
from typing import Any

from understudy.contract.contract import Place
from understudy.sampling.counterparts import is_time
from understudy.sampling.random_requests import RequestGenerator
from understudy.values import moment
from understudy.verify.requests.endpoint import LIMIT, OFFSET, PAGE, Endpoint, example_of, required_by_example

VALUES = 2  # values for each property of an object
STEPS = (0, 1, 2)  # differences from the minimum of a number
SMALL_PAGES = ((1, 1), (2, 1), (1, 3))  # limits and offsets
OFFSETS = (timedelta(hours=14), timedelta(hours=-12))  # the largest and the smallest of any time zone
FAR = 2**31  # an offset beyond the end of any list


def with_numbers(endpoint: Endpoint, schema: Place) -> list[dict[str, Any]]:
    """Bodies with one small number each, bodies for pages of one or two rows after the first page, and for one beyond
    the last page.
    """
    numbers = {name: part.value for name, part in schema.entries("properties") if is_integer(part)}
    lowest = {name: each.get("minimum", each.get("default")) for name, each in numbers.items()}
    single = [{name: low + step} for name, low in lowest.items() if low is not None for step in STEPS]
    places = [name for name in (OFFSET, PAGE) if {name, LIMIT} <= lowest.keys()]
    pages = [{LIMIT: size, name: lowest[name] + skipped} for name in places for size, skipped in SMALL_PAGES]
    pages += [{OFFSET: FAR} for name in places if name == OFFSET]
    needed = required_by_example(endpoint)
    return [{**needed, **each} for each in (*single, *pages)]


def with_objects(endpoint: Endpoint, schema: Place, generator: RequestGenerator) -> Iterator[dict[str, Any]]:
    """Bodies with one value of an object each, except filters; they otherwise select as many rows as possible."""
    yield from wide_bodies(endpoint, schema, lambda part: single_values(generator, part))


def with_pairs(endpoint: Endpoint, schema: Place, generator: RequestGenerator) -> Iterator[dict[str, Any]]:
    """Such bodies with two properties of an object each, or of an object in it."""
    yield from wide_bodies(endpoint, schema, lambda part: pairs(generator, part))


def wide_bodies(
    endpoint: Endpoint, schema: Place, values_of: Callable[[Place], Iterator[Any]]
) -> Iterator[dict[str, Any]]:
    """Bodies with some values of each object, except filters; they otherwise select as many rows as possible."""
    wide = {**required_by_example(endpoint), **widest(endpoint)}
    for name, part in schema.entries("properties"):
        values = () if "x-filters" in part.value else values_of(part)
        yield from (merged(wide, {name: value}) for value in values if isinstance(value, dict) and value)


def single_values(generator: RequestGenerator, schema: Place) -> Iterator[Any]:
    """Some values of a schema: objects with one property each, and in lists one such object."""
    parts = list(schema.entries("properties"))
    if "anyOf" in schema.value:
        for each in schema.each("anyOf"):
            yield from single_values(generator, each)
    elif schema.value.get("type") == "array" and "properties" in schema["items"].value:
        yield from ([value] for value in single_values(generator, schema["items"]))
    elif parts:
        yield from ({name: value} for name, part in parts for value in single_values(generator, part))
    else:
        drawn = [generator.plain(schema) for _ in range(VALUES)]
        yield from drawn
        if schema.value.get("format") == "date-time":
            yield from in_zones(drawn[0])


def in_zones(time: Any) -> Iterator[str]:
    """The same time with other offsets, so that a server which ignores them takes a later or an earlier time. Offsets
    that lead out of the calendar are left out, and so is a value that is not a time.
    """
    for offset in OFFSETS if isinstance(time, str) and is_time(time) else ():
        with suppress(OverflowError):
            yield moment(time).astimezone(timezone(offset)).isoformat()


def pairs(generator: RequestGenerator, schema: Place) -> Iterator[Any]:
    """Objects with two properties each, as far as a schema has several; lists have one item."""
    parts = dict(schema.entries("properties"))
    for each in schema.each("anyOf"):
        yield from pairs(generator, each)
    if len(parts) > 1:
        drawn = ({name: generator.plain(parts[name]) for name in pair} for pair in combinations(parts, 2))
        yield from ({name: first_of(value) for name, value in each.items()} for each in drawn)
    yield from ({name: value} for name, part in parts.items() for value in pairs(generator, part))


def first_of(value: Any) -> Any:
    """A list with only its first item; any other value as it is."""
    return value[:1] if isinstance(value, list) else value


def widest(endpoint: Endpoint) -> Mapping[str, Any]:
    """The body that selects most rows: the one for all rows, or else the first example."""
    return endpoint.lists_all or example_of(endpoint)


def merged(example: Mapping[str, Any], drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an example, overridden by random ones; objects have the properties of both."""
    objects = {name for name, value in drawn.items() if isinstance(value, dict) and isinstance(example.get(name), dict)}
    return {**example, **drawn, **{name: {**example[name], **drawn[name]} for name in objects}}


def is_integer(schema: Place) -> bool:
    return bool(schema.value.get("type") == "integer")
