"""The context of checks: shown rows, and their changes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import ASGIApp

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import answers, each
from tests.mutants.mutant import Behaviour
from tests.mutants.origin import Inside
from tests.mutants.paths import drop, put
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.sampling.random_requests import Request
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Refused
from understudy.verify.cleanup import clean_up
from understudy.verify.filtered_rows.selected_ids import SelectedIds
from understudy.verify.requests.throttled_client import BudgetSpent

LIST = "POST /flows/filter"


@pytest.fixture
def own(api: Api, context_factory: ContextFactory) -> Iterator[CheckContext]:
    """A context for a stand-in without other clients."""
    with context_factory.context_of(app_on(SMALL, api)) as context:
        yield context_factory.learn(context)


def send(context: CheckContext, method: str, path: str, body: Any = None) -> Any:
    return context.throttled_client.ask(Request(method, path, path, body)).body


def test_unchanged_rows(own: CheckContext) -> None:
    version = own.version
    assert not has_changed(own)
    assert own.version == version


def has_changed(own: CheckContext) -> bool:
    """Whether the rows of the server have changed."""
    version = own.version
    own.learn()
    return own.version != version


def test_created_changed_and_deleted_rows_are_noticed(own: CheckContext) -> None:
    row = send(own, "POST", "/flows/", {"name": "new"})
    version = own.version
    assert has_changed(own)
    assert own.model.known["flows"][row["id"]] == row
    assert own.version != version
    send(own, "PATCH", f"/flows/{row['id']}", {"tags": ["a"]})
    assert has_changed(own)
    assert own.model.known["flows"][row["id"]]["tags"] == ["a"]
    send(own, "DELETE", f"/flows/{row['id']}")
    assert has_changed(own)
    assert row["id"] not in own.model.known["flows"]
    assert own.version == version
    assert not has_changed(own)


def test_rows_with_some_ids_are_read_alone(own: CheckContext) -> None:
    selection, known = own.endpoint_map.selections["flows"], own.model.known["flows"]
    first, second, *_ = known
    version = own.version
    own.take(selection, [first, second], [known[first]])
    assert second not in known
    assert len(known) == 11
    assert own.version != version


def test_lists_are_read_page_by_page(own: CheckContext) -> None:
    for number in range(210):
        send(own, "POST", "/flows/", {"name": f"new-{number}"})
    assert has_changed(own)
    assert len(own.model.known["flows"]) == 222
    assert own.model.partial == set()


def test_cached_responses_are_dropped_when_rows_change(own: CheckContext) -> None:
    answers, body = SelectedIds(own, own.endpoint_map.selections["flows"]), {"flows": {"name": {"any_": ["new"]}}}
    assert (len(answers.whole(body)), answers.count(body)) == (0, 0)
    row = send(own, "POST", "/flows/", {"name": "new"})
    assert len(answers.whole(body)) == 0
    own.learn()
    assert (answers.whole(body), answers.count(body)) == (frozenset([row["id"]]), 1)


def test_lookup_fields_have_names(context_factory: ContextFactory, own: CheckContext) -> None:
    assert {table: own.names(create) for table, create in own.endpoint_map.creates.items()} == {
        "artifacts": ["key"],
        "flows": ["name"],
    }


def test_unsuccessful_response_is_rejected(context_factory: ContextFactory, own: CheckContext) -> None:
    endpoint = context_factory.endpoint(LIST)
    with pytest.raises(Refused) as refused:
        own.success(endpoint, endpoint.request({"limit": -1}))
    assert refused.value.broken.expected == "a success"
    assert refused.value.broken.found.startswith("422 with ")


SHOWN: dict[str, tuple[Behaviour, str]] = {
    "rows in another form": (answers(LIST, each(lambda row: {**row, "id": row["id"].upper()})), "row format"),
    "rows without a field": (answers(LIST, each(drop("labels"))), "response"),
    "rows that are none": (answers(LIST, each(put(created="now"))), "row format"),
    "rows twice": (answers(LIST, lambda rows: rows + rows[:1]), "duplicates"),
    "no rows": (answers(LIST, len), "success"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_rows_that_are_shown_differently_break_a_rule(
    context_factory: ContextFactory, small_app: ASGIApp, name: str
) -> None:
    mutant, rule = SHOWN[name]
    with context_factory.context_of(Proxy(Inside(small_app), mutant)) as context:
        selection = context.endpoint_map.selections["flows"]
        context.results.run(context.learn)
        context.results.run(lambda: context.rows(selection, selection.lists, {}))
        rules = {violation.rule.name for violation in context.results.verdict.violations}
    assert rule in rules


def test_ten_bodies_with_invalid_responses_are_reported(context_factory: ContextFactory, small_app: ASGIApp) -> None:
    """For each operation; the others are only counted."""
    mutant = answers(LIST, each(drop("labels")))
    with context_factory.context_of(Proxy(Inside(small_app), mutant)) as context:
        endpoint = context.endpoint_map.selections["flows"].lists
        paths = [(name, part) for name in ("flows", "flow_runs") for part in ("id", "name", "tags", "operator")]
        bodies: list[dict[str, Any]] = [{name: {part: None}} for name, part in paths[:7]] + [
            {name: None} for name, _ in paths[::4]
        ]
        bodies += [{"limit": 1}, {"offset": 1}, {"limit": 1, "offset": 1}]
        for body in bodies:
            context.ask(endpoint, endpoint.request(body))
        verdict = context.results.verdict
    assert len({violation.subject for violation in verdict.violations}) == len(verdict.violations) == 10
    assert sum(verdict.checks.values()) == len(bodies) == 12


def test_rows_of_several_clients_are_known_despite_unsent_requests(context_factory: ContextFactory, api: Api) -> None:
    with context_factory.context_of(app_on(SMALL, api), budget=2) as context:
        creates = context.endpoint_map.creates["artifacts"]
        with pytest.raises(BudgetSpent):
            context.ask(creates, replace(creates.request({"key": "a"}), clients=4))
        assert len(context.own.made["artifacts"]) == 2
        assert clean_up(context) == []


def test_request_is_shown_without_the_contract(context: CheckContext) -> None:
    endpoint = context.endpoint_map.selections["flows"].lists
    assert len(repr(endpoint.request({"limit": 1}))) < 200
