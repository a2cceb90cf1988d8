"""The shape of responses: errors, and what is allowed."""

from typing import Any

import pytest

from tests.verify.contexts import ContextFactory
from understudy.sampling.answers import Answer
from understudy.verify.check_context import CheckContext
from understudy.verify.expectations.response_schemas import ResponseSchemas

JSON = "application/json"
FLOW: dict[str, Any] = {
    "id": "8f7c1b1e-3c55-4d0b-9a53-7a1c6e2b9f10",
    "created": "2026-01-01T00:00:00Z",
    "updated": "2026-01-01T00:00:00.123456Z",
    "name": "hello",
    "tags": ["mine"],
    "labels": {"a": 1, "b": "c", "d": 1.5, "e": True},
}
PAGE = {"results": [FLOW], "count": 1, "limit": 200, "pages": 1, "page": 1}
LIST, READ, PAGES, COUNT = "POST /flows/filter", "GET /flows/{id}", "POST /flows/paginate", "POST /flows/count"
NOT_FOUND = {"detail": "Flow not found"}

SOUND: dict[str, tuple[str, Answer, str]] = {
    "a list": (LIST, Answer(200, [FLOW]), JSON),
    "an empty list": (LIST, Answer(200, []), JSON),
    "a row": (READ, Answer(200, FLOW), JSON),
    "a media type with a parameter": (READ, Answer(200, FLOW), f"{JSON}; charset=utf-8"),
    "a page": (PAGES, Answer(200, PAGE), JSON),
    "a count": (COUNT, Answer(200, 5), JSON),
    "an error": (READ, Answer(404, NOT_FOUND), JSON),
    "nothing": ("DELETE /flows/{id}", Answer(204, ""), ""),
    "true": ("GET /health", Answer(200, True), JSON),
}

FAULTS: dict[str, tuple[str, Answer, str, str]] = {
    "a status that is not named": (LIST, Answer(500, "oh"), JSON, "the status 500 with 'oh'"),
    "a success that is not named": (LIST, Answer(201, [FLOW]), JSON, "the status 201 with "),
    "no media type": (LIST, Answer(200, [FLOW]), "", "200 as no media type"),
    "another media type": (COUNT, Answer(200, 5), "text/plain", "200 as text/plain"),
    "a longer media type": (COUNT, Answer(200, 5), f"{JSON}-seq", f"200 as {JSON}-seq"),
    "an object for a list": (LIST, Answer(200, {"items": []}), JSON, "200 with the body: "),
    "a text for a count": (COUNT, Answer(200, "5"), JSON, "200 with the body: "),
    "a fraction for a count": (COUNT, Answer(200, 5.0), JSON, "200 with the body: "),
    "a field that is missing": (
        LIST,
        Answer(200, [FLOW, {name: FLOW[name] for name in FLOW if name != "tags"}]),
        JSON,
        "200 with 1.tags: ",
    ),
    "a field of another type": (READ, Answer(200, {**FLOW, "name": 5}), JSON, "200 with name: "),
    "a field that is null": (READ, Answer(200, {**FLOW, "name": None}), JSON, "200 with name: "),
    "an id that is none": (READ, Answer(200, {**FLOW, "id": "x"}), JSON, "200 with id: "),
    "a time that is none": (READ, Answer(200, {**FLOW, "created": "now"}), JSON, "200 with created: "),
    "a fault in a row of a page": (
        PAGES,
        Answer(200, {**PAGE, "results": [{**FLOW, "tags": [5]}]}),
        JSON,
        "200 with results.0.tags.0: ",
    ),
    "an error of another shape": (READ, Answer(404, {"error": "Not found"}), JSON, "404 with detail: "),
    "a body where there is none": ("DELETE /flows/{id}", Answer(204, {}), JSON, "204 with a body: {}"),
    "false": ("GET /health", Answer(200, False), JSON, "200 with the body: "),
}


@pytest.mark.parametrize("name", SOUND)
def test_valid_response(context_factory: ContextFactory, name: str) -> None:
    label, answer, media_type = SOUND[name]
    assert ResponseSchemas().fault(context_factory.endpoint(label), answer, media_type) is None


@pytest.mark.parametrize("name", FAULTS)
def test_invalid_response(context_factory: ContextFactory, name: str) -> None:
    label, answer, media_type, expected = FAULTS[name]
    shapes, endpoint = ResponseSchemas(), context_factory.endpoint(label)
    for _ in range(2):
        assert str(shapes.fault(endpoint, answer, media_type)).startswith(expected)


def test_responses_of_a_server_are_valid(context: CheckContext) -> None:
    for selection in context.endpoint_map.selections.values():
        for endpoint in selection.all:
            assert context.fault(endpoint, endpoint.request({})) is None
            assert context.fault(endpoint, endpoint.request({"limit": -1, "sort": "none"})) is None


def test_valid_row_is_validated_again_if_a_type_changes(context_factory: ContextFactory) -> None:
    schemas = ResponseSchemas()
    for label, body in ((LIST, [FLOW]), (PAGES, PAGE)):
        endpoint = context_factory.endpoint(label)
        assert schemas.fault(endpoint, Answer(200, body), JSON) is None
    changed = {**FLOW, "labels": {"a": [1]}}
    for label, body, place in ((LIST, [FLOW, changed], "1"), (PAGES, {**PAGE, "results": [changed]}, "results.0")):
        fault = schemas.fault(context_factory.endpoint(label), Answer(200, body), JSON)
        assert str(fault).startswith(f"200 with {place}.labels.a")


def test_list_of_valid_rows_can_be_too_long(context_factory: ContextFactory) -> None:
    schemas, endpoint = ResponseSchemas(), context_factory.endpoint(LIST)
    assert schemas.fault(endpoint, Answer(200, [FLOW] * 200), JSON) is None
    assert str(schemas.fault(endpoint, Answer(200, [FLOW] * 201), JSON)).startswith("200 with the body: ")


def test_too_deeply_nested_row_is_validated_each_time(context_factory: ContextFactory) -> None:
    deep: Any = {}
    for _ in range(3000):
        deep = {"a": deep}
    schemas, endpoint = ResponseSchemas(), context_factory.endpoint(LIST)
    for _ in range(2):
        assert schemas.fault(endpoint, Answer(200, [{**FLOW, "labels": deep}]), JSON) is not None


def test_equal_rows_are_shared(context: CheckContext) -> None:
    lists = context.endpoint_map.selections["flows"].lists
    first, again = (context.ask(lists, lists.request({})).body for _ in range(2))
    assert all(row is other for row, other in zip(first, again, strict=True))
    whole, real = ([{**first[0], "labels": {"a": value}}] for value in (1, 1.0))
    schemas = ResponseSchemas()
    for body in (whole, real):
        assert schemas.fault(lists, Answer(200, body), "application/json") is None
    assert [repr(rows[0]["labels"]["a"]) for rows in (whole, real)] == ["1", "1.0"]
