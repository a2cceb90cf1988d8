"""Loaded rows that no request would create, read from a real server and the stand-in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import unusual_rows
from tests.real.alike import Likeness
from tests.real.conftest import Pair
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.moving_fields import moving_fields, without


def test_unusual_rows_are_shown_as_by_a_real_server(
    pair: Callable[[Path], Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_BLOCKS_REGISTER_ON_START", "false")
    real, ours = pair(unusual_rows.write(tmp_path / "set"))
    moving = moving_fields(Contract.load(own_folder() / "openapi.yaml"))
    for method, path, body in unusual_rows.READS:
        responses = [api.request(method, path, json=body) for api in (real, ours)]
        assert [each.status_code for each in responses] == [200, 200], path
        # SQLite decides in which order a real server finds the nodes of a graph that start and end together.
        shown = in_any_order if path.endswith("graph-v2") else unchanged
        expected, got = (shown(without(moving, each.json())) for each in responses)
        assert got == expected, path
    likeness = Likeness()
    for method, path, body in unusual_rows.WRITES:
        expected, got = (without(moving, api.request(method, path, json=body).json()) for api in (real, ours))
        assert likeness.difference(without({"error"}, expected), without({"error"}, got)) is None, (method, path, body)


def unchanged(value: Any) -> Any:
    return value


def in_any_order(value: Any) -> Any:
    """A value whose lists are sorted."""
    if isinstance(value, dict):
        return {name: in_any_order(part) for name, part in value.items()}
    return sorted(map(in_any_order, value), key=json.dumps) if isinstance(value, list) else value
