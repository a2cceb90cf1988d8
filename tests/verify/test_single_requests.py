"""Operators, filters and sorts, each in one request."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import refuses, sends
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reference.reference_server import ReferenceServer
from understudy.reports.verdict import Verdict
from understudy.verify import read_parts
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.requests.operation_names import every
from understudy.verify.suite import subjects_of

Verify = Callable[[Behaviour], Verdict]


@pytest.fixture
def verdict(all_operations: ContextFactory, api: Api) -> Iterator[Verify]:
    """Sends each of these requests once."""

    def check(behaviour: Behaviour) -> Verdict:
        with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            context.mirror = mirror
            all_operations.learn(context)
            single = read_parts.single_requests_of(context, subjects_of(context))
            for part in (*single, *read_parts.single_values_of(context, every)):
                context.results.run(part.task)
            assert context.results.verdict.errors == []
            return context.results.verdict

    with closing(Mirror(ReferenceServer)) as mirror:
        yield check


def test_correct_server(verdict: Verify) -> None:
    result = verdict(unchanged)
    assert result.violations == []
    assert sum(result.checks.values()) > 500


def ascending(body: Any) -> Any:
    return {**body, "sort": str(body.get("sort", "")).replace("NAME_DESC", "NAME_ASC") or "ID_DESC"}


def later_ascending(body: Any) -> Any:
    return ascending(body) if body.get("offset") else body


def without_flows(body: Any) -> Any:
    """Flows are ignored beside two other filters."""
    others = body.keys() & {"flows", "flow_runs", "task_runs", "deployments"}
    return {name: part for name, part in body.items() if name != "flows"} if len(others) > 2 else body


def without_several_tags(body: Any) -> Any:
    """Tags of flow runs are ignored if there are several."""
    tags = ((body.get("flow_runs") or {}).get("tags") or {}).get("any_") or ()
    return {name: part for name, part in body.items() if name != "flow_runs"} if len(tags) > 1 else body


BROKEN = {
    "several values of a row": ("POST /ui/task_runs/count", without_several_tags, "flow_runs.tags.any_"),
    "an operator": ("POST /flow_runs/filter", drop("flow_runs.tags.all_"), "flow_runs.tags.all_"),
    "a flag": ("POST /task_runs/filter", drop("task_runs.subflow_runs"), "task_runs.subflow_runs.exists_"),
    "a filter on related rows": ("POST /flows/filter", drop("flow_runs.name.like_"), "flow_runs.name.like_"),
    "a filter of a count": ("POST /flow_runs/count", drop("flows"), "flows."),
    "a filter of a summary": ("POST /flow_runs/history", drop("flows"), "flows."),
    "a small number": ("POST /work_queues/filter", drop("limit"), "limit"),
    "a small page": ("POST /flow_runs/paginate", drop("page"), "page"),
    "an operator of pages": ("POST /flow_runs/paginate", drop("flow_runs.tags.all_"), "flow_runs.tags.all_"),
    "a filter beside others": ("POST /deployments/filter", without_flows, ""),
    "either criterion": ("POST /flow_runs/filter", drop("flow_runs.operator"), "flow_runs."),
    "a sort of pages": ("POST /flows/paginate", ascending, "NAME_DESC"),
    "a sort of later rows": ("POST /flows/filter", later_ascending, "NAME_DESC"),
    "a sort": ("POST /flow_runs/filter", ascending, "NAME_DESC"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_server(verdict: Verify, name: str) -> None:
    label, change, about = BROKEN[name]
    violations = verdict(sends(label, change)).violations
    assert {each.operation for each in violations} == {label}
    assert any(each.subject.startswith(about) for each in violations)


def test_time_without_an_offset(verdict: Verify) -> None:
    is_naive = re.compile(r'"(before|after)_": *"[-0-9T:.]+"')
    refused = refuses("POST /flow_runs/(filter|count|paginate)", lambda each: bool(is_naive.search(each.body.decode())))
    violations = verdict(refused).violations
    assert any(each.subject.startswith("flow_runs.") for each in violations)
    assert {each.operation.rpartition("/")[0] for each in violations} == {"POST /flow_runs"}


def test_paths_with_several_rows_mostly_have_related_ones(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        all_operations.learn(context)
        for label in (
            "GET /deployments/name/{flow_name}/{deployment_name}",
            "GET /work_pools/{work_pool_name}/queues/{name}",
        ):
            endpoint, reads = all_operations.endpoint(label), context.random_reads()
            requests = [reads.request(endpoint, reads.samples) for _ in range(50)]
            assert sum(context.ask(endpoint, each).is_success for each in requests) > 30
            assert {each.operation for each in requests} == {endpoint.path}
