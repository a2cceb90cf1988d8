"""Values that a schema allows, among them those that servers often mistreat."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, to_json

from tests.mutants.exchange import is_same
from tests.mutants.known.vocabulary import ID as ANY_ID
from understudy.contract.contract import Place
from understudy.contract.reading import Reading
from understudy.contract.validation import validator

LONG = (200, 250, 300, 1200)  # characters
MOST = 255  # characters, as many as some names may have
BEYOND = 2**53 + 1  # an integer that floats lack
MANY = 11  # items
TEXTS = (
    "a",
    "",
    " ",
    "A",
    " a ",
    "e\u0301",
    "é",
    "😀",
    "a\nb",
    *(each * size for each in "aA漢" for size in LONG),
    "😀" * MOST,
)
NEW = ANY_ID.encode()
TIME, ID = "2026-01-01T00:00:00Z", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
FORMATS = {"uuid": ID, "date-time": TIME}
OTHERS: tuple[Any, ...] = (1, 1.0, BEYOND, True, [], ["a"], [["a"]], {}, {"a": None}, {"A": " A "}, "[1]")


class AllowedValues:
    """Sample values of a schema, as they are understood: with other types where a server converts them.

    Args:
        examples: values of the schema, which are varied where functions of the handlers decide what is allowed.
    """

    def __init__(self, place: Place, examples: Sequence[Any] = ()) -> None:
        self._place = place
        self._examples = examples

    def show(self, change: Callable[[Any], Any]) -> bool:
        """Whether a change of values alters at least one of them."""
        altered = ((change(value), value, understood) for value, understood in self._all)
        return any(
            not is_same(new, value) and self._understood(new) != understood for new, value, understood in altered
        )

    def confuse(self, same: Callable[[str], str]) -> bool:
        """Whether two different texts among them become the same."""
        texts = {value for value, _ in self._all}
        return len({same(text) for text in texts}) < len(texts)

    @cached_property
    def _all(self) -> list[tuple[Any, bytes]]:
        """The values, as they are sent and as they are understood."""
        values = [*samples(self._place), *(value for each in self._examples for value in variations(each))]
        pairs = ((value, self._understood(value)) for value in values)
        return [(value, understood) for value, understood in pairs if understood is not None]

    @cached_property
    def _validator(self) -> SchemaValidator:
        return validator(self._place, Reading.COERCED)

    def _understood(self, value: Any) -> bytes | None:
        """A value after its validation, without ids, which may be new; None if it is refused."""
        try:
            return re.sub(NEW, b"", to_json(self._validator.validate_python(value)))
        except ValidationError:
            return None


def samples(place: Place) -> Iterator[Any]:
    """Sample values, of which a pattern or a bound may refuse some."""
    schema = place.value
    if "anyOf" in schema:
        for member in place.each("anyOf"):
            yield from samples(member)
    elif "enum" in schema:
        yield from (word for word in schema["enum"] if word is not None)
    else:
        yield from KINDS[schema.get("type")](place)


def texts(place: Place) -> Iterator[str]:
    yield from (FORMATS[place.value["format"]],) if place.value.get("format") in FORMATS else TEXTS


def numbers(place: Place) -> Iterator[int]:
    yield place.value.get("minimum", 0) + 1


def lists(place: Place) -> Iterator[list[Any]]:
    items = list(samples(place["items"]))
    yield from ([item] for item in items)
    yield from ([item, items[0], items[0]] for item in items)
    yield [str(number) for number in range(MANY)]


def objects(place: Place) -> Iterator[dict[str, Any]]:
    if "properties" in place.value:
        yield from records(place)
        return
    others = place.value.get("additionalProperties", True)
    values = list(anything(place) if others in (True, {}) else samples(place["additionalProperties"]))
    # An object whose texts are templates has the names that they use.
    whole = [place.value["x-template"][key] for key in ("uses", "declares")] if "x-template" in place.value else []
    named = [{name: value} for value in values for name in ("a", "A")]
    yield from (dict.fromkeys(whole, each) for each in named) if whole else named


def records(place: Place) -> Iterator[dict[str, Any]]:
    """An object with a value of one property each, and what it needs."""
    parts = dict(place.entries("properties"))
    needed = {name: next(samples(parts[name])) for name in place.value.get("required", ())}
    yield from ({**needed, name: value} for name, part in parts.items() for value in samples(part))


def anything(_: Place) -> Iterator[Any]:
    yield from (*TEXTS, *OTHERS)


KINDS: dict[str | None, Callable[[Place], Iterator[Any]]] = {
    "string": texts,
    "integer": numbers,
    "number": numbers,
    "boolean": lambda _: iter((True, False)),
    "array": lists,
    "object": objects,
    None: anything,
}


def variations(value: Any) -> Iterator[Any]:
    """A value with one text or number replaced."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            for other in variations(part):
                copy = value.copy()
                copy[key] = other
                yield copy
    elif isinstance(value, str):
        yield from TEXTS
    elif type(value) is int:
        yield from (value, BEYOND)
