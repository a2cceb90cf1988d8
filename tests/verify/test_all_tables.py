"""Checks of tables that only the full contract lists: sorts by two fields, rows with fewer fields in pages."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from starlette.types import ASGIApp

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import replies, sends
from tests.mutants.exchange import Answer as Response
from tests.mutants.exchange import Request
from tests.mutants.generated import generated
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import RequestGenerator
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import (
    combined_criteria,
    invalid_requests,
    listings,
    lookups,
    referring_rows,
    scenarios,
    single_criteria,
    summaries,
)
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.response_schemas import ResponseSchemas
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.endpoint import example_of
from understudy.verify.requests.scenario_requests import scenarios as all_scenarios
from understudy.verify.suite import subjects_of


@pytest.fixture(scope="module")
def all_tables() -> ContextFactory:
    return ContextFactory(Contract.load(own_folder() / "openapi.yaml"))


def check_sorts(context: CheckContext, subject: TableUnderTest) -> None:
    for word in listings.words(subject.selection):
        listings.check_sort(context, subject.selection, word)


def check_first_operators(context: CheckContext, subject: TableUnderTest) -> None:
    for operator in [each for each in subject.field_operators.values() if each.filter == subject.selection.own][:3]:
        single_criteria.check(subject, operator)
        single_criteria.check_edges(subject, operator)
        single_criteria.check_others(subject, operator)


def check_combined(context: CheckContext, subject: TableUnderTest) -> None:
    check_first_operators(context, subject)
    combined_criteria.check(subject, RequestGenerator((), context.samples, context.random))


@pytest.mark.parametrize(
    ("table", "check"),
    [
        ("flow_runs", check_sorts),  # by the start time, or else by the expected one
        ("task_runs", check_sorts),  # pages have rows with fewer fields than lists
        ("logs", check_combined),  # a filter has a required part
        ("concurrency_limits", check_combined),  # no filters
        ("variables", check_combined),  # one filter
    ],
)
def test_correct_server_has_no_violations(
    all_tables: ContextFactory,
    small_app: ASGIApp,
    table: str,
    check: Callable[[CheckContext, TableUnderTest], None],
) -> None:
    with all_tables.context_of(small_app) as context:
        all_tables.learn(context)
        subject = subjects_of(context)[table]
        context.results.run(partial(check, context, subject))
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors, verdict.notes) == ([], [], [])


def test_shortened_filters_stay_valid(all_tables: ContextFactory, api: Api) -> None:
    demo = app_on(own_folder() / "fixtures" / "demo", api)
    filters = {"logs": {"level": {"ge_": 0}, "text": {"query": "nothing-has-this"}}}
    with all_tables.context_of(Proxy(Inside(demo), sends("POST /logs/filter", drop("logs.text")))) as context:
        all_tables.learn(context)
        subject = subjects_of(context)["logs"]
        subject.narrow()
        check = partial(combined_criteria.hold, subject.selected, subject.expected_rows, filters, {})
        context.results.run(check)
        verdict = context.results.verdict
    assert {each.rule.name for each in verdict.violations} == {"combination"}
    assert verdict.errors == []


async def durations_grow(request: Request, broken: BrokenServer) -> Response:
    """Task runs by their duration: running ones change their order between two responses."""
    answer = await broken.ask(request)
    body = request.json if isinstance(request.json, dict) else {}
    if body.get("sort") != "DURATION_DESC" or not isinstance(answer.json, list):
        return answer
    broken.memory["turn"] = turn = broken.memory.get("turn", 0) + 1
    turned = [answer.json[(turn + at) % len(answer.json)] for at in range(len(answer.json))]
    return answer.saying([{**row, "estimated_run_time": float(-at)} for at, row in enumerate(turned)])


def test_order_that_changes_with_time_is_allowed(all_tables: ContextFactory, small_app: ASGIApp) -> None:
    with all_tables.context_of(Proxy(Inside(small_app), durations_grow)) as context:
        all_tables.learn(context)
        selection = subjects_of(context)["task_runs"].selection
        context.results.run(partial(listings.check_sort, context, selection, "DURATION_DESC"))
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors) == ([], [])
    assert "sort" in {rule.name for rule, _ in verdict.checks}


def test_operator_is_checked_with_partially_known_rows(all_tables: ContextFactory, small_app: ASGIApp) -> None:
    with all_tables.context_of(small_app) as context:
        all_tables.learn(context)
        context.model.partial.add("logs")
        subject = subjects_of(context)["logs"]
        for operator in subject.field_operators.values():
            context.results.run(partial(single_criteria.check, subject, operator))
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors) == ([], [])


def test_views_of_rows_are_not_lists(all_tables: ContextFactory) -> None:
    listed = {table: selection.lists.path for table, selection in all_tables.endpoint_map.selections.items()}
    assert listed["flow_runs"] == "/flow_runs/filter"
    assert listed["task_runs"] == "/task_runs/filter"
    assert {path for path in listed.values() if path.startswith("/ui/")} == set()
    assert {"block_documents", "concurrency_limits_v2"} <= listed.keys()
    pages = {selection.pages.path for selection in all_tables.endpoint_map.selections.values() if selection.pages}
    assert pages == {"/flows/paginate", "/flow_runs/paginate", "/task_runs/paginate", "/deployments/paginate"}


def test_response_with_another_media_type(all_tables: ContextFactory) -> None:
    schemas, endpoint = ResponseSchemas(), all_tables.endpoint("GET /flow_runs/{id}/logs/download")
    assert schemas.fault(endpoint, Answer(200, "a,b"), "text/csv; charset=utf-8") is None
    assert schemas.fault(endpoint, Answer(200, []), "application/json") == "200 as application/json"


@pytest.fixture(scope="module")
def demo_app(api: Api) -> ASGIApp:
    return app_on(own_folder() / "fixtures" / "demo", api)


@pytest.mark.parametrize("table", ["automations", "block_documents", "block_schemas", "concurrency_limits_v2"])
def test_list_can_show_a_view_of_its_rows(all_tables: ContextFactory, demo_app: ASGIApp, table: str) -> None:
    with all_tables.context_of(demo_app) as context:
        all_tables.learn(context)
        assert context.model.known[table] != {}
        subject = subjects_of(context)[table]
        for operator in subject.field_operators.values():
            context.results.run(partial(single_criteria.check, subject, operator))
            context.results.run(partial(single_criteria.check_edges, subject, operator))
            context.results.run(partial(single_criteria.check_others, subject, operator))
        context.results.run(partial(listings.check, context, subject))
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors, verdict.notes) == ([], [], [])


@pytest.mark.parametrize(
    "label",
    [
        "POST /flow_runs/history",  # a body has required fields, without which its other errors may not be reported
        "POST /flow_runs/lateness",  # a number that changes with time
        "POST /ui/flow_runs/history",  # objects with fields that change with time
    ],
)
def test_invalid_requests_to_a_correct_server(all_tables: ContextFactory, demo_app: ASGIApp, label: str) -> None:
    with all_tables.context_of(demo_app) as context:
        context.results.run(partial(invalid_requests.check, context, all_tables.endpoint(label)))
        context.results.run(partial(invalid_requests.check_others, context, all_tables.endpoint(label)))
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors, verdict.notes) == ([], [], [])


def test_id_that_a_path_cannot_contain_is_not_found(all_tables: ContextFactory, demo_app: ASGIApp) -> None:
    with all_tables.context_of(demo_app) as context:
        all_tables.learn(context)
        (lookup,) = (each for each in all_tables.endpoint_map.reads if each.endpoint.label == "GET /automations/{id}")
        context.results.run(partial(lookups.check, context, lookup))
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors, verdict.notes) == ([], [], [])


@pytest.mark.parametrize("is_empty", [False, True], ids=["correct", "an empty object"])
def test_text_that_names_nothing_is_not_found(all_tables: ContextFactory, api: Api, is_empty: bool) -> None:
    """Texts in a path that are not fields of a row, such as the names of views."""
    found = replies(
        "GET /collections/views/.*", lambda _, answer: answer if answer.is_success else answer.saying({}, 200)
    )
    with all_tables.context_of(Proxy(Inside(app_on(SMALL, api)), found if is_empty else unchanged)) as context:
        texts = [each for each in context.endpoint_map.endpoints if lookups.texts_of(each)]
        for endpoint in texts:
            context.results.run(partial(lookups.check_texts, context, endpoint))
        verdict = context.results.verdict
    assert "GET /collections/views/{view}" in {each.label for each in texts}
    assert verdict.errors == []
    assert [each.operation for each in verdict.violations] == (["GET /collections/views/{view}"] if is_empty else [])


def deletions(all_tables: ContextFactory, api: Api, behaviour: Behaviour) -> tuple[set[str], set[str]]:
    """The fields that refer to deletable rows, and those for which a server breaks the rule."""
    with all_tables.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
        all_tables.learn(context)
        relations = list(referring_rows.relations(context))
        for relation in relations:
            context.results.run(partial(referring_rows.check, context, relation))
        assert clean_up(context) == []
        assert context.results.verdict.errors == []
        violations = {violation.subject for violation in context.results.verdict.violations}
    return {f"{relation.table}.{relation.field}" for relation in relations}, violations


def test_rows_that_refer_to_a_deleted_row(all_tables: ContextFactory, api: Api) -> None:
    fields, violations = deletions(all_tables, api, unchanged)
    assert {"flow_runs.flow_id", "deployments.flow_id", "task_runs.flow_run_id", "artifacts.flow_run_id"} <= fields
    assert violations == set()


def test_rows_that_remain_after_a_cascading_delete(all_tables: ContextFactory, api: Api) -> None:
    mutant = next(each for each in generated(all_tables.contract) if each.name == "DELETE /flows/{id}:not")
    _, violations = deletions(all_tables, api, mutant.behaviour)
    assert violations == {"flow_id"}


def test_name_that_looks_like_an_id_is_a_name(all_tables: ContextFactory, api: Api) -> None:
    """In upper case, it is another name."""
    name = "46536b50da9a4aec96d90d38c17da5be"
    with all_tables.context_of(app_on(SMALL, api)) as context:
        context.success(
            context.endpoint_map.creates["flows"], context.endpoint_map.creates["flows"].request({"name": name})
        )
        all_tables.learn(context)
        row_id = next(row_id for row_id, row in context.model.known["flows"].items() if row["name"] == name)
        lookup = next(each for each in context.endpoint_map.reads if each.endpoint.label == "GET /flows/name/{name}")
        assert lookups.is_found_if_spelled_otherwise(context, lookup, row_id) is None


def test_summaries_are_requested_without_the_filters_of_an_example(all_tables: ContextFactory) -> None:
    """The same filter may not be in one of two requests that must have the same response."""
    history = all_tables.endpoint("POST /flow_runs/history")
    assert "deployments" in example_of(history)
    assert set(summaries.example_without_filters(history)) == {
        "history_start",
        "history_end",
        "history_interval_seconds",
    }


@pytest.mark.parametrize(
    ("behaviour", "subjects"),
    [(unchanged, set()), (sends("POST /ui/task_runs/count", drop("flow_runs")), {"flow_runs"})],
)
def test_summaries_of_filtered_rows(
    all_tables: ContextFactory, small_app: ASGIApp, behaviour: Behaviour, subjects: set[str]
) -> None:
    with all_tables.context_of(Proxy(Inside(small_app), behaviour)) as context:
        all_tables.learn(context)
        subject = subjects_of(context)["task_runs"]
        found = {each.path for each in summaries.summaries(context, subject)}
        for endpoint in summaries.summaries(context, subject):
            context.results.run(partial(summaries.check, context, subject, endpoint))
        verdict = context.results.verdict
    assert found == {"/task_runs/history", "/ui/task_runs/dashboard/counts", "/ui/task_runs/count"}
    assert {violation.subject for violation in verdict.violations if violation.rule.name == "filter"} == subjects
    assert verdict.errors == []


def test_rows_added_meanwhile_are_in_a_summary(all_tables: ContextFactory, api: Api) -> None:
    with all_tables.context_of(app_on(SMALL, api)) as context:
        all_tables.learn(context)
        subject = subjects_of(context)["flow_runs"]
        history = next(each for each in summaries.summaries(context, subject) if each.path == "/ui/flow_runs/history")
        filters = {"flow_runs": {"id": {"not_any_": ["00000000-0000-0000-0000-000000000001"]}}}
        before = subject.selected.whole(filters)
        creates = context.endpoint_map.creates["flow_runs"]
        run = creates.request({"flow_id": next(iter(context.model.known["flows"]))})
        assert context.ask(creates, run).is_success
        check = partial(summaries.is_same, context, subject, history, filters)
        assert context.results.hold(rules.FILTER, history.label, "flow_runs", check)
        assert len(subject.selected.whole(filters)) == len(before) + 1


def test_summaries_of_a_large_table_are_compared_by_the_selected_rows(
    all_tables: ContextFactory, small_app: ASGIApp
) -> None:
    """A filter by ids, such as `not_any_`, cannot be cut down to some rows by their ids."""
    with all_tables.context_of(small_app) as context:
        all_tables.learn(context)
        subject = subjects_of(context)["flow_runs"]
        by_id = subject.id_operator("flow_runs")
        assert by_id is not None
        some = sorted(context.model.known["flow_runs"])[:5]
        subject.selected.scope, subject.selected.known = by_id.filters(some), frozenset(some)
        others = {name: each for name, each in subject.field_operators.items() if name[:2] == ("flow_runs", "id")}
        for operators, are_found in ((subject.field_operators, True), (others, False)):
            subject = replace(subject, field_operators=operators)
            found = [each for _ in range(20) for each in summaries.selecting(context, subject, "flow_runs")]
            assert all(map(subject.selected.is_within_scope, found))
            assert bool(found) is are_found


def all_is_none(body: dict[str, Any]) -> dict[str, Any]:
    """An empty list of tags is met by rows without tags."""
    empty = (body.get("flow_runs") or {}).get("tags") == {"all_": []}
    return {**body, "flow_runs": {"tags": {"is_null_": True}}} if empty else body


def test_empty_list_is_among_the_first_operands(all_tables: ContextFactory, small_app: ASGIApp) -> None:
    with all_tables.context_of(Proxy(Inside(small_app), sends("POST /flow_runs/filter", all_is_none))) as context:
        all_tables.learn(context)
        subject = subjects_of(context)["flow_runs"]
        single_criteria.check(subject, subject.field_operators["flow_runs", "tags", "all_"])
        names = {violation.rule.name for violation in context.results.verdict.violations}
    assert "empty filter" in names


def test_anonymous_block_document_is_allowed(all_tables: ContextFactory, api: Api) -> None:
    with all_tables.context_of(app_on(SMALL, api)) as context:
        scenario = next(each for each in all_scenarios(context.endpoint_map) if each.name == "documents without a name")
        shortened = replace(scenario, steps=tuple(each for each in scenario.steps if "DELETE" not in each["send"]))
        context.results.run(partial(scenarios.check, context, shortened))
        all_tables.learn(context)
        subject = subjects_of(context)["block_documents"]
        operator = subject.field_operators["block_documents", "is_anonymous", "eq_"]
        single_criteria.check(subject, operator)
        single_criteria.check_edges(subject, operator)
        assert clean_up(context) == []
        verdict = context.results.verdict
    assert (verdict.violations, verdict.errors) == ([], [])
