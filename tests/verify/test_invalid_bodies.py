"""Bodies with one error: all are rejected, and every place of a schema gets invalid values."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.verify.contexts import ContextFactory
from tests.verify.document import body_of, resolved
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.verify.requests.created_rows import value_for
from understudy.verify.requests.endpoint import Endpoint, schema_of
from understudy.verify.requests.invalid_bodies import (
    FORMATS,
    STRANGER,
    InvalidBody,
    Way,
    bodies_at_bounds,
    bodies_beyond_bounds,
    invalid_bodies,
    readable,
)

LABELS = [
    "POST /artifacts/",
    "PATCH /artifacts/{id}",
    "POST /artifacts/filter",
    "POST /artifacts/count",
    "POST /artifacts/latest/filter",
    "POST /artifacts/latest/count",
    "POST /flows/",
    "PATCH /flows/{id}",
    "POST /flows/filter",
    "POST /flows/count",
    "POST /flows/paginate",
    "POST /flows/bulk_delete",
]


def sound(endpoint: Endpoint) -> dict[str, Any]:
    """A valid body."""
    if endpoint.is_safe or "x-selects" in schema_of(endpoint).value:
        return {}
    return {name: value_for(part, "mark") for name, part in schema_of(endpoint).entries("properties")}


def bodies(endpoint: Endpoint) -> list[InvalidBody]:
    return list(invalid_bodies(schema_of(endpoint), sound(endpoint)))


def test_all_operations_with_a_body_are_included(context_factory: ContextFactory) -> None:
    assert {endpoint.label for endpoint in context_factory.endpoint_map.endpoints if endpoint.body} == set(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_every_invalid_body_is_rejected_by_strict_validation(context_factory: ContextFactory, label: str) -> None:
    endpoint, interpreter = context_factory.endpoint(label), context_factory.interpreter(strict=True)
    taken = [
        each for each in bodies(endpoint) if None in interpreter.refusals(endpoint, json.dumps(each.body).encode(), {})
    ]
    assert taken == []
    assert interpreter.refusals(endpoint, json.dumps(sound(endpoint)).encode(), {}) == [None]


@pytest.mark.parametrize("label", LABELS)
def test_only_the_value_at_the_path_is_invalid(context_factory: ContextFactory, label: str) -> None:
    endpoint = context_factory.endpoint(label)
    right = sound(endpoint)
    for each in invalid_bodies(schema_of(endpoint), right):
        value: Any = each.body
        for name in each.way:
            value = value[name]
        assert each.body == {**right, **nested(each.way, value)}


def nested(way: Way, value: Any) -> Any:
    if not way:
        return value
    inner = nested(way[1:], value)
    return [inner] if way[0] == 0 else {way[0]: inner}


@pytest.mark.parametrize("label", LABELS)
def test_every_restricted_place_gets_invalid_values(context_factory: ContextFactory, label: str) -> None:
    body = body_of(label)
    assert body is not None
    strangers = {(STRANGER,)} if body.get("additionalProperties") is False else set()
    assert {each.way for each in bodies(context_factory.endpoint(label))} == {*places(body), *strangers}


def places(schema: dict[str, Any], way: Way = ()) -> Iterator[Way]:
    parts = [(name, part) for name, part in resolved(schema).get("properties", {}).items()]
    if "items" in resolved(schema):
        parts.append((0, resolved(schema)["items"]))
    for name, part in parts:
        if "type" in resolved(part):
            yield (*way, name)
            yield from places(part, (*way, name))


INVALID_VALUES: dict[str, list[Any]] = {
    "limit": [-1, 201, "many", 1.5, [], "5", 2.0, True],
    "sort": [5, True, [], "no/such & thing"],
    "artifacts": [5, "text", {STRANGER: 1}],
    "artifacts.key.exists_": ["perhaps", 7, [], "true", 1, 0.0, "No"],
    "artifacts.key.like_": [5, True, []],
    "artifacts.key.any_": ["text", {}],
    "artifacts.key.any_.0": [5, True, [], None],
    "artifacts.id.any_.0": [5, True, [], "no/such & thing", *FORMATS["uuid"], None],
    "flow_runs.start_time.after_": [5, True, [], "no/such & thing", *FORMATS["date-time"]],
}


@pytest.mark.parametrize("subject", INVALID_VALUES)
def test_invalid_values_depend_on_the_kind_of_place(context_factory: ContextFactory, subject: str) -> None:
    found = [each for each in bodies(context_factory.endpoint("POST /artifacts/filter")) if each.subject == subject]
    assert [json.dumps(each.body) for each in found] == [
        json.dumps(nested(each.way, value)) for each, value in zip(found, INVALID_VALUES[subject], strict=True)
    ]


def test_bodies_at_bounds_are_accepted(context_factory: ContextFactory) -> None:
    interpreter, found = context_factory.interpreter(strict=True), set[str]()
    for label in ("POST /artifacts/filter", "POST /flows/filter", "POST /flows/paginate"):
        endpoint = context_factory.endpoint(label)
        for way, body in bodies_at_bounds(schema_of(endpoint)):
            found.add(readable(way))
            assert interpreter.refusals(endpoint, json.dumps(body).encode(), {}) == [None], body
    assert {"limit", "offset", "page"} <= found


def test_numbers_out_of_range_are_rejected(context_factory: ContextFactory) -> None:
    interpreter, endpoint = context_factory.interpreter(strict=True), context_factory.endpoint("POST /flows/filter")
    bodies = [body for _, body in bodies_beyond_bounds(schema_of(endpoint))]
    assert {"limit": 201} in bodies
    assert {"limit": -1} in bodies
    assert [body for body in bodies if interpreter.refusals(endpoint, json.dumps(body).encode(), {}) == [None]] == []


EVENTS = "POST /events"
TOO_LONG = {
    "0.event": "Event name must be at most 1024 characters",
    "0.resource": "The maximum number of labels per resource is 500",
    "0.related": "The maximum number of related resources is 100",
    "0.related.0": "The maximum number of labels per resource is 500",
}


def test_items_have_the_maximum_length_and_more() -> None:
    factory = ContextFactory(Contract.load(own_folder() / "openapi.yaml"))
    endpoint, interpreter = factory.endpoint(EVENTS), factory.interpreter(strict=True)

    def errors(body: Any) -> str:
        (refusal,) = interpreter.refusals(endpoint, json.dumps(body).encode(), {})
        assert refusal is not None  # the other required fields are missing
        return json.dumps(refusal.body, default=str)

    refused = [each for each in invalid_bodies(schema_of(endpoint), {}) if each.subject in TOO_LONG]
    assert {each.subject for each in refused if TOO_LONG[each.subject] in errors(each.body)} == set(TOO_LONG)
    at_bounds = {
        readable(way): body for way, body in bodies_at_bounds(schema_of(endpoint)) if readable(way) in TOO_LONG
    }
    assert {subject for subject, body in at_bounds.items() if TOO_LONG[subject] not in errors(body)} == set(TOO_LONG)
