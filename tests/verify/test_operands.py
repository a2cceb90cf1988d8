"""Operands for requests: each is valid, and is at its intended boundary."""

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.naive import like
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.values import moment
from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.filtered_rows.value_search import ValueSearch
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operands import (
    DAWN,
    DUSK,
    UNMATCHED,
    around,
    both_cases,
    combined_operands,
    few_operands,
    first_operands,
    lists,
    many_unmatched,
    operands,
    patterns,
    searches,
    swapped_halves,
    unmatched,
    wider_than,
)

SOME = 3  # values for each leaf
CROWD = ["x", "y", "z"]
TEXTS = ["daily report", "100%-tab\tx", "under_score", "ÄRGER-İstanbul", "日本語", "emoji-🚀", "a", "q'\"\\x", "Æ"]


def contains(text: str, pattern: str) -> bool:
    """Whether `like_` with a pattern matches a text."""
    return like(text, f"%{pattern}%")


def test_pattern_with_swapped_halves_does_not_match() -> None:
    assert all(not contains(text, swapped_halves(text)) for text in TEXTS if len(text) > 1)
    assert all(
        contains(text[len(text) // 2 :] + text[: len(text) // 2], swapped_halves(text)) for text in ("abcd", "xyz")
    )


def subject_of(context: CheckContext, table: str) -> TableUnderTest:
    return TableUnderTest.of(context, context.endpoint_map.selections[table])


def held(value_search: ValueSearch, field_operator: FieldOperator) -> list[Any]:
    return value_search.values(field_operator)[:SOME]


@pytest.mark.parametrize("table", ["artifacts", "artifact_collections", "flows"])
def test_every_operand_is_valid(context_factory: ContextFactory, context: CheckContext, table: str) -> None:
    context_factory.learn(context, SMALL)
    subject, interpreter = subject_of(context, table), context_factory.interpreter(strict=True)
    lists = subject.selection.lists
    bodies = [
        field_operator.filters(operand)
        for field_operator in subject.field_operators.values()
        for operand in (
            *operands(field_operator, held(subject.value_search, field_operator)),
            unmatched(field_operator) if is_list(field_operator) else None,
        )
    ]
    refused = [body for body in bodies if interpreter.refusals(lists, json.dumps(body).encode(), {}) != [None]]
    assert len(bodies) > 5 * len(subject.field_operators)
    assert refused == []


def is_list(field_operator: FieldOperator) -> bool:
    return bool(field_operator.place.value["type"] == "array")


def test_no_row_has_an_unmatched_value() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in SMALL.glob("*.jsonl"))
    assert not any(value in texts for value in UNMATCHED.values())


def test_no_word_is_unmatched_if_rows_can_have_each(context: CheckContext) -> None:
    field_operators = subject_of(context, "flows").field_operators
    assert unmatched(field_operators["flow_runs", "state", "type", "any_"]) == []
    assert unmatched(field_operators["flow_runs", "state", "name", "any_"]) == [UNMATCHED["text"]]
    assert unmatched(field_operators["flow_runs", "id", "any_"]) == [UNMATCHED["uuid"]]


@pytest.mark.parametrize("text", TEXTS)
def test_patterns_match_as_intended(text: str) -> None:
    wider = list(wider_than(text))
    assert wider[0] == "%"
    assert [pattern for pattern in wider if not contains(text, pattern)] == []
    assert [case for case in both_cases(text) if not contains(text, case) or not contains(case, text)] == []
    every = list(patterns(text))
    assert {*wider, *both_cases(text), text} <= set(every)
    assert [
        pattern for pattern in every if len(pattern) > len(text) and "%" not in pattern and contains(text, pattern)
    ] == []
    assert f"{text}_" in every


def test_case_is_changed_of_ascii_letters_only() -> None:
    assert both_cases("aÄß-İz") == ["AÄß-İZ", "aÄß-İz"]


def test_time_has_neighbours_a_microsecond_away() -> None:
    same, *elsewhere, before, after = around("2026-01-30T23:59:59.999999Z")
    assert (same, before) == ("2026-01-30T23:59:59.999999Z", "2026-01-30T23:59:59.999998Z")
    assert after == "2026-01-31T00:00:00Z"
    assert {moment(text) for text in elsewhere} == {moment(same)}
    assert {text[-6:-5] for text in elsewhere} == {"+", "-"}
    neighbours = pairwise([moment(before), moment(same), moment(after)])
    assert [later - earlier for earlier, later in neighbours] == [timedelta(microseconds=1)] * 2
    assert moment(DAWN) < moment(before) < moment(DUSK)


def test_few_operands_include_the_neighbours_of_a_time(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        operator = subject_of(context, "flow_runs").field_operators["flow_runs", "start_time", "before_"]
    *near, elsewhere = few_operands(operator, ["2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z"])
    assert near == ["2026-01-31T00:00:00Z", "2026-01-30T23:59:59.999999Z", "2026-01-31T00:00:00.000001Z"]
    assert moment(elsewhere) == moment(near[0])
    assert list(few_operands(operator, [])) == []


def test_few_operands_include_a_text_in_the_other_case(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        operators = subject_of(context, "flow_runs").field_operators
        names, ids = operators["flow_runs", "name", "any_"], operators["flow_runs", "id", "any_"]
    assert ["bRISK-hERON"] in [*few_operands(names, ["Brisk-Heron", "b"])]
    assert ["A"] not in [*few_operands(ids, ["a", "b"])]


def test_lists_of_ids_have_them_alone_in_upper_case_twice_and_after_many_others() -> None:
    no_match = UNMATCHED["uuid"]
    assert list(lists(["a", "b"], [no_match], CROWD)) == [
        [no_match],
        ["a"],
        ["A"],
        ["b"],
        ["B"],
        ["a", "b", "a", "b", no_match],
        [*CROWD, "a"],
    ]
    assert list(lists([], [no_match], CROWD)) == [[no_match]]


def test_lists_of_texts_include_other_cases() -> None:
    no_match = UNMATCHED["text"]
    assert list(lists(["aB"], [no_match], CROWD)) == [
        [no_match],
        ["aB"],
        ["AB"],
        ["ab"],
        ["aB", "aB", no_match],
        [*CROWD, "aB"],
    ]


def test_first_operand_has_many_ids(context_factory: ContextFactory, context: CheckContext) -> None:
    context_factory.learn(context, SMALL)
    operator = subject_of(context, "flows").field_operators["flows", "id", "any_"]
    one, two = "0000000a-0000-4000-8000-000000000001", "0000000b-0000-4000-8000-000000000001"
    assert list(first_operands(operator, [one, two])) == [[one, *many_unmatched(operator), two.upper()]]
    assert list(first_operands(operator, [one])) == [[UNMATCHED["uuid"], *many_unmatched(operator), one.upper()]]
    assert list(first_operands(operator, [])) == [[UNMATCHED["uuid"]]]


def test_first_operands_include_similar_texts(context_factory: ContextFactory, context: CheckContext) -> None:
    context_factory.learn(context, SMALL)
    operators = subject_of(context, "flows").field_operators
    name, tags = operators["flows", "name", "any_"], operators["flows", "tags", "all_"]
    long = many_unmatched(name)
    assert list(first_operands(name, ["etl", "ml"])) == [["etl", *long, "ml"], ["et", "ETL", " etl "]]
    assert list(first_operands(tags, ["finance", "daily"])) == [
        [*["finance"] * 151, "daily"],
        ["finance", "financ"],
        ["finance", "FINANCE"],
        ["finance", " finance "],
    ]
    assert list(first_operands(name, ["1", "2"])) == [["1", *long, "2"], [" 1 "]]


def test_combined_operands_end_with_values(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        operators = subject_of(context, "flow_runs").field_operators
    state = operators["flow_runs", "state", "type", "any_"]
    repeated = [["A", *["A"] * 150, "B"], ["B", *["B"] * 150, "A"]]
    assert list(combined_operands(state, ["A", "B"])) == [*repeated, []]
    name = operators["flow_runs", "name", "like_"]
    assert list(combined_operands(name, ["my run-1"])) == ["m%1", "y ", " r", "n-", "-1", UNMATCHED["text"]]
    start = operators["flow_runs", "start_time", "before_"]
    east, west, none = combined_operands(start, ["2026-01-31T00:00:00Z"])
    assert (east[-6:], west[-6:], none) == ("+05:30", "-09:30", DAWN)


def test_first_operands_include_a_time_without_its_fraction(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        operator = subject_of(context, "flow_runs").field_operators["flow_runs", "end_time", "before_"]
    here = "2026-01-30T18:02:00.900867Z"
    assert list(first_operands(operator, [here])) == [here, "2026-01-30T23:32:00.900867+05:30", "2026-01-30T18:02:00Z"]


def test_texts_are_searched_by_their_beginning_not_their_end(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        operator = subject_of(context, "work_queues").field_operators["work_queues", "name", "startswith_"]
    assert list(first_operands(operator, ["critical"]))[1:] == [["CRIT"], ["ritical"]]
    assert list(operands(operator, ["critical"]))[-2:] == [["CRIT"], ["ritical"]]


def test_texts_are_searched_in_letters_equal_only_in_unicode(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        operator = subject_of(context, "flows").field_operators["flows", "name", "like_"]
    assert list(first_operands(operator, ["Tasks"])) == ["_SK", "Ta\u017f\u212a\u017f"]
    assert list(first_operands(operator, ["etl"])) == ["_TL"]


def test_searches_for_two_words_of_a_text() -> None:
    assert list(searches(["one", "A flow, that runs"])) == [
        f"A {UNMATCHED['uuid']}",
        '"A flow"',
        "+A +FLOW",
        "A -flow",
        "A !flow",
        "low",
    ]
