"""Requests with names that are almost those of rows."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.exchange import Answer as Reply
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reports.verdict import Violation
from understudy.sampling.random_requests import Request
from understudy.verify.checks import sessions
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.misspelled_names import (
    SPELLINGS,
    as_pattern,
    in_other_case,
    misspelled,
    with_misspelled_names,
)
from understudy.verify.requests.operation_names import has_tag
from understudy.verify.requests.scenario_requests import CHANGE, Scenario, Script

RUN = "00000000-0000-4000-8000-0000000000ab"
CREATE = {"send": "POST /variables/", "body": {"name": "{mark}", "value": 1}}
CHANGED = {"send": "PATCH /variables/name/{mark}", "body": {"value": 2}, "as": "changed"}
READ = {"send": "GET /variables/name/{mark}"}


def scenario(context_factory: ContextFactory, *steps: dict[str, Any]) -> Scenario:
    return Scenario(context_factory.endpoint_map.endpoints[0], "a scenario", steps, ())


def misspelling(context_factory: ContextFactory, *some: Scenario) -> list[Scenario]:
    return list(with_misspelled_names(context_factory.endpoint_map, some))


@pytest.fixture
def found(
    all_operations: ContextFactory, references: ReferencePair, api: Api
) -> Callable[[Behaviour], list[Violation]]:
    """The violations of a server whose variables are read, changed and deleted by misspelled names."""
    deleted = {"send": "DELETE /variables/name/{mark}"}
    [some] = misspelling(all_operations, scenario(all_operations, CREATE, READ, CHANGED, READ, deleted))
    subject = sessions.Subject(partial(has_tag, "variables"), some, is_alone=True)

    def check(behaviour: Behaviour) -> list[Violation]:
        with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            context.results.run(partial(sessions.check, context, references, context.session_operations, subject))
            assert context.results.verdict.errors == []
            return context.results.verdict.violations

    return check


def test_correct_server(found: Callable[[Behaviour], list[Violation]]) -> None:
    assert found(unchanged) == []


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "corrected",
    [
        str.lower,
        lambda path: path.replace("/_nderstudy", "/understudy"),
        lambda path: path.removesuffix("%20"),
    ],
    ids=["case", "pattern", "space"],
)
def test_server_takes_another_name_for_that_of_a_row(
    found: Callable[[Behaviour], list[Violation]], method: str, corrected: Callable[[str], str]
) -> None:
    async def by_similar_name(sent: Sent, broken: BrokenServer) -> Reply:
        return await broken.ask(replace(sent, path=corrected(sent.path)) if sent.method == method else sent)

    assert {each.operation for each in found(by_similar_name)} == {f"{method} /variables/name/{{name}}"}


def test_first_request_to_each_operation_is_also_sent_with_misspelled_names(all_operations: ContextFactory) -> None:
    some = scenario(all_operations, CREATE, CHANGED, CHANGED)
    steps, others = ([*each.steps] for each in misspelling(all_operations, some, some))
    assert steps == [CREATE, *steps[1 : 1 + len(SPELLINGS)], CHANGED, CHANGED]
    assert all(each.keys() == {"send", "body", CHANGE} for each in steps[1 : 1 + len(SPELLINGS)])
    assert others == [*some.steps]


def test_refused_requests_and_ids_are_not_misspelled(all_operations: ContextFactory) -> None:
    some = scenario(all_operations, {**READ, "status": 404}, {"send": "GET /flows/{flow.id}"})
    assert misspelling(all_operations, some) == [some]


def test_scenarios_that_wait_are_unchanged(all_operations: ContextFactory) -> None:
    some = scenario(all_operations, {**READ, "within": 2.0})
    assert misspelling(all_operations, some) == [some]


def test_names_are_misspelled_in_the_path_alone() -> None:
    request = Request("GET", f"/a/{quote('x y', safe='')}/x?name=x", "/a/{b}/{c}", {"name": "x"})
    assert misspelled(2, in_other_case, request).path == "/a/X%20Y/x?name=x"
    assert misspelled(3, as_pattern, request).path == "/a/x%20y/_?name=x"
    assert misspelled(3, in_other_case, request).body == {"name": "x"}


def test_ids_in_names_stay_as_they_are() -> None:
    assert in_other_case(f"of-{RUN}-Ab") == f"OF-{RUN}-aB"


def test_name_that_cannot_be_misspelled_is_left_out(all_operations: ContextFactory) -> None:
    step = {"send": "GET /variables/name/0", CHANGE: partial(misspelled, 3, in_other_case)}
    assert Script(all_operations.endpoint_map, scenario(all_operations, step), "mark").next() is None
