"""Recorded responses of a real server to random reads of all operations (`tests/recorded_reads.py`)."""

import json

from tests.conftest import Keeping
from tests.recorded_reads import FIXTURES, Comparison, recorded_reads
from tests.servers import stand_in
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder


def test_recorded_reads_are_equal(keeping: Keeping) -> None:
    comparison = Comparison(Contract.load(own_folder() / "openapi.yaml"))
    cases = recorded_reads()
    differing = []
    with stand_in(FIXTURES, *keeping()) as api:
        for case in cases:
            body = {} if case["body"] is None else {"json": case["body"]}
            answer = api.request(case["method"], case["path"], **body)
            if answer.status_code != case["status"] or not comparison.agrees(case, answer.json()):
                differing.append(f"{case['method']} {case['path']} {json.dumps(case['body'])[:300]}")
    assert len(cases) > 6000
    assert differing == []
