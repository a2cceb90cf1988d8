"""A mutant for each field that a body can set and each way in which a server may mistreat its value."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from tests.mutants.behaviours import sends
from tests.mutants.generated.allowed_values import AllowedValues
from tests.mutants.generated.vocabulary import mutant, operation_of
from tests.mutants.mutant import Mutant
from tests.mutants.paths import GONE, at, of
from understudy.contract.contract import Place
from understudy.verify.requests.endpoint import Endpoint, examples_of, schema_of
from understudy.verify.requests.endpoint_map import EndpointMap

EXACT, HUGE = 2**53, 2**1000  # integers beyond which floats lack some, and may lack all
IGNORED = "Accepted and ignored"
LENGTHS = (255, 1000)

Change = Callable[[Any], Any]


def mutants(endpoint_map: EndpointMap) -> Iterator[Mutant]:
    writes = [*endpoint_map.creates.values(), *(lookup.endpoint for lookup in endpoint_map.updates.values())]
    for endpoint in writes:
        for name, part in schema_of(endpoint).entries("properties"):
            for kind, says, change in () if is_ignored(part) else visible_changes(endpoint, name, part):
                label = f"{endpoint.label}:{name}:{kind}"
                behaviour = sends(operation_of(endpoint), at(name, change))
                yield mutant(label, f"{endpoint.label}: {says} in `{name}`.", behaviour)


def is_ignored(part: Place) -> bool:
    """Whether the contract says that a field has no effect."""
    return str(part.value.get("description", "")).startswith(IGNORED)


def visible_changes(endpoint: Endpoint, name: str, part: Place) -> Iterator[tuple[str, str, Change]]:
    """A field that is ignored, and the changes of its values that alter at least one which the contract allows."""
    examples = [example[name] for example in examples_of(endpoint) if name in example]
    allowed = AllowedValues(part, examples)
    yield "dropped", "a value is ignored", lambda _: GONE
    yield from ((kind, says, change) for kind, says, change in changes(part) if allowed.show(change))


def changes(place: Place) -> Iterator[tuple[str, str, Change]]:
    kind = place.value.get("type")
    if is_text(place):
        yield from texts(lambda change: of(str, change))
    if kind == "array" and is_text(place["items"]):
        yield "once", "a value that is there twice is stored once", of(list, without_repeats)
        yield "sorted", "values are sorted", of(list, lambda values: sorted(values, key=str))
        yield "stripped-items", "outer spaces are dropped", of(list, lambda values: deep(values, of(str, str.strip)))
        yield "few", "values after the tenth are dropped", of(list, lambda values: values[:10])
    if kind == "object":
        yield from texts(lambda change: of(dict, lambda value: deep(value, of(str, change))))
        yield "names", "names are in lower case", of(dict, lower_names)
        yield "numbers", "numbers are texts", of(dict, lambda value: deep(value, as_text))
    if kind is None:
        yield from texts(lambda change: of(str, change))
        yield "parsed", "a text that is JSON is stored as its value", of(str, parsed)
        yield "rounded", "integers beyond 2^53 are rounded", lambda value: deep(value, rounded)
        yield "whole", "floats that are whole are integers within it", lambda value: deep(value, whole)
        yield "flat", "lists within lists are one list", lambda value: deep(value, flat)
        yield "no-nulls", "nulls within are dropped", of(dict, without_nulls)
        yield "dumped", "a list is stored as its JSON", of(list, json.dumps)


def texts(applied: Callable[[Change], Change]) -> Iterator[tuple[str, str, Change]]:
    yield "lower", "upper case is lost", applied(str.lower)
    yield "stripped", "outer spaces are dropped", applied(str.strip)
    yield "composed", "Unicode is composed", applied(lambda text: unicodedata.normalize("NFC", text))
    yield "decomposed", "Unicode is decomposed", applied(lambda text: unicodedata.normalize("NFD", text))
    yield "bytes", "texts end after 1,000 bytes", applied(first_bytes)
    yield "latin", "what is beyond 16 bits is replaced", applied(lambda text: re.sub(r"[^\0-\uffff]", "?", text))
    yield "newlines", "line ends are spaces", applied(lambda text: text.replace("\n", " "))
    yield "empty", "an empty text is a space", applied(lambda text: text or " ")
    for length in LENGTHS:
        yield f"cut-{length}", f"texts end after {length} characters", applied(itemgetter(slice(length)))


def is_text(place: Place) -> bool:
    return bool(place.value.get("type") == "string") and place.value.keys().isdisjoint(("enum", "format"))


def without_repeats(values: list[Any]) -> list[Any]:
    return [value for number, value in enumerate(values) if value not in values[:number]]


def deep(value: Any, change: Change) -> Any:
    if isinstance(value, dict):
        return {name: deep(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return change([deep(part, change) for part in value])
    return change(value)


def lower_names(value: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): part for name, part in value.items()}


def without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if part is not None}


def as_text(value: Any) -> Any:
    return str(value) if type(value) in (int, float) else value


def first_bytes(text: str) -> str:
    return text.encode(errors="replace")[:1000].decode(errors="ignore")


def parsed(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, list | dict) else text


def rounded(value: Any) -> Any:
    return int(float(value)) if type(value) is int and EXACT < abs(value) < HUGE else value


def whole(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


def flat(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [item for part in value for item in (part if isinstance(part, list) else [part])]
