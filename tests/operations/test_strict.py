"""`--strict`: values that the real server coerces are rejected."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import SMALL, Keeping
from tests.servers import stand_in

JSON = "application/json"


@pytest.fixture(scope="module")
def strict(keeping: Keeping) -> Iterator[httpx.Client]:
    with stand_in(SMALL, "--strict", *keeping()) as client:
        yield client


COERCED: dict[str, tuple[str, object]] = {
    "a text for a number": ("/artifacts/filter", {"limit": "5"}),
    "a fraction for an integer": ("/artifacts/filter", {"limit": 1.0}),
    "a truth for a number": ("/artifacts/filter", {"limit": True}),
    "a text for a truth": ("/artifacts/filter", {"artifacts": {"key": {"exists_": "yes"}}}),
    "a number for a truth": ("/artifacts/count", {"deployments": {"paused": {"eq_": 1}}}),
    "an id without dashes": ("/artifacts/count", {"artifacts": {"id": {"any_": ["0" * 32]}}}),
    "an id in braces": (
        "/artifacts/count",
        {"artifacts": {"id": {"any_": ["{00000000-0000-4000-8000-000000000000}"]}}},
    ),
    "a date for a time": ("/flows/count", {"flow_runs": {"start_time": {"after_": "2025-01-01"}}}),
    "a time without an offset": ("/flows/count", {"flow_runs": {"start_time": {"after_": "2025-01-01T00:00:00"}}}),
    "a Unix time": ("/flows/count", {"flow_runs": {"end_time": {"after_": 5}}}),
    "a week": ("/flows/count", {"flow_runs": {"end_time": {"after_": "2025-W10"}}}),
    "a line break at the end of a key": ("/artifacts/", {"key": "line\n"}),
}

LITERAL: dict[str, tuple[str, object]] = {
    "nothing": ("/artifacts/filter", None),
    "nulls": ("/artifacts/filter", {"limit": None, "sort": None, "offset": None, "artifacts": None}),
    "an id": ("/artifacts/count", {"artifacts": {"id": {"any_": ["00000000-0000-4000-8000-00000000ABCD"]}}}),
    "a time": ("/flows/count", {"flow_runs": {"start_time": {"after_": "2025-01-01T00:00:00.123+02:00"}}}),
    "an unknown name at the top": ("/flows/count", {"unknown": 1}),
    "a key": ("/artifacts/", {"key": "a-b-9", "data": [1.0, "x", None]}),
    "labels": ("/flows/", {"name": "strict", "labels": {"a": 1, "b": 1.5, "c": True, "d": "x"}}),
}


@pytest.mark.parametrize("name", COERCED)
def test_coerced_values_are_rejected(strict: httpx.Client, scratch: httpx.Client, name: str) -> None:
    path, body = COERCED[name]
    assert scratch.post(path, json=body).is_success
    answer = strict.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["request_body"] == body


@pytest.mark.parametrize("name", LITERAL)
def test_valid_values_are_accepted(strict: httpx.Client, scratch: httpx.Client, name: str) -> None:
    path, body = LITERAL[name]
    answer = strict.post(path, json=body)
    assert answer.status_code == scratch.post(path, json=body).status_code
    assert answer.is_success


def test_only_json_is_accepted(strict: httpx.Client) -> None:
    answer = strict.post("/artifacts/filter", content=json.dumps({}), headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()) == (415, {"detail": f"Send the body as {JSON}, not as text/plain."})
    assert strict.post("/artifacts/filter", content="{}", headers={"content-type": f"{JSON}; charset=utf-8"}).is_success


QUERIES = {
    "limit=200": 200,
    "limit=5&order_by=NAME_ASC": 200,
    "query=5": 200,
    "limit=201": 422,
    "limit=many": 422,
    "limit=5.0": 422,
    "limit=": 422,
    "limit=null": 422,
    "limit=[5]": 422,
    "order_by=name_asc": 422,
}


@pytest.mark.parametrize("query", QUERIES)
def test_numbers_of_a_query_are_written_as_in_json(strict: httpx.Client, query: str) -> None:
    assert strict.get(f"/observed-states?{query}").status_code == QUERIES[query]


@pytest.mark.parametrize(("text", "status"), [("true", 200), ("false", 200), ("yes", 422), ("1", 422), ("True", 422)])
def test_booleans_of_a_query_are_written_as_in_json(strict: httpx.Client, text: str, status: int) -> None:
    path = "/block_types/slug/any/block_documents"
    strict.post("/block_types/", json={"name": "any", "slug": "any"})
    assert strict.get(f"{path}?include_secrets={text}").status_code == status
