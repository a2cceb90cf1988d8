"""Operators, filters and sorts, each in one request."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import sends
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reference.reference_server import ReferenceServer
from understudy.reports.verdict import Verdict
from understudy.verify import suite
from understudy.verify.expectations.mirror import Mirror

Verify = Callable[[Behaviour], Verdict]


@pytest.fixture
def verdict(all_operations: ContextFactory, api: Api) -> Iterator[Verify]:
    """Sends each of these requests once."""

    def check(behaviour: Behaviour) -> Verdict:
        with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            context.mirror = mirror
            all_operations.learn(context)
            for part in suite.single_requests_of(context, suite.subjects_of(context)):
                context.results.run(part.task)
            assert context.results.verdict.errors == []
            return context.results.verdict

    with closing(Mirror(ReferenceServer)) as mirror:
        yield check


def test_a_correct_server(verdict: Verify) -> None:
    result = verdict(unchanged)
    assert result.violations == []
    assert sum(result.checks.values()) > 500


def ascending(body: Any) -> Any:
    return {**body, "sort": str(body.get("sort", "")).replace("NAME_DESC", "NAME_ASC") or "ID_DESC"}


BROKEN = {
    "an operator": ("POST /flow_runs/filter", drop("flow_runs.tags.all_"), "flow_runs.tags.all_"),
    "a flag": ("POST /task_runs/filter", drop("task_runs.subflow_runs"), "task_runs.subflow_runs.exists_"),
    "a filter on related rows": ("POST /flows/filter", drop("flow_runs.name.like_"), "flow_runs.name.like_"),
    "a filter of a count": ("POST /flow_runs/count", drop("flows"), "flows."),
    "a filter of a summary": ("POST /flow_runs/history", drop("flows"), "flows."),
    "a sort": ("POST /flow_runs/filter", ascending, "NAME_DESC"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_server(verdict: Verify, name: str) -> None:
    label, change, about = BROKEN[name]
    violations = verdict(sends(label, change)).violations
    assert {each.operation for each in violations} == {label}
    assert any(each.subject.startswith(about) for each in violations)
