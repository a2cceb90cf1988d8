"""New random requests to all operations that read, sent to a real server and to the stand-in."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GOLDEN
from tests.real.conftest import Pair, effort
from tests.recorded_reads import FIXTURES, Comparison, record
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.answers import rows_of

SETS = {
    "small": (GOLDEN / "small" / "fixtures", 250),
    "mixed": (GOLDEN / "mixed" / "fixtures", 250),
    "whole": (FIXTURES, 750),
    "demo": (own_folder() / "fixtures" / "demo", 250),
}


@pytest.mark.parametrize("name", SETS)
def test_random_requests_have_the_same_responses(
    pair: Callable[[Path], Pair], randomness: random.Random, name: str
) -> None:
    folder, count = SETS[name][0], effort(SETS[name][1])
    real, ours = pair(folder)
    comparison = Comparison(Contract.load(own_folder() / "openapi.yaml"))
    answered = 0
    for case in record(real, count, randomness.randrange(2**32), folder):
        body = {} if case["body"] is None else {"json": case["body"]}
        got = ours.request(case["method"], case["path"], **body)
        assert got.status_code == case["status"], case
        assert comparison.agrees(case, got.json()), (case, got.json())
        answered += has_rows(got.json())
    assert answered > count / 4, "too few requests find anything"


def has_rows(answer: Any) -> bool:
    rows = rows_of(answer)
    return answer != 0 if rows is None else rows != []
