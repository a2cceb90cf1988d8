"""Reads that scenarios repeat around their writes."""

from typing import Any

import pytest

from tests.verify.contexts import ContextFactory
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.repeated_reads import TIMES, with_repeated_reads
from understudy.verify.requests.scenario_requests import Scenario

CREATE = {"send": "POST /flows/", "body": {"name": "{mark}"}, "as": "flow"}
READ = {"send": "GET /flows/{flow.id}"}
COUNT = {"send": "POST /flows/count", "body": {"flows": {"name": {"any_": ["{mark}"]}}}}
DELETE = {"send": "DELETE /flows/{flow.id}"}


@pytest.fixture
def endpoint_map(all_operations: ContextFactory) -> EndpointMap:
    return all_operations.endpoint_map


def scenario(endpoint_map: EndpointMap, *steps: dict[str, Any]) -> Scenario:
    return Scenario(endpoint_map.endpoints[0], "a scenario", steps, ())


def steps(endpoint_map: EndpointMap, *some: Scenario) -> list[list[Any]]:
    return [list(each.steps) for each in with_repeated_reads(endpoint_map, some)]


def test_reads_are_repeated_around_each_write(endpoint_map: EndpointMap) -> None:
    some = scenario(endpoint_map, CREATE, READ, DELETE, COUNT)
    assert steps(endpoint_map, some) == [
        [READ, COUNT, CREATE, READ, COUNT, READ, DELETE, READ, COUNT, COUNT],
    ]


def test_names_of_responses_are_not_repeated(endpoint_map: EndpointMap) -> None:
    some = scenario(endpoint_map, CREATE, {**READ, "as": "found"})
    assert steps(endpoint_map, some) == [[READ, CREATE, READ, {**READ, "as": "found"}]]


def test_reads_are_repeated_in_a_few_scenarios_only(endpoint_map: EndpointMap) -> None:
    some = scenario(endpoint_map, CREATE, COUNT)
    repeated = steps(endpoint_map, *(TIMES + 1) * [some])
    assert repeated[:TIMES] == TIMES * [[COUNT, CREATE, COUNT, COUNT]]
    assert repeated[TIMES] == [CREATE, COUNT]


def test_scenarios_that_wait_are_unchanged(endpoint_map: EndpointMap) -> None:
    some = scenario(endpoint_map, CREATE, {**COUNT, "within": 2.0})
    assert steps(endpoint_map, some) == [list(some.steps)]
