"""Loaded rows that no request would create, read from a real server and the stand-in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import unusual_rows
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
        expected, got = (without(moving, each.json()) for each in responses)
        assert got == expected, path
