"""Comparison of two responses: what counts as a tie, and what as a difference."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.compare.differences import difference
from understudy.sampling.answers import Answer, Order
from understudy.sampling.shrinking import smallest

WHOLE, CUT = Order("key", 200), Order("key", 0)


def rows(text: str) -> list[dict[str, Any]]:
    """Rows of an id and a key each: "a1 b2" are a and b, with the keys 1 and 2."""
    return [{"id": word[0], "key": word[1:], "data": 0} for word in text.split()]


CASES = {
    "the same": ("a1 b2", "a1 b2", WHOLE, None),
    "nothing": ("", "", WHOLE, None),
    "a tie in another order": ("a1 b1 c2", "b1 a1 c2", WHOLE, None),
    "a tie cut in another place": ("a1 b2", "a1 c2", CUT, None),
    "a tie at the start cut in another place": ("a1 c2", "b1 c2", CUT, None),
    "a tie that was not cut": ("a1 b2", "a1 c2", WHOLE, "rows"),
    "a tie within a cut page": ("a1 b2 c3", "a1 d2 c3", CUT, "rows"),
    "another order": ("a1 b2", "b2 a1", WHOLE, "order"),
    "a row more": ("a1", "a1 b2", WHOLE, "rows"),
    "a row less": ("a1 b2", "a1", CUT, "rows"),
}


@pytest.mark.parametrize("name", CASES)
def test_rows_are_compared_except_for_the_order_of_ties(name: str) -> None:
    left, right, order, kind = CASES[name]
    found = difference(Answer(200, rows(left)), Answer(200, rows(right)), order)
    assert (found and found.kind) == kind


def test_page_is_compared_with_its_metadata() -> None:
    def page(count: int, text: str) -> Answer:
        return Answer(200, {"results": rows(text), "count": count})

    assert difference(page(2, "a1 b1"), page(2, "b1 a1"), WHOLE) is None
    found = difference(page(2, "a1"), page(3, "a1"), WHOLE)
    assert found is not None
    assert (found.kind, found.detail) == ("body", "{'count': 2} and {'count': 3}")


@pytest.mark.parametrize(
    ("changed", "detail"),
    [({"data": 1}, "a: data"), ({"more": 1}, "a: more"), ({}, None)],
)
def test_differing_fields_are_named(changed: dict[str, Any], detail: str | None) -> None:
    found = difference(Answer(200, rows("a1")), Answer(200, [{**rows("a1")[0], **changed}]), WHOLE)
    assert (found and found.detail) == detail


def test_order_of_fields_is_compared() -> None:
    backwards = [dict(reversed(row.items())) for row in rows("a1")]
    found = difference(Answer(200, rows("a1")), Answer(200, backwards), WHOLE)
    assert found is not None
    assert found.detail == "a: their order"


def test_status_and_body_are_compared() -> None:
    assert difference(Answer(200, 5), Answer(200, 5)) is None
    for right, kind in ((Answer(404, 5), "status"), (Answer(200, 6), "body")):
        found = difference(Answer(200, 5), right)
        assert found is not None
        assert found.kind == kind


JSON = st.recursive(st.integers(0, 9), lambda inner: st.dictionaries(st.sampled_from("abc"), inner) | st.lists(inner))


@given(st.dictionaries(st.sampled_from("abcd"), JSON))
def test_smallest_body_has_no_removable_part(body: dict[str, Any]) -> None:
    found = smallest(body, lambda each: "7" in repr(each), tries=10_000) if "7" in repr(body) else None
    if found is not None:
        assert repr(found).count("7") == 1
        assert not set(repr(found)) & set("01234568")


def test_shrinking_ends_after_a_number_of_attempts() -> None:
    tried = []

    def shows(body: object) -> bool:
        tried.append(body)
        return False

    smallest({"a": list(range(100))}, shows, tries=7)
    assert len(tried) == 7


def test_rows_may_have_no_sort_key_and_any_values() -> None:
    unusual: list[dict[str, Any]] = [{"id": 5}, {"id": None, "key": {"a": []}}]
    assert difference(Answer(200, unusual), Answer(200, unusual), WHOLE) is None
    found = difference(Answer(200, unusual), Answer(200, unusual[::-1]), WHOLE)
    assert found is not None
    assert found.kind == "order"
