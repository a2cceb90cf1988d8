"""Lists without filters whose rows have the same values in the field that sorts them."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests import jsonl
from tests.conftest import GOLDEN
from tests.real.conftest import Pair
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.verify.requests.endpoint_map import EndpointMap

TIME = re.compile(r"\d{4}-\d\d-\d\dT")
NAMED = {"flow_runs": "run", "task_runs": "task", "automations": "automation"}  # whose names need not differ
NAMES = 3
PAGE, MOST = 200, 1000
VARIABLES = [
    {
        "id": f"00000000-0000-4000-8000-0000000000{(7 * number) % 40:02}",
        "created": f"2026-01-0{1 + number % 2}T00:00:00Z",
        "updated": f"2026-01-0{1 + number % 3}T00:00:00Z",
        "name": f"variable_{number}",
        "value": number,
    }
    for number in range(40)
]
AUTOMATIONS = [
    {
        "id": f"00000000-0000-4000-8000-0000000001{(7 * number) % 40:02}",
        "created": f"2026-01-0{1 + number % 2}T00:00:00Z",
        "updated": f"2026-01-0{1 + number % 3}T00:00:00Z",
        "name": "automation",
        "trigger": {"type": "event", "posture": "Reactive", "expect": ["none"], "threshold": 1, "within": 0},
        "actions": [{"type": "do-nothing"}],
    }
    for number in range(40)
]


def coarse(value: Any) -> Any:
    """A value in which times are the beginning of a month."""
    if isinstance(value, dict):
        return {name: coarse(part) for name, part in value.items()}
    if isinstance(value, str) and TIME.match(value):
        return f"{value[:7]}-01T00:00:00Z"
    return value


def tied(folder: Path) -> Path:
    """A fixture set with rows of few times and names."""
    folder.mkdir()
    for path in (GOLDEN / "whole" / "fixtures").glob("*.jsonl"):
        rows = [coarse(row) for row in jsonl.read(path)]
        if path.stem in NAMED:
            rows = [{**row, "name": f"{NAMED[path.stem]}_{number % NAMES}"} for number, row in enumerate(rows)]
        jsonl.write(folder / path.name, rows)
    jsonl.write(folder / "variables.jsonl", VARIABLES)
    jsonl.write(folder / "automations.jsonl", AUTOMATIONS)
    return folder


def sorted_lists() -> Iterator[tuple[str, dict[str, Any]]]:
    """The path and the body of each list in each of its orders."""
    for selection in EndpointMap.of(Contract.load(own_folder() / "openapi.yaml")).selections.values():
        if selection.sort is not None:
            name, schema = selection.sort
            yield from ((selection.lists.path, {name: word}) for word in schema.value["x-sorts"])


def listed(api: httpx.Client, path: str, body: dict[str, Any]) -> list[str]:
    pages = [
        api.post(path, json={**body, "limit": PAGE, "offset": offset}).raise_for_status().json()
        for offset in range(0, MOST, PAGE)
    ]
    return [row["id"] for page in pages for row in page]


def test_lists_without_filters_are_in_the_same_order(pair: Callable[[Path], Pair], tmp_path: Path) -> None:
    real, ours = pair(tied(tmp_path / "tied"))
    lists = [each for each in sorted_lists() if "block" not in each[0]]  # whose ids each server makes itself
    assert len(lists) > 40
    for path, body in lists:
        assert listed(ours, path, body) == listed(real, path, body), f"{path} {json.dumps(body)}"
