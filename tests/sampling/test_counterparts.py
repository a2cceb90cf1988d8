"""Responses of two servers with different ids and times."""

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from understudy.sampling.counterparts import Counterparts, are_alike, are_alike_texts, parts_of
from understudy.sampling.random_requests import Request

ONE, TWO, THREE, FOUR = (str(UUID(int=number, version=4)) for number in range(1, 5))
EARLY, NEAR, LATE = "2026-03-01T10:00:00Z", "2026-03-01T10:00:02.5Z", "2026-03-01T11:00:00Z"


def row(row_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": row_id, "created": EARLY, **fields}


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (row(ONE, name="a"), row(TWO, name="a")),
        (row(ONE), {**row(TWO), "created": NEAR}),
        ([row(ONE), row(THREE)], [row(TWO), row(FOUR)]),
        (f"run {ONE} at {EARLY}", f"run {TWO} at {NEAR}"),
        ({"deep": [{"ids": [ONE, THREE]}]}, {"deep": [{"ids": [TWO, FOUR]}]}),
    ],
)
def test_corresponding_ids_and_times_are_equal(there: Any, here: Any) -> None:
    assert Counterparts().aligned(there, here) == here
    assert Counterparts().match(there, parts_of(here))


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (row(ONE, name="a"), row(TWO, name="b")),
        (row(ONE, name="a"), row(TWO)),
        (row(ONE), row(TWO, name="a")),
        (row(ONE, count=1), row(TWO, count=1.0)),
        (row(ONE, at=LATE), row(TWO, at=EARLY)),
        ([row(ONE)], [row(TWO), row(FOUR)]),
        ({"one": ONE, "other": ONE}, {"one": TWO, "other": FOUR}),
        ({"one": ONE, "other": THREE}, {"one": TWO, "other": TWO}),
        (f"run {ONE}", f"task {TWO}"),
        (ONE, EARLY),
        (ONE, None),
    ],
)
def test_other_differences_are_kept(there: Any, here: Any) -> None:
    aligned = Counterparts().aligned(there, here)
    assert aligned != here or repr(aligned) != repr(here)
    assert not Counterparts().match(there, parts_of(here))


def test_nothing_is_learned_from_values_that_do_not_match() -> None:
    counterparts = Counterparts()
    assert not counterparts.match({"one": ONE, "other": ONE}, parts_of({"one": TWO, "other": FOUR}))
    assert counterparts.match({"one": ONE}, parts_of({"one": FOUR}))
    assert not counterparts.match({"one": ONE}, parts_of({"one": TWO}))


@pytest.mark.parametrize("value", ["\ud800", float("nan"), None, "", [], {ONE: 1}])
def test_value_matches_itself_if_it_can_be_encoded(value: Any) -> None:
    assert Counterparts().match({"a": value}, parts_of({"a": value})) == (value != "\ud800")


def test_rows_in_another_order_keep_their_order() -> None:
    there = [row(ONE, name="a"), row(THREE, name="b")]
    here = [row(TWO, name="b"), row(FOUR, name="a")]
    assert Counterparts().aligned(there, here) == [here[1], here[0]]


def test_differing_row_is_compared_with_the_one_of_its_id() -> None:
    counterparts = Counterparts()
    counterparts.request(Request("POST", "/runs/filter", "/runs/filter", {"ids": [ONE, TWO]}))
    there = [row(ONE, name="drawn"), row(TWO, name="b")]
    here = [{**row(ONE, name="a"), "created": NEAR}, row(TWO, name="b")]
    assert counterparts.aligned(there, here) == [{**here[0], "name": "drawn"}, here[1]]


def test_ids_that_are_keys_have_those_of_the_other_server() -> None:
    counterparts = Counterparts()
    counterparts.aligned(row(ONE), row(TWO))
    assert counterparts.aligned({ONE: 1}, {TWO: 2}) == {TWO: 1}
    assert counterparts.aligned({ONE: {"run": ONE}}, {TWO: {"run": FOUR}}) == {TWO: {"run": TWO}}


def test_requests_have_the_ids_of_the_other_server() -> None:
    counterparts = Counterparts()
    counterparts.aligned(row(ONE), row(TWO))
    request = counterparts.request(Request("PATCH", f"/runs/{TWO}", "/runs/{id}", {"parent": TWO, "other": FOUR}))
    assert request.path == f"/runs/{ONE}"
    assert request.body == {"parent": ONE, "other": FOUR}


def test_requests_have_the_times_of_the_other_server() -> None:
    counterparts = Counterparts()
    there, here = {"start": EARLY, "end": EARLY}, {"start": LATE, "end": LATE}
    assert counterparts.aligned(there, here) == here
    request = counterparts.request(Request("GET", f"/runs?since={LATE}", "/runs", {"at": LATE, "other": NEAR}))
    assert request.path == f"/runs?since={EARLY}"
    assert request.body == {"at": EARLY, "other": NEAR}


def test_ambiguous_time_is_sent_unchanged() -> None:
    counterparts = Counterparts()
    counterparts.aligned({"start": EARLY, "end": "2026-03-01T10:00:01Z"}, {"start": LATE, "end": LATE})
    assert counterparts.request(Request("GET", f"/runs?since={LATE}", "/runs")).path == f"/runs?since={LATE}"


def test_recent_time_can_have_another_origin() -> None:
    now = datetime.now(timezone.utc)
    first, second = (f"{now + timedelta(milliseconds=each):%Y-%m-%dT%H:%M:%S.%f}Z" for each in (0, 1))
    counterparts = Counterparts()
    counterparts.request(
        Request("POST", "/rows/filter", "/rows/filter", {"after": first, "day": "2026-13-45T00:00:00Z"})
    )
    assert counterparts.aligned({"updated": first}, {"updated": second}) == {"updated": second}


def test_sent_values_must_be_returned() -> None:
    counterparts = Counterparts()
    counterparts.request(Request("POST", "/runs/", "/runs/", {"id": ONE, "at": EARLY}))
    sent = {"id": ONE, "at": EARLY}
    assert counterparts.aligned(sent, sent) == sent
    assert counterparts.aligned(sent, {"id": TWO, "at": NEAR}) == sent


def test_clocks_may_differ_by_a_constant() -> None:
    counterparts = Counterparts()
    assert counterparts.aligned(EARLY, LATE) == LATE
    assert counterparts.aligned("2026-03-02T10:00:00Z", "2026-03-02T11:00:01Z") == "2026-03-02T11:00:01Z"
    assert counterparts.aligned("2026-03-02T10:00:00Z", "2026-03-02T10:00:00.5Z") == "2026-03-02T10:00:00Z"


def test_unordered_list() -> None:
    counterparts = Counterparts({"fields"})
    assert counterparts.aligned({"fields": ["a", "b"]}, {"fields": ["b", "a"]}) == {"fields": ["b", "a"]}
    assert counterparts.aligned({"fields": ["a", "b"]}, {"fields": ["b", "c"]}) == {"fields": ["a", "b"]}


def test_links_of_two_servers() -> None:
    counterparts = Counterparts({"next"})
    there, here = ({"next": f"http://{host}/api/pages?page-token={token}"} for host, token in (("a", "x"), ("b", "y")))
    assert counterparts.aligned(there, here) == here
    assert counterparts.request(Request("GET", "/pages?page-token=y", "/pages")).path == "/pages?page-token=x"
    assert counterparts.request(Request("GET", "/pages?page-token=z", "/pages")).path == "/pages?page-token=z"
    assert counterparts.aligned({"next": None}, here) == {"next": None}


def test_unordered_list_gets_the_order_of_the_other_server() -> None:
    counterparts = Counterparts({"inputs"})
    counterparts.pair(ONE, TWO)
    there = {"inputs": [{"id": ONE, "type": "run"}, {"id": "x", "type": "run"}]}
    here = {"inputs": [{"type": "run", "id": "x"}, {"type": "run", "id": TWO}]}
    assert counterparts.aligned(there, here) == here
    assert counterparts.aligned(there, {"inputs": here["inputs"][:1]}) != {"inputs": here["inputs"][:1]}
    assert Counterparts().aligned(there, {"inputs": ["x"]}) == there


@pytest.mark.parametrize(("there", "here", "expected"), [
    (100, 100.1, True), (0.0, 0, True), (100, 500, False), (100, "100", False), ("100", 100, False), (None, 1, False),
    (1, None, False), (True, False, True), (True, 1, False), (1, True, False), ([2, 1], [1, 2], True),
    ([1], [1, 2], False), ("a", "b", False), ("http://one/a?b=c", "http://two/d?e=f", True),
])  # fmt: skip
def test_values_that_change_with_time_may_be_the_same(there: object, here: object, expected: bool) -> None:
    assert are_alike(there, here) is expected


@pytest.mark.parametrize(("there", "here", "expected"), [
    ("create 2862375398 buckets", "create 2862375399 buckets", True), ("at most 200", "at most 250", False),
    ("at most 200", "at least 200", False), ("2 of 3", "2 of", False), ("the same", "the same", True),
])  # fmt: skip
def test_texts_whose_numbers_change_with_time_may_be_the_same(there: str, here: str, expected: bool) -> None:
    assert are_alike_texts(there, here) is expected
