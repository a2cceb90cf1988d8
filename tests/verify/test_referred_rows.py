"""Rows with what refers to them."""

from understudy.operations.api_folder import Api
from understudy.sampling.answers import Row
from understudy.verify.expectations.referred_rows import with_referrers

KNOWN: dict[str, dict[str, Row]] = {
    "flow_runs": {
        "parent": {"id": "parent", "parent_task_run_id": None},
        "child": {"id": "child", "parent_task_run_id": "task"},
        "alone": {"id": "alone"},
    },
    "task_runs": {
        "task": {"id": "task", "flow_run_id": "parent"},
        "other": {"id": "other", "flow_run_id": "alone"},
    },
}


def test_rows_that_others_refer_to_directly_or_through_another_one(api: Api) -> None:
    rows = with_referrers(api.catalog, KNOWN, "flow_runs")
    tasks, subflows = "task_runs.flow_run_id", "flow_runs.parent_task_run_id task_runs.flow_run_id"
    shown = {row_id: (row[tasks], row[subflows]) for row_id, row in rows.items()}
    assert shown == {"parent": (True, True), "child": (False, False), "alone": (True, False)}
    assert rows["child"]["parent_task_run_id"] == "task"


def test_chains_of_tables_without_known_rows(api: Api) -> None:
    rows = with_referrers(api.catalog, {"flow_runs": KNOWN["flow_runs"]}, "flow_runs")
    assert not any(value for row in rows.values() for name, value in row.items() if "." in name)
