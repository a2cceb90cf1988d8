"""A dump of a real server's API is a fixture set without changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests import jsonl
from tests.real.conftest import Pair
from tests.servers import stand_in
from understudy.operations.api_folder import own_folder

TABLES = ("artifacts", "flows", "flow_runs", "task_runs", "deployments", "work_pools", "work_queues")
PAGE = 200


def all_rows(api: httpx.Client, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = api.post(f"/{table}/filter", json={"offset": len(rows), "limit": PAGE}).raise_for_status().json()
        rows += page
        if len(page) < PAGE:
            return rows


def test_dump_of_a_real_server_can_be_served(pair: Callable[[Path], Pair], tmp_path: Path) -> None:
    real, ours = pair(own_folder() / "fixtures" / "demo")
    dump = tmp_path / "dump"
    dump.mkdir()
    for table in TABLES:
        jsonl.write(dump / f"{table}.jsonl", all_rows(real, table))
    with stand_in(dump) as copy:
        for table in ("artifacts", "flows"):
            assert all_rows(copy, table) == all_rows(ours, table)
            body = {"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}
            assert copy.post(f"/{table}/count", json=body).json() == ours.post(f"/{table}/count", json=body).json() > 0
