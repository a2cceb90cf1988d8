"""Values that change with time, in two responses to one request."""

from typing import Any

import pytest

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.random_requests import Request, body_schema, safe_operations
from understudy.verify.expectations.moving_values import agree_nearly, settled
from understudy.verify.expectations.reference_answers import agree

ONE, TWO = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))


@pytest.mark.parametrize(
    ("expected", "found", "after"),
    [
        ({"age": 10, "name": "a"}, {"age": 12.5, "name": "b"}, {"age": 10, "name": "b"}),
        ({"age": 10}, {"age": 60}, {"age": 60}),
        ({"age": 100_000}, {"age": 100_090}, {"age": 100_000}),
        ({"age": 10}, {"age": None}, {"age": None}),
        ({}, {"age": 10}, {"age": 10}),
        ({"age": "2026-01-01T00:00:00Z"}, {"age": "2026-01-02T00:00:00Z"}, {"age": "2026-01-01T00:00:00Z"}),
        ([{"id": ONE, "age": 1}, {"id": TWO, "age": 50}], [{"id": TWO, "age": 51}], [{"id": TWO, "age": 50}]),
        ({"rows": [{"age": 1}]}, {"rows": [{"age": 2}, {"age": 3}]}, {"rows": [{"age": 1}, {"age": 3}]}),
        (None, [1], [1]),
    ],
)
def test_near_values_are_accepted(expected: Any, found: Any, after: Any) -> None:
    assert settled({"age"}, expected, found) == after


@pytest.fixture(scope="module")
def by_duration() -> Request:
    """A request for a page of task runs, sorted by their duration."""
    contract = Contract.load(own_folder() / "openapi.yaml")
    place = next(each for _, path, each in safe_operations(contract) if path == "/task_runs/paginate")
    body = {"sort": "DURATION_ASC"}
    return Request("POST", "/task_runs/paginate", "/task_runs/paginate", body, body_schema(place))


def page(*rows: tuple[str, float], count: int = 2) -> dict[str, Any]:
    return {"results": [{"id": row_id, "estimated_run_time": time} for row_id, time in rows], "count": count}


@pytest.mark.parametrize(
    ("expected", "found", "is_same"),
    [
        (page((ONE, 5.0), (TWO, 9.0)), page((TWO, 9.0), (ONE, 5.0)), True),
        (page((ONE, 5.0), (TWO, 90.0)), page((TWO, 90.0), (ONE, 5.0)), False),
        (page((ONE, 5.0), (TWO, 9.0)), page((ONE, 5.0)), False),
        (page((ONE, 5.0), (TWO, 9.0)), page((ONE, 5.0), (TWO, 9.0), count=3), False),
        (page((ONE, 5.0), (TWO, 9.0)), page((ONE, 5.0), (TWO, 10.0)), False),
    ],
)
def test_rows_with_near_values_may_change_places(
    by_duration: Request, expected: Any, found: Any, is_same: bool
) -> None:
    """`settled` has replaced values that are near: others that differ are wrong."""
    assert agree_nearly(expected, found, by_duration) is is_same


@pytest.mark.parametrize(("found", "is_same"), [
    ({"detail": "2862375399 buckets"}, True), ({"detail": "3 buckets"}, False), ({"detail": 2862375399}, False),
    ({"message": "2862375399 buckets"}, False), (None, False),
])  # fmt: skip
def test_text_of_an_error_may_contain_a_number_that_changes_with_time(found: object, is_same: bool) -> None:
    request = Request("POST", "/count", "/count")
    assert agree({"detail": "2862375398 buckets"}, found, request) is is_same
