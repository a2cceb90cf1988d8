"""Fresh random requests, asked of a real server and of the stand-in."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GOLDEN
from tests.drawing import generator
from tests.real.conftest import Pair
from understudy.compare.findings import compare
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.answers import rows_of

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
    requests = list(generator(contract, folder, randomness).requests(count))
    assert [finding for finding in compare(real, ours, requests) if finding is not None] == []
    answers = [ours.post(request.path, json=request.body).json() for request in requests if request.schema]
    assert sum(map(says_something, answers)) > len(answers) / 4, "too few requests find anything"


def says_something(answer: Any) -> bool:
    rows = rows_of(answer)
    return answer != 0 if rows is None else rows != []
