"""The order of scenarios."""

import random
from typing import Any

import pytest

from tests.verify.contexts import ContextFactory
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.scenario_order import features_in, features_of, most_new_first
from understudy.verify.requests.scenario_requests import Scenario, scenarios


@pytest.fixture
def endpoint(all_operations: ContextFactory) -> Endpoint:
    return all_operations.endpoint("POST /flows/")


def scenario(endpoint: Endpoint, name: str, *steps: dict[str, Any]) -> Scenario:
    return Scenario(endpoint, name, steps, (endpoint,))


def posts(**body: Any) -> dict[str, Any]:
    return {"send": "POST /flows/", "body": body}


def names(some: list[Scenario], seed: int = 1) -> list[str]:
    return [each.name for each in most_new_first(some, random.Random(seed))]


def test_scenarios_with_nothing_new_come_last(endpoint: Endpoint) -> None:
    plain = scenario(endpoint, "plain", posts(name="{mark}"))
    other = scenario(endpoint, "the same with another mark", posts(name="{flow.name}"))
    tags = scenario(endpoint, "tags", posts(name="{mark}", tags=["a"]))
    for seed in range(5):
        assert names([plain, other, tags], seed)[0] == "tags"


def test_short_scenarios_come_first(endpoint: Endpoint) -> None:
    long = scenario(endpoint, "long", *3 * [posts(name="a")], posts(name="a", tags=["a"]))
    short = scenario(endpoint, "short", posts(name="b"))
    refused = scenario(endpoint, "refused", {**posts(name="b"), "status": 409})
    assert names([long, short, refused])[-1] == "long"
    assert set(names([long, short, refused])) == {"long", "short", "refused"}


def test_scenarios_that_wait_come_last(endpoint: Endpoint) -> None:
    waits = scenario(endpoint, "waits", {**posts(name="a", tags=["a"]), "within": 2.0})
    plain = scenario(endpoint, "plain", posts(name="b"))
    assert names([waits, plain]) == ["plain", "waits"]


def test_cascading_deletes_count_as_new(endpoint: Endpoint) -> None:
    read, delete = {"send": "GET /artifacts/{artifact.id}"}, {"send": "DELETE /flows/{flow.id}"}
    before = scenario(endpoint, "before", posts(name="a"), read, delete)
    after = scenario(endpoint, "after", posts(name="a"), delete, read)
    assert {*features_in(after)} - {*features_in(before)} == {("GET /artifacts/{}", "after", "DELETE /flows/{}")}


def done_by_half(ordered: list[Scenario]) -> int:
    """The number of different actions in the first half of all requests."""
    steps = [step for each in ordered for step in each.steps]
    return len(set().union(*map(features_of, steps[: len(steps) // 2])))


def test_half_of_the_requests_have_most_actions(all_operations: ContextFactory) -> None:
    every = list(scenarios(all_operations.endpoint_map))
    ordered = [list(most_new_first(every, random.Random(seed))) for seed in (1, 2)]
    assert names(every, 1) != names(every, 2)
    assert all(sorted(map(every.index, each)) == list(range(len(every))) for each in ordered)
    at_random = random.Random(1).sample(every, k=len(every))
    assert min(map(done_by_half, ordered)) > 1.2 * done_by_half(at_random)
