"""Runs whose states are only types in fixtures."""

from pathlib import Path
from typing import Any

import pytest

from tests.servers import stand_in

FLOW_RUN, TASK_RUN = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
ROWS = {
    "flows": '{"name": "etl"}',
    "flow_runs": f'{{"id": "{FLOW_RUN}", "flow": "etl", "state_type": "RUNNING", "state": {{"type": "RUNNING"}}}}',
    "task_runs": f'{{"id": "{TASK_RUN}", "flow_run_id": "{FLOW_RUN}", "task_key": "t", "dynamic_key": "0", '
    '"state_type": "RUNNING", "state": {"type": "RUNNING"}}',
}


@pytest.mark.parametrize(("runs", "run_id"), [("flow_runs", FLOW_RUN), ("task_runs", TASK_RUN)])
def test_state_given_as_a_type_has_an_id_a_name_and_a_time(tmp_path: Path, runs: str, run_id: str) -> None:
    for table, row in ROWS.items():
        (tmp_path / f"{table}.jsonl").write_text(row, encoding="utf-8")
    states, owner = f"{runs[:-1]}_states", f"{runs[:-1]}_id"
    with stand_in(tmp_path) as api:

        def listed() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = api.get(f"/{states}/", params={owner: run_id}).raise_for_status().json()
            return found

        run = api.get(f"/{runs}/{run_id}").raise_for_status().json()
        assert (run["state"]["name"], run["state"]["timestamp"]) == ("Running", run["updated"])
        (first,) = listed()
        assert first == run["state"]
        body = {"state": {"type": "COMPLETED"}}
        answer = api.post(f"/{runs}/{run_id}/set_state", json=body).raise_for_status().json()
        assert answer["status"] == "ACCEPT"
        before, after = listed()
        assert (before["id"], before["name"], after["name"]) == (first["id"], "Running", "Completed")
