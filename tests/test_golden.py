"""Recorded responses of a real server, on two fixture sets: 4,500 requests, errors included."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import jsonl
from tests.conftest import GOLDEN, Keeping
from tests.servers import stand_in
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.answers import same_up_to_ties
from understudy.sampling.random_requests import order_of

CONTRACT = Contract.load(own_folder() / "openapi.yaml")
CASES = {"small": 1500, "mixed": 3000}


@pytest.mark.parametrize("name", CASES)
def test_golden_responses_are_equal(keeping: Keeping, name: str) -> None:
    rows = {entry["row"]["id"]: entry["row"] for entry in jsonl.read(GOLDEN / name / "rows.jsonl")}
    cases = jsonl.read(GOLDEN / name / "cases.jsonl")
    with stand_in(GOLDEN / name / "fixtures", *keeping()) as api:
        differences = [difference for case in cases for difference in differences_of(api, case, rows)]
    assert len(cases) == CASES[name]
    assert differences == []


def differences_of(api: httpx.Client, case: dict[str, Any], rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    body = {} if case["method"] == "GET" else {"json": case["body"]}
    answer = api.request(case["method"], case["path"], **body)
    got = answer.json()
    where = f"case {case['id']}: {case['path']} {json.dumps(case['body'])[:300]}"
    if answer.status_code != case["status"]:
        yield f"{where}: {answer.status_code}, not {case['status']}"
    elif "ids" in case:
        yield from differences_of_lists(where, case, case["ids"], got, rows)
    elif "page" in case:
        expected = dict(case["page"])
        yield from differences_of_lists(where, case, expected.pop("ids"), got.pop("results"), rows)
        if got != expected:
            yield f"{where}: {got}, not {expected}"
    elif got != case["answer"]:
        yield f"{where}: {got}, not {case['answer']}"


def differences_of_lists(
    where: str, case: dict[str, Any], ids: list[str], got: list[dict[str, Any]], rows: dict[str, dict[str, Any]]
) -> Iterator[str]:
    for row in got:
        if row != rows[row["id"]] or list(row) != list(rows[row["id"]]):
            yield f"{where}: the row {row}, not {rows[row['id']]}"
    schema = CONTRACT.root["paths"][case["path"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
    order = order_of(schema, case["body"])
    assert order is not None
    if not same_up_to_ties([rows[row_id] for row_id in ids], got, order):
        yield f"{where}: {[row['id'] for row in got]}, not {ids}"
