"""Rows with many errors: loading ends soon, with a short report."""

import json
import time
from functools import partial
from typing import Any

import pytest

from understudy.admin.handlers.workspaces import place_of
from understudy.loading import loader
from understudy.loading.loader import LoadError
from understudy.loading.sources import Source
from understudy.operations.api_folder import Api
from understudy.workspaces.workspace import Workspace

Rows = dict[str, list[dict[str, Any]]]

MANY: dict[str, tuple[Rows, int, bool]] = {
    "names that are like others": (
        {
            "flows": [{"name": f"nightly-etl-number-{number}"} for number in range(9000)],
            "deployments": [{"name": f"{number}", "flow": f"nightly-etl-numbre-{number}"} for number in range(1500)],
        },
        1002,
        False,
    ),
    "long names": (
        {
            "flows": [{"name": "x" * 15_000 + str(number)} for number in range(100)],
            "deployments": [{"name": f"{number}", "flow": "y" * 15_000} for number in range(20)],
        },
        20,
        True,
    ),
    "tables": ({f"table{number}": [] for number in range(50_000)}, 1002, False),
    "fields": ({"flows": [{"name": "x", **{f"nam{number}": 1 for number in range(20_000)}}]}, 51, True),
    "a value": ({"flows": [{"name": "x" * 200_000}] * 30}, 29, True),
}
"""Rows, how many errors are counted, and whether all rows were read."""


@pytest.mark.parametrize("case", MANY)
def test_many_errors_are_reported_quickly_and_briefly(api: Api, case: str) -> None:
    rows, count, is_complete = MANY[case]
    sources = [
        Source(table, [(number, json.dumps(row)) for number, row in enumerate(some)], partial(place_of, table))
        for table, some in rows.items()
    ]
    start = time.process_time()
    with pytest.raises(LoadError) as raised:
        loader.load(Workspace.empty(api.catalog), sources)
    assert time.process_time() - start < 30  # it took minutes
    assert (raised.value.count, raised.value.is_complete) == (count, is_complete)
    assert len(str(raised.value)) < 60_000
