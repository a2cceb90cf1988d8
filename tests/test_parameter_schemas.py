"""JSON Schemas of parameters: keywords that replace those of jsonschema, and validations that would take too long."""

import time
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator

from handlers.parameters.parameter_schemas import Mismatch, as_meant, check_given, check_schema, errors_of
from handlers.parameters.schema_validator import MOST_SECONDS, MOST_STEPS, MOST_TEXT
from understudy.errors import Unprocessable

PATTERNS = st.sampled_from(["^a", "b$", "[ab]+", "", "^(a|b)*$", "c"])
NAMES = st.text("abc", max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, 0.5]) | NAMES,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(NAMES, parts, max_size=3),
    max_leaves=6,
)
PARTS = st.sampled_from([{}, True, False, {"type": "integer"}, {"type": "string"}])
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "pattern": PATTERNS,
        "patternProperties": st.dictionaries(PATTERNS, PARTS, max_size=2),
        "properties": st.dictionaries(NAMES, PARTS, max_size=2),
        "additionalProperties": PARTS,
        "unevaluatedProperties": PARTS,
        "uniqueItems": st.booleans(),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
    },
)
BACKTRACKING = "^(a|aa)+$"
SLOW = "a" * 60 + "!"


def doubling(levels: int) -> dict[str, Any]:
    """A schema with nested levels, each of which refers twice to the one below."""
    levels_of = {f"{level}": {"allOf": [{"$ref": f"#/$defs/{level - 1}"}] * 2} for level in range(1, levels + 1)}
    return {"$defs": {"0": {}, **levels_of}, "$ref": f"#/$defs/{levels}"}


@given(VALUES, SCHEMAS)
@example({"a": 1}, {"patternProperties": {"^a": {"type": "string"}}})
@example({"a": 1}, {"patternProperties": {"^b": {}}, "additionalProperties": {"type": "string"}})
@example({"": 1}, {"patternProperties": {"": {}}, "additionalProperties": False})
@example({"": 1}, {"patternProperties": {"": {}, "b$": {}}, "additionalProperties": False})
def test_errors_are_those_of_jsonschema(value: Any, schema: dict[str, Any]) -> None:
    def comparable(errors: Iterable[ValidationError]) -> list[tuple[str, ...]]:
        return sorted(
            (error.message, error.json_path, f"{error.validator}", f"{error.schema_path}") for error in errors
        )

    assert comparable(errors_of(value, schema)) == comparable(Draft202012Validator(schema).iter_errors(value))


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (SLOW, {"pattern": BACKTRACKING}),
        ({SLOW: 1}, {"patternProperties": {BACKTRACKING: {}}}),
        ({SLOW: 1}, {"patternProperties": {BACKTRACKING: {}}, "additionalProperties": False}),
        ({SLOW: 1}, {"unevaluatedProperties": False, "patternProperties": {BACKTRACKING: {}}}),
        (SLOW, {"anyOf": [{"pattern": "a"}, {"not": {"pattern": BACKTRACKING}}], "allOf": [{"pattern": BACKTRACKING}]}),
        (SLOW, {"allOf": [{"$schema": "https://json-schema.org/draft/2020-12/schema", "pattern": BACKTRACKING}]}),
    ],
    ids=["pattern", "patternProperties", "additionalProperties", "unevaluatedProperties", "within others", "$schema"],
)
def test_pattern_that_takes_too_long_is_rejected(value: Any, schema: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable, match=r"takes more than 1 s"):
        errors_of(value, schema)


def test_schema_that_is_applied_too_often_is_rejected() -> None:
    assert errors_of({}, doubling(10)) == []
    with pytest.raises(Unprocessable, match=rf"more than ({MOST_STEPS:,} steps|{MOST_SECONDS:.0f} s)"):
        errors_of({}, doubling(30))


LARGE: list[Any] = [{"number": number} for number in range(20_000)]
LONG = ["x" * 1_000_000]


@pytest.mark.parametrize(
    ("value", "schema", "words"),
    [
        ([{}] * 20_000, {"items": {"enum": LARGE}}, f"the errors take more than {MOST_TEXT:,} characters"),
        ([0] * 10_000, {"items": {"anyOf": [{"enum": LONG}]}}, f"the errors take more than {MOST_TEXT:,} characters"),
        (
            LARGE,
            {"allOf": [{"$ref": "#/$defs/a"}] * 5_000, "$defs": {"a": {"const": deepcopy(LARGE)}}},
            "it takes more than",
        ),
    ],
    ids=["a large enum", "long values", "large values again and again"],
)
def test_schema_with_long_steps_is_rejected_quickly(value: Any, schema: dict[str, Any], words: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unprocessable, match=words):
        errors_of(value, schema)
    assert time.monotonic() - started < 4 * MOST_SECONDS


def test_too_large_schema_is_rejected_quickly() -> None:
    started = time.monotonic()
    with pytest.raises(Unprocessable, match="it takes more than"):
        check_schema({"properties": {f"{number}": {"type": "string"} for number in range(100_000)}})
    assert time.monotonic() - started < 4 * MOST_SECONDS
    check_schema({"properties": {f"{number}": {"type": "string"} for number in range(200)}})


@pytest.mark.parametrize("schema", [{"$ref": "http://["}, {"$id": "http://[", "allOf": [{"$ref": "x"}]}], ids=str)
def test_unparsable_reference_is_reported(schema: dict[str, Any]) -> None:
    with pytest.raises(Mismatch, match=r"Validation failed\. Failure reason: "):
        errors_of({}, schema)
    with pytest.raises(ValueError, match=r"Validation failed|not a valid json schema"):
        check_given({}, schema)


def test_large_enum_is_searched_quickly() -> None:
    assert errors_of(list(range(50_000)), {"items": {"enum": list(range(50_000))}}) == []


def test_many_items_are_compared_quickly() -> None:
    items: list[Any] = [{"number": number} for number in range(50_000)]
    assert errors_of(items, {"uniqueItems": True}) == []
    assert len(errors_of([*items, {"number": 7.0}], {"uniqueItems": True})) == 1


NO_SCHEMAS: list[dict[str, Any]] = [
    {"properties": []},
    {"properties": {"a": {"properties": "x"}}},
    {"properties": {"a": {"type": "string"}}, "required": 5},
    {"definitions": None},
    {"definitions": {"a": []}},
    {"definitions": {"a": {"properties": 5}}},
    {"definitions": {"a": {"block_type_slug": "s", "title": []}}},
]


@pytest.mark.parametrize("schema", NO_SCHEMAS, ids=str)
def test_invalid_schema_is_rejected(schema: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable, match="Invalid schema: "):
        check_schema(as_meant(schema))


def test_definition_needs_no_title() -> None:
    schema = {"definitions": {"a": {"block_type_slug": "s"}, "b": True}}
    assert as_meant(schema) == schema


def test_given_values_are_checked_before_their_dependencies() -> None:
    schema = {"properties": {"a": {"type": "string"}}, "required": 5}
    with pytest.raises(ValueError, match="1 is not of type 'string'"):
        check_given({"a": 1}, schema)
    with pytest.raises(ValueError, match="Schema error: 5 is not of type 'array'"):
        check_given({"a": "x"}, schema)
