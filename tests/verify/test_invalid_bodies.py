"""Bodies with one thing wrong: all are refused, and every place of a schema is spoiled."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.verify.contexts import ContextFactory
from tests.verify.document import body_of, resolved
from understudy.verify.requests.created_rows import value_for
from understudy.verify.requests.endpoints import Endpoint, schema_of
from understudy.verify.requests.invalid_bodies import (
    STRANGER,
    InvalidBody,
    bodies_at_bounds,
    invalid_bodies,
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
    """A body with nothing wrong in it."""
    if endpoint.is_safe or "x-selects" in schema_of(endpoint).value:
        return {}
    return {name: value_for(part, "mark") for name, part in schema_of(endpoint).entries("properties")}


def bodies(endpoint: Endpoint) -> list[InvalidBody]:
    return list(invalid_bodies(schema_of(endpoint), sound(endpoint)))


def test_these_are_all_operations_that_take_a_body(context_factory: ContextFactory) -> None:
    assert {endpoint.label for endpoint in context_factory.endpoint_map.endpoints if endpoint.body} == set(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_every_spoiled_body_is_refused_by_the_letter(context_factory: ContextFactory, label: str) -> None:
    endpoint, interpreter = context_factory.endpoint(label), context_factory.interpreter(strict=True)
    taken = [
        each for each in bodies(endpoint) if None in interpreter.refusals(endpoint, json.dumps(each.body).encode(), {})
    ]
    assert taken == []
    assert interpreter.refusals(endpoint, json.dumps(sound(endpoint)).encode(), {}) == [None]


@pytest.mark.parametrize("label", LABELS)
def test_what_is_wrong_stands_at_the_end_of_the_way_and_nowhere_else(
    context_factory: ContextFactory, label: str
) -> None:
    endpoint = context_factory.endpoint(label)
    right = sound(endpoint)
    for each in invalid_bodies(schema_of(endpoint), right):
        value: Any = each.body
        for name in each.way:
            value = value[name]
        assert each.body == {**right, **nested(each.way, value)}


def nested(way: tuple[str, ...], value: Any) -> Any:
    return {way[0]: nested(way[1:], value)} if way else value


@pytest.mark.parametrize("label", LABELS)
def test_every_place_is_spoiled_but_where_anything_may_stand(context_factory: ContextFactory, label: str) -> None:
    body = body_of(label)
    assert body is not None
    strangers = {(STRANGER,)} if body.get("additionalProperties") is False else set()
    assert {each.way for each in bodies(context_factory.endpoint(label))} == {*places(body), *strangers}


def places(schema: dict[str, Any], way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, part in resolved(schema).get("properties", {}).items():
        if "type" in resolved(part):
            yield (*way, name)
            yield from places(part, (*way, name))


SPOILED_WITH: dict[str, list[Any]] = {
    "limit": [-1, 201, "many", 1.5, [], "5"],
    "sort": [5, True, [], "no/such & thing"],
    "artifacts": [5, "text", {STRANGER: 1}],
    "artifacts.key.exists_": ["perhaps", 7, [], "true"],
    "artifacts.key.like_": [5, True, []],
    "artifacts.key.any_": ["text", {}, [5], [True], [[]], [None]],
    "artifacts.id.any_": ["text", {}, [5], [True], [[]], ["no/such & thing"], [None]],
    "flow_runs.start_time.after_": [5, True, [], "no/such & thing"],
}


@pytest.mark.parametrize("subject", SPOILED_WITH)
def test_a_place_is_spoiled_with_what_its_kind_does_not_take(context_factory: ContextFactory, subject: str) -> None:
    way = tuple(subject.split("."))
    found = [each.body for each in bodies(context_factory.endpoint("POST /artifacts/filter")) if each.way == way]
    assert [json.dumps(body) for body in found] == [json.dumps(nested(way, value)) for value in SPOILED_WITH[subject]]


def test_bodies_at_bounds_are_taken(context_factory: ContextFactory) -> None:
    interpreter, found = context_factory.interpreter(strict=True), set[str]()
    for label in ("POST /artifacts/filter", "POST /flows/filter", "POST /flows/paginate"):
        endpoint = context_factory.endpoint(label)
        for way, body in bodies_at_bounds(schema_of(endpoint)):
            found.add(".".join(way))
            assert interpreter.refusals(endpoint, json.dumps(body).encode(), {}) == [None], body
    assert {"limit", "offset", "page"} <= found
