"""Generated mutants of values: only those that some value shows which the contract allows."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic_core import core_schema

from tests.mutants.generated.allowed_values import AllowedValues
from tests.mutants.generated.values import changes, mutants
from understudy.contract.contract import Contract, Place
from understudy.verify.requests.endpoint_map import EndpointMap

SHORT = {"lower", "stripped", "composed", "decomposed", "latin", "newlines", "empty"}
LONG = {"bytes", "cut-255", "cut-1000"}
TEXT = {"type": "string"}


NAMED = core_schema.typed_dict_schema({"name": core_schema.typed_dict_field(core_schema.str_schema())})
FUNCTIONS: dict[str, Callable[..., Any]] = {"pets.stripped": str.strip, "pets.named": lambda _: NAMED}


def schema(**value: Any) -> Place:
    return Contract("pets.yaml", {}, functions=lambda name, _: FUNCTIONS[name]).place(value, "/pet")


def kinds(place: Place) -> set[str]:
    allowed = AllowedValues(place)
    return {kind for kind, _, change in changes(place) if allowed.show(change)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "string"}, SHORT | LONG),
        ({"type": "string", "nullable": True}, SHORT | LONG),
        ({"type": "string", "pattern": "^[a-z0-9-]*$"}, LONG | {"empty"}),
        ({"type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": 255}, set()),
        ({"type": "string", "pattern": "^[a-z]*$", "minLength": 1, "maxLength": 300}, {"cut-255"}),
        (
            {"type": "string", "pattern": "^.+$", "x-also-pattern": {"pattern": "^[a-z]*$", "message": "No."}},
            LONG,
        ),
        ({"type": "string", "x-truncate": 500}, (SHORT | LONG) - {"cut-1000"}),
        ({"type": "string", "enum": ["red", "green"]}, set()),
        ({"type": "string", "format": "uuid"}, set()),
        ({"type": "string", "format": "date-time"}, set()),
        ({"type": "integer"}, set()),
    ],
)
def test_texts_are_mistreated_only_where_they_may_be_altered(value: dict[str, Any], expected: set[str]) -> None:
    assert kinds(schema(**value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, SHORT | LONG | {"names", "numbers"}),
        ({"additionalProperties": TEXT}, SHORT | LONG | {"names"}),
        ({"additionalProperties": {"anyOf": [{"type": "integer"}, TEXT]}}, SHORT | LONG | {"names", "numbers"}),
        ({"additionalProperties": {"type": "integer"}}, {"names"}),
        ({"properties": {"Text": TEXT}}, SHORT | LONG | {"names"}),
        ({"properties": {"text": TEXT, "number": {"type": "number"}}}, SHORT | LONG),
        ({"properties": {"number": {"type": "number"}, "flag": {"type": "boolean"}}}, set()),
        ({"properties": {"texts": {"type": "array", "items": TEXT}}}, SHORT | LONG),
        (
            {"required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}, "data": {}}},
            SHORT | LONG | {"numbers"},
        ),
    ],
)
def test_objects_are_mistreated_only_where_they_may_be_altered(value: dict[str, Any], expected: set[str]) -> None:
    assert kinds(schema(type="object", **value)) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (TEXT, {"once", "sorted", "stripped-items", "few"}),
        ({"type": "string", "pattern": "^[a-z0-9]*$"}, {"once", "sorted", "few"}),
        ({"type": "string", "enum": ["red"]}, set()),
        ({"type": "object"}, set()),
    ],
)
def test_lists_are_mistreated_only_if_they_have_free_texts(items: dict[str, Any], expected: set[str]) -> None:
    assert kinds(schema(type="array", items=items)) == expected


def test_functions_of_the_handlers_decide_what_is_altered() -> None:
    stripped = schema(**TEXT, **{"x-after": "pets.stripped"})
    assert kinds(stripped) == (SHORT | LONG) - {"stripped", "empty"}
    named = AllowedValues(schema(**{"x-refined-by": "pets.named"}), [{"name": "cat", "age": 3}])
    assert named.show(lambda value: {**value, "name": value["name"].lower()})
    assert not named.show(lambda value: {**value, "age": value["age"] + 1})


def test_ignored_fields_are_not_mistreated() -> None:
    fields = {"name": TEXT, "note": {**TEXT, "description": "Accepted and ignored."}}
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": fields}}}}
    pet = {"type": "object", "x-table": "pets", "properties": fields}
    created = {"description": "", "content": {"application/json": {"schema": pet}}}
    create = {"operationId": "pets.create_pet", "requestBody": body, "responses": {"201": created}}
    names = [
        each.name for each in mutants(EndpointMap.of(Contract("pets.yaml", {"paths": {"/pets": {"post": create}}})))
    ]
    assert {name.split(":")[1] for name in names} == {"name"}
