"""Filters that select other rows if a server misreads them."""

from collections.abc import Iterator
from itertools import permutations

import pytest

from tests.apps import app_on
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api, own_folder
from understudy.verify.filtered_rows.revealing_filters import bodies_of, operands_of, revealing
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.misreadings import (
    beginning,
    earlier,
    first_only,
    last_only,
    later,
    misreadings_of,
    stripped,
    without_offset,
    without_wildcards,
)
from understudy.verify.suite import subjects_of


@pytest.fixture
def subjects(all_operations: ContextFactory, api: Api) -> Iterator[dict[str, TableUnderTest]]:
    """The tables of the demo set."""
    with all_operations.context_of(app_on(own_folder() / "fixtures" / "demo", api)) as context:
        all_operations.learn(context)
        yield subjects_of(context)


def test_candidates_that_reveal_nothing_new_are_left_out() -> None:
    rows = {"a": frozenset("1"), "b": frozenset("2"), "ab": frozenset("12"), "ba": frozenset("12")}
    first, last = (lambda text: text[:1]), (lambda text: text[-1:])
    assert list(revealing(["a", "?", "ab", "ba"], [first, last], rows.get)) == ["ab"]
    assert list(revealing(["a", "?"], [first, last], rows.get)) == []


def test_misreadings() -> None:
    assert first_only([1, 2]) == [1]
    assert last_only([1, 2]) == [2]
    assert beginning(range(101)) == range(100)
    assert earlier("2026-01-31T00:00:00Z") == "2026-01-30T23:59:59.999999Z"
    assert later("2026-01-31T05:30:00+05:30") == "2026-01-31T05:30:00.000001+05:30"
    assert without_offset("2026-01-31T05:30:00+05:30") == "2026-01-31T05:30:00Z"
    assert without_wildcards("a%b%") == "ab"
    assert stripped("-a b ") == "a b"


@pytest.mark.parametrize("way", [
    ("flows", "name", "any_"),
    ("flow_runs", "id", "any_"),
    ("flow_runs", "tags", "all_"),
    ("flow_runs", "state", "type", "not_any_"),
    ("flow_runs", "start_time", "after_"),
    ("flow_runs", "name", "like_"),
])  # fmt: skip
def test_operands_reveal_each_misreading(subjects: dict[str, TableUnderTest], way: tuple[str, ...]) -> None:
    subject = subjects["flow_runs"]
    operator, known = subject.field_operators[way], subject.expected_rows.known
    operands = list(operands_of(subject, operator))
    for misread in misreadings_of(operator):
        assert any(known(operator.filters(each)) != known(operator.filters(misread(each))) for each in operands), (
            misread
        )


def test_bodies_reveal_that_a_filter_is_ignored_beside_two_others(subjects: dict[str, TableUnderTest]) -> None:
    subject = subjects["flow_runs"]
    bodies = [each for each in bodies_of(subject) if len(each) > 1]
    names = {name for body in bodies for name in body}
    assert names >= {"flows", "flow_runs", "task_runs", "deployments"}
    revealed = {way for body in bodies for way in permutations(body, 3) if makes_a_difference(subject, body, way[2])}
    assert len(revealed) > 0.8 * len(list(permutations(names, 3)))


def test_bodies_reveal_how_criteria_are_combined(subjects: dict[str, TableUnderTest]) -> None:
    subject = subjects["flow_runs"]
    (body,) = (each for each in bodies_of(subject) if each.get("flow_runs", {}).get("operator") == "or_")
    criteria = {name: part for name, part in body["flow_runs"].items() if name != "operator"}
    assert subject.expected_rows.known({"flow_runs": criteria}) != subject.expected_rows.known(body)


def makes_a_difference(subject: TableUnderTest, body: Filters, name: str) -> bool:
    """Whether a body selects other rows than the same without a filter."""
    known = subject.expected_rows.known
    return known({each: part for each, part in body.items() if each != name}) != known(body)


def test_two_operators_of_a_field(subjects: dict[str, TableUnderTest]) -> None:
    known = subjects["artifacts"].expected_rows.known
    keys = [body["artifacts"]["key"] for body in bodies_of(subjects["artifacts"]) if is_about_keys(body)]
    pairs = [each for each in keys if None not in each.values() and {"any_", "like_"} <= each.keys()]
    assert pairs
    for pair in pairs:
        rows = known({"artifacts": {"key": pair}})
        for name in ("any_", "like_"):
            others = {each: value for each, value in pair.items() if each != name}
            assert known({"artifacts": {"key": others}}) != rows


def test_operator_beside_nulls(subjects: dict[str, TableUnderTest]) -> None:
    known = subjects["artifacts"].expected_rows.known
    keys = [body["artifacts"]["key"] for body in bodies_of(subjects["artifacts"]) if is_about_keys(body)]
    beside = [each for each in keys if None in each.values()]
    assert len(beside) == 1
    assert known({"artifacts": {"key": beside[0]}}) not in (None, known({}))


def is_about_keys(body: Filters) -> bool:
    return body.keys() == {"artifacts"} and body["artifacts"].keys() == {"key"}
