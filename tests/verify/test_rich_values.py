"""Values of bodies that servers often store wrongly."""

import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import sends
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import at
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reports.verdict import Verdict
from understudy.sampling.answers import Answer
from understudy.verify.checks import rich_values
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.endpoint import schema_of
from understudy.verify.requests.rich_bodies import Change, changed, changes
from understudy.verify.requests.rich_scenarios import fullest
from understudy.verify.requests.scenario_requests import scenarios

LONGEST = 1_000  # characters that a broken server stores


@pytest.fixture
def verdict(all_operations: ContextFactory, references: ReferencePair, api: Api) -> Callable[[Behaviour, str], Verdict]:
    """Sends rich values to an operation of a server."""

    def check(behaviour: Behaviour, label: str) -> Verdict:
        with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
            found = fullest(
                context.endpoint_map, [each for each in scenarios(context.endpoint_map) if not each.takes_turns]
            )
            endpoint = all_operations.endpoint(label)
            context.results.run(partial(rich_values.check, context, references, endpoint, found[label]))
            assert context.results.verdict.errors == []
            assert clean_up(context) == []
            return context.results.verdict

    return check


@pytest.mark.parametrize(
    "label", ["POST /flow_runs/", "PATCH /deployments/{id}", "POST /automations/", "POST /variables/"]
)
def test_correct_server(verdict: Callable[[Behaviour, str], Verdict], label: str) -> None:
    result = verdict(unchanged, label)
    assert result.violations == []
    assert any(rule.name == "session" and operation == label for rule, operation in result.checks)


def in_lower_case(names: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in names.items()}


def composed(names: dict[str, Any]) -> dict[str, Any]:
    return {
        name: unicodedata.normalize("NFC", value) if isinstance(value, str) else value for name, value in names.items()
    }


def cut(text: Any) -> Any:
    return text[:LONGEST] if isinstance(text, str) else text


@pytest.mark.parametrize(
    ("label", "behaviour"),
    [
        ("POST /flow_runs/", sends("POST /flow_runs/", at("labels", in_lower_case))),
        ("POST /flow_runs/", sends("POST /flow_runs/", at("labels", composed))),
        ("POST /flow_runs/", sends("POST /flow_runs/", at("state.message", cut))),
        ("POST /flow_runs/", sends("POST /flow_runs/", at("name", cut))),
        ("PATCH /deployments/{id}", sends("PATCH /deployments/[^/]+", at("description", cut))),
        ("POST /automations/", sends("POST /automations/", at("trigger.triggers.0.match", composed))),
        ("POST /variables/", sends("POST /variables/", at("value", cut))),
        ("PATCH /variables/name/{name}", sends("PATCH /variables/name/[^/]+", at("value", cut))),
        (
            "POST /work_pools/{work_pool_name}/queues",
            sends("POST /work_pools/[^/]+/queues", at("name", cut)),
        ),
        ("POST /task_runs/", sends("POST /task_runs/", at("labels", composed))),
    ],
)
def test_broken_server(verdict: Callable[[Behaviour, str], Verdict], label: str, behaviour: Behaviour) -> None:
    found = verdict(behaviour, label).violations
    assert {each.rule.name for each in found} == {"session"}


@pytest.mark.parametrize(
    ("refused", "groups", "asked"),
    [
        ("", ["abcdefgh"], 1),
        ("c", ["ab", "d", "efgh"], 7),
        ("abcdefgh", [], 15),
    ],
)
def test_refused_changes_are_left_out(refused: str, groups: list[str], asked: int) -> None:
    some: list[Change] = [((name,), name) for name in "abcdefgh"]
    answers: list[Answer] = []

    def respond(changes: Any) -> Answer:
        answers.append(Answer(400 if any(value in refused for _, value in changes) else 200, None))
        return answers[-1]

    found = list(rich_values.accepted(some, respond))
    assert len(answers) == asked
    assert ["".join(value for _, value in group) for group in found] == groups
    together = rich_values.united(found, respond)
    assert ["".join(value for _, value in group) for group in together] == (["".join(groups)] if groups else [])


def test_changes_near_places_that_an_error_names_are_tried_apart() -> None:
    some: list[Change] = [((name, "a"), name) for name in "abcdefgh"]
    sent: list[str] = []

    def respond(changes: Any) -> Answer:
        sent.append("".join(value for _, value in changes))
        entries = [{"loc": ["body", name, "Kind", "a"]} for name in "cf" if name in sent[-1]]
        return Answer(422, {"exception_detail": entries}) if entries else Answer(200, None)

    found = list(rich_values.accepted(some, respond))
    assert ["".join(value for _, value in group) for group in found] == ["abdegh"]
    assert sent == ["abcdefgh", "abdegh", "cf", "c", "f"]


def test_changes_of_parts_of_a_body() -> None:
    body = {"a": {"b": 1}, "c": [{"d": 2}, {"d": 3}]}
    some: list[Change] = [(("a", "e"), 4), (("c", 1, "d"), 5), (("f", "g"), 6)]
    assert changed(body, some) == {"a": {"b": 1, "e": 4}, "c": [{"d": 2}, {"d": 5}], "f": {"g": 6}}


def test_references_to_other_rows_are_kept(all_operations: ContextFactory) -> None:
    schema = schema_of(all_operations.endpoint("POST /flow_runs/"))
    ways = {
        way for way, _ in changes(schema, {"flow_id": "{flow.id}", "name": "{mark}", "idempotency_key": "{key.id}"})
    }
    assert ("name",) in ways
    assert ("state",) in ways
    assert {("flow_id",), ("idempotency_key",), ("deployment_id",)}.isdisjoint(ways)


def test_each_alternative_of_a_place_is_sent() -> None:
    some: list[Change] = [(("a",), "text"), (("b",), "text"), (("a",), {}), (("a",), [])]
    assert rich_values.rounds(some) == [[(("a",), "text"), (("b",), "text")], [(("a",), {})], [(("a",), [])]]
