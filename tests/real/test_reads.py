"""Fresh random requests, asked of a real server and of the stand-in."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.comparison import same_up_to_ties, sort_field
from tests.conftest import GOLDEN
from tests.generator import Generator, read_rows
from tests.real.conftest import Pair
from understudy.contract import Contract
from understudy.folder import own_folder

SETS = {
    "small": (GOLDEN / "small" / "fixtures", 1500),
    "mixed": (GOLDEN / "mixed" / "fixtures", 1500),
    "demo": (own_folder() / "fixtures" / "demo", 1000),
}


@pytest.mark.parametrize("name", SETS)
def test_random_requests_are_answered_alike(pair: Callable[[Path], Pair], randomness: random.Random, name: str) -> None:
    folder, count = SETS[name]
    real, ours = pair(folder)
    contract = Contract.load(own_folder() / "openapi.yaml")
    differences = []
    found = 0
    for path, body in Generator(contract, read_rows(folder), randomness).requests(count):
        expected, got = real.post(path, json=body), ours.post(path, json=body)
        found += expected.json() not in ([], 0)
        if not alike(path, body, expected, got):
            differences.append(f"{path} {json.dumps(body)}: {got.text[:300]}, not {expected.text[:300]}")
    assert differences == []
    assert found > count / 5, "most requests should find something, or they say little"


def alike(path: str, body: dict[str, Any], expected: httpx.Response, got: httpx.Response) -> bool:
    if expected.status_code != got.status_code:
        return False
    left, right = expected.json(), got.json()
    if isinstance(left, dict) and "results" in left:
        rows = left.pop("results"), right.pop("results")
        return left == right and same_up_to_ties(*rows, sort_field(path, body))
    if isinstance(left, list):
        return same_up_to_ties(left, right, sort_field(path, body)) and same_rows(left, right)
    return bool(left == right)


def same_rows(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
    known = {row["id"]: row for row in left}
    return all(known.get(row["id"], row) == row for row in right)
