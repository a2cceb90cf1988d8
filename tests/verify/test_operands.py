"""Operands to ask with: each keeps the contract, and is at the edge that it claims to be at."""

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.conftest import SMALL
from tests.naive import like
from tests.verify.contexts import Inspector
from understudy.verify.check_context import Inspection
from understudy.verify.filtered_rows.table_under_test import Subject
from understudy.verify.filtered_rows.value_search import Discovery
from understudy.verify.requests.field_operators import Leaf
from understudy.verify.requests.operands import (
    DAWN,
    DUSK,
    NOBODYS,
    around,
    both_cases,
    lists,
    moment,
    nobodys,
    operands,
    patterns,
    wider_than,
)

SOME = 3  # values for each leaf
CROWD = ["x", "y", "z"]
TEXTS = ["daily report", "100%-tab\tx", "under_score", "ÄRGER-İstanbul", "日本語", "emoji-🚀", "a", "q'\"\\x", "Æ"]


def subject_of(inspection: Inspection, table: str) -> Subject:
    return Subject.of(inspection, inspection.surface.selections[table])


def held(discovery: Discovery, leaf: Leaf) -> list[Any]:
    return discovery.values(leaf)[:SOME]


@pytest.mark.parametrize("table", ["artifacts", "artifact_collections", "flows"])
def test_every_operand_keeps_the_contract(inspector: Inspector, inspection: Inspection, table: str) -> None:
    inspector.learn(inspection, SMALL)
    subject, readings = subject_of(inspection, table), inspector.readings(strict=True)
    lists = subject.selection.lists
    bodies = [
        leaf.filters(operand)
        for leaf in subject.leaves.values()
        for operand in (*operands(leaf, held(subject.discovery, leaf)), nobodys(leaf) if is_list(leaf) else None)
    ]
    refused = [body for body in bodies if readings.refusals(lists, json.dumps(body).encode(), {}) != [None]]
    assert len(bodies) > 5 * len(subject.leaves)
    assert refused == []


def is_list(leaf: Leaf) -> bool:
    return bool(leaf.place.value["type"] == "array")


def test_nobody_holds_what_nobody_holds() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in SMALL.glob("*.jsonl"))
    assert not any(value in texts for value in NOBODYS.values())


def test_where_rows_may_hold_each_word_that_there_is_nobodys_word_is_none(inspection: Inspection) -> None:
    leaves = subject_of(inspection, "flows").leaves
    assert nobodys(leaves["flow_runs", "state", "type", "any_"]) == []
    assert nobodys(leaves["flow_runs", "state", "name", "any_"]) == [NOBODYS["text"]]
    assert nobodys(leaves["flow_runs", "id", "any_"]) == [NOBODYS["uuid"]]


@pytest.mark.parametrize("text", TEXTS)
def test_patterns_are_met_as_they_say(text: str) -> None:
    wider = list(wider_than(text))
    assert wider[0] == "%"
    assert [pattern for pattern in wider if not like(text, pattern)] == []
    assert [case for case in both_cases(text) if not like(text, case) or not like(case, text)] == []
    every = list(patterns(text))
    assert {*wider, *both_cases(text), text} <= set(every)
    assert [
        pattern for pattern in every if len(pattern) > len(text) and "%" not in pattern and like(text, pattern)
    ] == []
    assert f"{text}_" in every


def test_cases_are_changed_of_ascii_letters_only() -> None:
    assert both_cases("aÄß-İz") == ["AÄß-İZ", "aÄß-İz"]


def test_a_moment_has_neighbours_a_microsecond_away() -> None:
    same, *elsewhere, before, after = around("2026-01-30T23:59:59.999999Z")
    assert (same, before) == ("2026-01-30T23:59:59.999999Z", "2026-01-30T23:59:59.999998Z")
    assert after == "2026-01-31T00:00:00Z"
    assert {moment(text) for text in elsewhere} == {moment(same)}
    assert {text[-6:-5] for text in elsewhere} == {"+", "-"}
    neighbours = pairwise([moment(before), moment(same), moment(after)])
    assert [later - earlier for earlier, later in neighbours] == [timedelta(microseconds=1)] * 2
    assert moment(DAWN) < moment(before) < moment(DUSK)


def test_lists_of_ids_have_them_alone_in_capitals_twice_and_behind_many_that_nobody_holds() -> None:
    nobody = NOBODYS["uuid"]
    assert list(lists(["a", "b"], [nobody], CROWD)) == [
        [nobody],
        ["a"],
        ["A"],
        ["b"],
        ["B"],
        ["a", "b", "a", "b", nobody],
        [*CROWD, "a"],
    ]
    assert list(lists([], [nobody], CROWD)) == [[nobody]]


def test_lists_of_texts_have_them_in_other_cases_too() -> None:
    nobody = NOBODYS["text"]
    assert list(lists(["aB"], [nobody], CROWD)) == [
        [nobody],
        ["aB"],
        ["AB"],
        ["ab"],
        ["aB", "aB", nobody],
        [*CROWD, "aB"],
    ]
