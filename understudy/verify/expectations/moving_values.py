"""Values that change with time (`x-moving`), in two responses to one request."""

from collections.abc import Container
from itertools import zip_longest
from typing import Any

from understudy.sampling.answers import rows_of, same, sort_value
from understudy.sampling.counterparts import are_alike
from understudy.sampling.random_requests import Request
from understudy.verify.expectations.reference_answers import by_id, rest_of


def agree_nearly(expected: Any, found: Any, request: Request) -> bool:
    """Whether two bodies are the same, except for the order of rows that are sorted by close values that change with
    time.
    """
    rows, shown = rows_of(expected), rows_of(found)
    if request.order is None or rows is None or shown is None or len(rows) != len(shown):
        return same(expected, found)
    if not same(rest_of(expected), rest_of(found)):
        return False
    keys = ([sort_value(row, request.order.field) for row in each] for each in (rows, shown))
    known = by_id(rows)
    are_same = all(same(known.get(str(row["id"]), row), row) for row in shown)
    return are_same and all(are_alike(*each) for each in zip(*keys, strict=True))


def settled(moving: Container[str], expected: Any, found: Any) -> Any:
    """The actual body, in which values that change with time are replaced by the expected ones if they are close."""
    if isinstance(expected, list) and isinstance(found, list):
        rows = by_id(expected)
        return [
            settled(moving, rows.get(str(row["id"])) if isinstance(row, dict) and "id" in row else other, row)
            for other, row in zip_longest(expected[: len(found)], found)
        ]
    if not isinstance(expected, dict) or not isinstance(found, dict):
        return found
    return {
        name: expected[name]
        if name in moving and name in expected and may_be(expected[name], part)
        else settled(moving, expected.get(name), part)
        for name, part in found.items()
    }


def may_be(expected: Any, found: Any) -> bool:
    """Whether two values that change with time may be the same. For times, only their presence is compared."""
    return are_alike(expected, found) or (isinstance(expected, str) and isinstance(found, str))
