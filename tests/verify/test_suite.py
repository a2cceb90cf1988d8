"""The order of a run: the most important parts first, and a fair share of the requests for each kind of part."""

from collections import Counter

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.verify.contexts import ContextFactory
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.verify import suite
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.parts import Part, in_turns, scheduled, shares
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.operation_names import every, named
from understudy.verify.requests.scenario_requests import scenarios as all_scenarios


def parts(kind: str, costs: list[int], sent: Counter[str]) -> list[Part]:
    """Parts that send a number of requests each."""

    def part(number: int, cost: int) -> Part:
        return Part(f"{kind}{number}", lambda: sent.update({kind: cost}))

    return [part(number, cost) for number, cost in enumerate(costs)]


def run(*stages: list[list[int]], limit: int = 1000) -> list[str]:
    """The names of the parts that run within a number of requests: a, b … are the kinds of all stages."""
    sent: Counter[str] = Counter()
    names, done = iter("abcdefgh"), []
    made = [[parts(next(names), costs, sent) for costs in kinds] for kinds in stages]
    for part in scheduled(made, sent.total):
        part.task()
        done.append(part.name)
        if sent.total() >= limit:
            break
    return done


def test_next_part_is_of_the_kind_with_the_fewest_requests() -> None:
    assert run([[10, 10], [4, 4, 4, 4]]) == ["a0", "b0", "b1", "b2", "a1", "b3"]


def test_stage_is_complete_before_the_next_begins() -> None:
    assert run([[1], [5, 5]], [[1, 1]]) == ["a0", "b0", "b1", "c0", "c1"]


def test_expensive_kind_leaves_requests_for_the_others() -> None:
    done = run([[50] * 10, [2] * 20, [5] * 20], limit=200)
    assert {name[0] for name in done} == {"a", "b", "c"}
    assert len([name for name in done if name[0] == "b"]) == 20


def test_lists_take_turns() -> None:
    lists = [[Part(f"{kind}{number}", bool) for number in range(size)] for kind, size in (("a", 1), ("b", 3))]
    assert [part.name for part in in_turns(lists)] == ["a0", "b0", "b1", "b2"]


def test_parts_of_two_kinds_have_twice_the_share_of_one() -> None:
    sent: Counter[str] = Counter()
    many, few = parts("a", [1] * 100, sent), parts("b", [1] * 100, sent)
    for part in scheduled([[*shares(many), few]], sent.total):
        part.task()
        if sent.total() >= 60:
            break
    assert sent == {"a": 40, "b": 20}


@pytest.mark.parametrize(("names", "labels"), [
    (["flows.read_flow"], {"GET /flows/{id}"}),
    (["GET /hello", "POST /flows/"], {"GET /hello", "POST /flows/"}),
    (["nothing"], set()),
])  # fmt: skip
def test_operations_are_selected_by_their_names(names: list[str], labels: set[str]) -> None:
    endpoints = EndpointMap.of(Contract.load(own_folder() / "openapi.yaml")).endpoints
    assert {each.label for each in endpoints if named(names)(each)} == labels
    assert all(named([])(each) for each in endpoints)
    tagged = {each.label for each in endpoints if named(["flows", *names])(each)}
    assert {"POST /flows/filter", *labels} <= tagged < {each.label for each in endpoints}


def test_each_scenario_comes_once_before_any_comes_again(
    all_operations: ContextFactory, references: ReferencePair, api: Api
) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        context.references = references
        stages = suite.stages(context, {}, every, allow_writes=True)
        scenarios = [each for each in all_scenarios(context.endpoint_map) if not each.has_streams]
    first, again = (
        [part.name.removesuffix(", compared") for kinds in some for kind in kinds for part in kind]
        for some in (stages[:2], stages[2:])
    )
    names = {f"{each.endpoint.label}: {each.name}" for each in scenarios}
    assert len(names & {*first}) == len(names)
    assert {f"{name}, among other requests" for name in names}.isdisjoint(first)
    assert {each for each in again if each.endswith(", among other requests")}


def test_sessions_are_about_the_selected_operations(
    all_operations: ContextFactory, references: ReferencePair, api: Api
) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        context.references = references
        stages = suite.stages(context, {}, named(["variables"]), allow_writes=True)
    names = [part.name for kinds in stages for kind in kinds for part in kind]
    sessions = {name.partition(":")[0] for name in names if "session" in name}
    assert sessions == {"Operations of variables"}
