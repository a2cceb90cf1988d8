"""Lists below a row, compared with the rows that this row shows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import jsonl
from tests.apps import app_on
from tests.mutants.behaviours import each, replies
from tests.mutants.exchange import Answer, Request
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop, put
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.verify import suite
from understudy.verify.requests.operation_names import every

LABEL = "GET /deployments/{id}/schedules"
FLOW, DEPLOYMENT, *SCHEDULES = (f"00000000-0000-4000-8000-{number:012}" for number in range(1, 5))
TIMES = {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "flows": [{"id": FLOW, "name": "one"}],
    "deployments": [{"id": DEPLOYMENT, "name": "daily", "flow_id": FLOW}],
    "deployment_schedules": [
        {"id": row_id, "deployment_id": DEPLOYMENT, "active": active, "schedule": {"cron": "0 6 * * *"}}
        for row_id, active in zip(SCHEDULES, [True, False], strict=True)
    ],
}


@pytest.fixture
def failed(all_operations: ContextFactory, api: Api, tmp_path: Path) -> Callable[[Behaviour], set[str]]:
    """The operations whose lists differ from what other rows show."""
    for table, rows in ROWS.items():
        jsonl.write(tmp_path / f"{table}.jsonl", [{**TIMES, **row} for row in rows])

    def check(behaviour: Behaviour) -> set[str]:
        with all_operations.context_of(Proxy(Inside(app_on(tmp_path, api)), behaviour)) as context:
            all_operations.learn(context)
            operations, *_ = suite.stages(context, suite.subjects_of(context), every, allow_writes=False)
            parts = [part for kind in operations for part in kind if part.name == f"{LABEL}: the rows of schedules"]
            for part in parts:
                context.results.run(part.task)
            assert len(parts) == 1
            assert context.results.verdict.errors == []
            return {each.operation for each in context.results.verdict.violations}

    return check


def only_active(_: Request, answer: Answer) -> Answer:
    return answer.saying([each for each in answer.json if each["active"]])


def with_other_time_zone(_: Request, answer: Answer) -> Answer:
    return answer.saying([{**each, "schedule": {**each["schedule"], "timezone": "Asia/Tokyo"}} for each in answer.json])


def backwards(_: Request, answer: Answer) -> Answer:
    return answer.saying(answer.json[::-1])


@pytest.mark.parametrize("change", [only_active, with_other_time_zone])
def test_list_differs_from_what_the_row_shows(
    failed: Callable[[Behaviour], set[str]], change: Callable[[Request, Answer], Answer]
) -> None:
    assert failed(replies("GET /deployments/[^/]+/schedules", change)) == {LABEL}


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (drop("schedules"), LABEL),
        (put(schedules=None), "POST /deployments/filter"),
        (put(schedules=5), "POST /deployments/filter"),
    ],
)
def test_row_without_such_a_list_is_a_violation(
    failed: Callable[[Behaviour], set[str]], change: Callable[[Any], Any], label: str
) -> None:
    changed = each(change)
    behaviour = replies("POST /deployments/filter", lambda _, answer: answer.saying(changed(answer.json)))
    assert label in failed(behaviour)


@pytest.mark.parametrize("behaviour", [unchanged, replies("GET /deployments/[^/]+/schedules", backwards)])
def test_same_rows_in_any_order(failed: Callable[[Behaviour], set[str]], behaviour: Behaviour) -> None:
    assert failed(behaviour) == set()
