"""A validator for JSON Schemas from clients, whose steps, time and messages are limited."""

import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import wraps
from typing import Any

import attrs
import regex
from jsonschema import FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator, create
from referencing.jsonschema import EMPTY_REGISTRY

from understudy.errors import Unprocessable

from .hydration import HydrationError

HYDRATION = "_hydration"  # a keyword that is added to every schema
MOST_STEPS = 100_000  # the maximum number of schemas that are applied in one validation, in about two seconds
MOST_SECONDS = 3.0  # the maximum time of one validation, since steps can be long
MOST_TEXT = 20_000_000  # the maximum length of all messages of one validation, which quote values and schemas
PATIENCE = 1.0  # the maximum seconds of one pattern search
KEYWORDS = Draft202012Validator.VALIDATORS
META_SCHEMA = Draft202012Validator.META_SCHEMA
Errors = Iterator[ValidationError]
Schema = Mapping[str, Any]


class Steps(FormatChecker):
    """Counts the steps, seconds and messages of one validation, and checks formats if it is to.

    A validator passes it to the validators of the schema's parts, and passes nothing else.
    """

    def __init__(self, most: float, *, checks_formats: bool) -> None:
        super().__init__(Draft202012Validator.FORMAT_CHECKER.checkers if checks_formats else ())
        self._most, self._left, self._text = most, most, MOST_TEXT
        self._end = time.monotonic() + MOST_SECONDS
        self._identities: dict[int, tuple[Any, set[Hashable]]] = {}

    def take(self) -> None:
        """Count a step.

        Raises:
            Unprocessable: the limit of steps or of time is exceeded.
        """
        self._left -= 1
        if self._left < 0:
            raise too_long(f"it takes more than {self._most:,} steps")
        if time.monotonic() > self._end:
            raise too_long(f"it takes more than {MOST_SECONDS:.0f} s")

    def take_text(self, size: int) -> None:
        """Count the characters of a message.

        Raises:
            Unprocessable: the limit is exceeded.
        """
        self._text -= size
        if self._text < 0:
            raise too_long(f"the errors take more than {MOST_TEXT:,} characters")

    def identities(self, values: list[Any]) -> set[Hashable]:
        """The identities of the values of an enum, cached."""
        if id(values) not in self._identities:
            self._identities[id(values)] = values, set(map(identity, values))
        return self._identities[id(values)][1]


def validator_of(schema: Any, *, checks_formats: bool = True) -> Any:
    """A validator of values by a schema, which fetches no schema from elsewhere.

    It raises `Unprocessable` if a validation takes too long.
    """
    return VALIDATOR(schema, registry=EMPTY_REGISTRY, format_checker=Steps(MOST_STEPS, checks_formats=checks_formats))


def validator_of_schemas() -> Any:
    """A validator of schemas. It raises `Unprocessable` if a validation takes too long."""
    return VALIDATOR(META_SCHEMA, format_checker=Steps(math.inf, checks_formats=True))


def too_long(reason: str) -> Unprocessable:
    return Unprocessable(f"Invalid schema: values cannot be validated by it, since {reason}.")


def evolve(validator: Any, **changes: Any) -> Any:
    """The same validator for a part of the schema, even if the part names another meta-schema by `$schema`."""
    return attrs.evolve(validator, **changes)


def limited(keyword: Callable[..., Any]) -> Callable[..., Errors]:
    """A keyword whose messages are counted, each once: after its own keyword, an error has the name of that keyword."""

    @wraps(keyword)
    def apply(validator: Any, value: Any, instance: Any, schema: Schema) -> Errors:
        for error in keyword(validator, value, instance, schema) or ():
            if not isinstance(error.validator, str):
                validator.format_checker.take_text(len(error.message))
            yield error

    return apply


def step(validator: Any, _keyword: None, instance: Any, _schema: Schema) -> Errors:
    """Count a step, and report a value that could not be determined."""
    validator.format_checker.take()
    if isinstance(instance, HydrationError):
        yield ValidationError(str(instance))


# These keywords have the meaning and the messages of those of jsonschema, whose searches by a pattern and comparisons
# of items can take hours.


def enum(validator: Any, wanted: list[Any], instance: Any, _schema: Schema) -> Errors:
    if identity(instance) not in validator.format_checker.identities(wanted):
        yield ValidationError(f"{instance!r} is not one of {wanted!r}")


def pattern(validator: Any, text: str, instance: Any, _schema: Schema) -> Errors:
    if validator.is_type(instance, "string") and not matches(text, instance):
        yield ValidationError(f"{instance!r} does not match {text!r}")


def pattern_properties(validator: Any, patterns: Schema, instance: Any, _schema: Schema) -> Errors:
    if validator.is_type(instance, "object"):
        for text, part in patterns.items():
            for name in matching(instance, [text]):
                yield from validator.descend(instance[name], part, path=name, schema_path=text)


def additional_properties(validator: Any, part: Any, instance: Any, schema: Schema) -> Errors:
    patterns = schema.get("patternProperties", {})
    # jsonschema joins the patterns, and takes the empty pattern alone for none.
    if not "|".join(patterns) or not validator.is_type(instance, "object"):
        yield from KEYWORDS["additionalProperties"](validator, part, instance, schema)
        return
    known = schema.get("properties", {}).keys() | matching(instance, patterns)
    others = sorted(instance.keys() - known)
    if validator.is_type(part, "object"):
        for name in others:
            yield from validator.descend(instance[name], part, path=name)
    elif not part and others:
        names, texts = (", ".join(map(repr, each)) for each in (others, sorted(patterns)))
        yield ValidationError(f"{names} {'does' if len(others) == 1 else 'do'} not match any of the regexes: {texts}")


def unevaluated_properties(validator: Any, part: Any, instance: Any, schema: Schema) -> Errors:
    if "patternProperties" in schema and validator.is_type(instance, "object"):
        matched = dict.fromkeys(matching(instance, schema["patternProperties"]), True)
        schema = {**schema, "properties": {**schema.get("properties", {}), **matched}, "patternProperties": {}}
    yield from KEYWORDS["unevaluatedProperties"](validator, part, instance, schema)


def unique_items(validator: Any, wanted: Any, instance: Any, _schema: Schema) -> Errors:
    if wanted and validator.is_type(instance, "array") and len(set(map(identity, instance))) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def matching(names: Mapping[str, Any], patterns: Any) -> list[str]:
    """The property names that match one of some patterns."""
    return [name for name in names if any(matches(text, name) for text in patterns)]


def matches(text: str, value: str) -> bool:
    """Whether a pattern matches a part of a text.

    Raises:
        Unprocessable: the search takes too long, or the pattern is not valid.
    """
    try:
        return regex.search(text, value, timeout=PATIENCE) is not None
    except regex.error:
        raise Unprocessable(f"Invalid schema: {text!r} is not a 'regex'") from None
    except TimeoutError:
        raise too_long(f"a search by the pattern {text!r} takes more than {PATIENCE:.0f} s") from None


def identity(value: Any) -> Hashable:
    """A key that is equal for equal JSON values: 1 equals 1.0, and not true."""
    if isinstance(value, dict):
        return frozenset((name, identity(part)) for name, part in value.items())
    if isinstance(value, list):
        return tuple(map(identity, value))
    return (bool, value) if isinstance(value, bool) else value


OWN = {
    HYDRATION: step,
    "enum": enum,
    "pattern": pattern,
    "patternProperties": pattern_properties,
    "additionalProperties": additional_properties,
    "unevaluatedProperties": unevaluated_properties,
    "uniqueItems": unique_items,
}
VALIDATOR: Any = create(
    meta_schema=META_SCHEMA,
    validators={name: limited(keyword) for name, keyword in {**KEYWORDS, **OWN}.items()},
    type_checker=Draft202012Validator.TYPE_CHECKER,
    format_checker=Draft202012Validator.FORMAT_CHECKER,
    id_of=Draft202012Validator.ID_OF,
    applicable_validators=lambda schema: [*schema.items(), (HYDRATION, None)],
)
VALIDATOR.evolve = evolve  # jsonschema's own one would take another class, whose validations do not end
