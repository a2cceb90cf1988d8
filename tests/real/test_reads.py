"""Fresh random requests, asked of a real server and of the stand-in."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import GOLDEN
from tests.drawing import generator
from tests.real.conftest import Pair
from understudy.contract import Contract
from understudy.folder import own_folder
from understudy.verification.compare import compare

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
    found = sum(
        ours.post(request.path, json=request.body).json() not in ([], 0) for request in requests if request.body
    )
    assert found > count / 5, "most requests should find something, or they say little"
