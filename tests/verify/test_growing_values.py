"""Values that only grow, in rows and in lists of rows."""

from tests.verify.contexts import ContextFactory
from understudy.verify.expectations.growing_values import GrowingValues

RUN, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


def test_smaller_value_of_the_same_row(all_operations: ContextFactory) -> None:
    row, rows = (all_operations.endpoint(each).success for each in ("GET /flow_runs/{id}", "POST /flow_runs/filter"))
    values = GrowingValues()
    assert values.smaller(row, {"id": RUN, "total_run_time": 2.5}) is None
    assert values.smaller(row, {"id": OTHER, "total_run_time": 1.0}) is None, "another row"
    assert values.smaller(rows, [{"id": RUN, "total_run_time": 3}]) is None
    assert values.smaller(row, {"id": RUN}) is None
    assert values.smaller(rows, [{"id": OTHER, "total_run_time": 1}, {"id": RUN, "total_run_time": 2.9}]) == (
        "total_run_time",
        3,
        2.9,
    )
    assert values.smaller(None, None) is None
