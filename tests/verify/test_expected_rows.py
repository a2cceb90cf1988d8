"""The expected rows of bodies, from the rows of their single criteria, compared with a slow evaluation of each row."""

import json
import random
from collections.abc import Iterator

import pytest

from tests import naive
from tests.conftest import SMALL
from tests.drawing import generator
from tests.verify.contexts import ContextFactory
from understudy.filters.criteria import Either, Every
from understudy.loading import fixtures
from understudy.operations.api_folder import Api
from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.expected_rows import Bounds, Evaluation, merged
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.workspaces.workspace import Workspace

BODIES = 150  # for each table
TABLES = ["artifacts", "artifact_collections", "flows"]


@pytest.fixture(scope="module")
def database(api: Api) -> naive.Database:
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    return {name: [json.loads(table.encoded(row)) for row in table.live] for name, table in workspace.items()}


def truth(database: naive.Database, table: str, body: Filters) -> frozenset[str]:
    return frozenset(row["id"] for row in database[table] if naive.meets(database, table, row, dict(body)))


def drawn(context_factory: ContextFactory, subject: TableUnderTest, seed: int) -> Iterator[Filters]:
    """Random bodies with one or two filters, with values of all rows, also of those that no operation shows."""
    randomness = random.Random(seed)
    drawing, parts = generator(context_factory.contract, SMALL, randomness), subject.selection.filters
    for _ in range(BODIES):
        names = randomness.sample(list(parts), k=randomness.choice([1, 1, 2]))
        yield {name: drawing.filter(parts[name], parts[name].value["x-filters"], ()) for name in names}


def subject_of(context: CheckContext, table: str) -> TableUnderTest:
    return TableUnderTest.of(context, context.endpoint_map.selections[table])


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("seed", [1, 2])
def test_bounds_are_correct_and_exact_with_one_related_row_each(
    context_factory: ContextFactory, context: CheckContext, database: naive.Database, table: str, seed: int
) -> None:
    subject = subject_of(context, table)
    telling = loose = 0
    for body in drawn(context_factory, subject, seed):
        bounds, ids = subject.expected_rows.bounds(body), truth(database, table, body)
        assert bounds.least <= ids <= bounds.most, body
        if all(subject.expected_rows.is_single(name) for name in body):
            assert bounds == Bounds.exactly(ids), body
        telling += frozenset() < ids < truth(database, table, {})
        loose += bounds.least != bounds.most
    assert telling > BODIES / 10
    assert (loose > 0) == (table == "flows")
    assert loose < BODIES / 2


def test_bounds_are_exact_for_bodies_pinned_to_one_related_row(
    context_factory: ContextFactory, context: CheckContext, database: naive.Database
) -> None:
    subject = subject_of(context, "flows")
    loose, pinned = 0, 0
    for body in drawn(context_factory, subject, seed=3):
        for pin in subject.expected_rows.pins(body):
            bounds, ids = subject.expected_rows.bounds(body, pin), truth(database, "flows", merged(body, pin))
            assert bounds.least <= ids <= bounds.most, (body, pin)
            if len(body) == 1:
                assert bounds == Bounds.exactly(ids), (body, pin)
            pinned += 1
            loose += subject.expected_rows.bounds(body).least != subject.expected_rows.bounds(body).most
    assert pinned > BODIES / 10
    assert loose > 0


@pytest.mark.parametrize("table", TABLES)
def test_no_request_is_sent_if_all_rows_are_known(
    context_factory: ContextFactory, context: CheckContext, database: naive.Database, table: str
) -> None:
    context_factory.learn(context, SMALL)
    subject, asked = subject_of(context, table), context.throttled_client.asked
    for body in drawn(context_factory, subject, seed=4):
        if not subject.expected_rows.is_known(body):
            assert "work_queue_name" in str(body), "of which rows show another value than filters see"
            continue
        assert subject.expected_rows.bounds(body) == Bounds.exactly(truth(database, table, body)), body
    assert context.throttled_client.asked == asked


@pytest.mark.parametrize("table", TABLES)
def test_leaf_on_several_fields_selects_the_rows_of_each(
    context: CheckContext, database: naive.Database, table: str
) -> None:
    subject = subject_of(context, table)
    (field_operator,) = (
        field_operator for field_operator in subject.field_operators.values() if field_operator.is_either
    )
    assert field_operator.subject == "deployments.flow_or_deployment_name.like_"
    for text in ("a", "etl", "SAD", "nobody"):
        bounds, ids = (
            subject.expected_rows.bounds_apart(field_operator, text),
            truth(database, table, field_operator.filters(text)),
        )
        assert bounds.least <= ids <= bounds.most
        assert (len(bounds.least) > 0) == (len(ids) > 0)


@pytest.mark.parametrize("table", TABLES)
def test_equivalent_bodies_select_the_same_rows(context: CheckContext, database: naive.Database, table: str) -> None:
    pairs = list(subject_of(context, table).expected_rows.same())
    assert all(body != other for body, other in pairs)
    assert [pair for pair in pairs if truth(database, table, pair[0]) != truth(database, table, pair[1])] == []
    assert len(pairs) > 1


KNOWN: dict[str, tuple[Filters, bool]] = {
    "filters on the rows themselves": ({"flows": {"name": {"like_": "a"}, "tags": {"is_null_": True}}}, True),
    "a related row that is hidden": ({"flow_runs": {}}, False),
    "hidden rows beside them": ({"flows": {"name": {"like_": "a"}}, "deployments": {"paused": {"eq_": True}}}, False),
    "whether a hidden row is there": ({"flows": {"deployment": {"is_null_": True}}}, False),
    "nothing": ({}, True),
}


@pytest.mark.parametrize("name", KNOWN)
def test_shown_fields_decide_operators_on_them(context: CheckContext, name: str) -> None:
    body, is_known = KNOWN[name]
    assert subject_of(context, "flows").expected_rows.is_known(body) is is_known


SINGLE = {
    "artifacts": dict.fromkeys(["artifacts", "flow_runs", "task_runs", "flows", "deployments"], True),
    "flows": {"flows": True, **dict.fromkeys(["flow_runs", "task_runs", "deployments", "work_pools"], False)},
}


@pytest.mark.parametrize("table", SINGLE)
def test_filter_is_single_without_reverse_references(context: CheckContext, table: str) -> None:
    subject = subject_of(context, table)
    assert {name: subject.expected_rows.is_single(name) for name in subject.selection.filters} == SINGLE[table]


def test_pins_are_of_one_filter_over_many_rows_joined_by_and(context: CheckContext) -> None:
    expected_rows = subject_of(context, "flows").expected_rows
    (pin,) = expected_rows.pins({"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}})
    (row_id,) = pin["flow_runs"]["id"]["any_"]
    assert row_id in context.samples.seen("flow_runs", ["id"])
    others: list[Filters] = [{}, {"flows": {}}, {"flow_runs": None}, {"flow_runs": {}, "deployments": {}}]
    assert [expected_rows.pins(other) for other in (*others, {"flow_runs": {"operator": "or_"}})] == [[]] * 5


def test_parts_of_a_body_have_one_criterion_each(context: CheckContext) -> None:
    expected_rows = subject_of(context, "flows").expected_rows
    body = {"flows": {"name": {"like_": "a", "any_": None}, "operator": "or_"}, "work_pools": {"id": {"any_": []}}}
    assert expected_rows.parts(body) == [{"flows": {"name": {"like_": "a"}}}, {"work_pools": {"id": {"any_": []}}}]


def test_criteria_that_cannot_be_sent_alone_are_unknown() -> None:
    every = frozenset("12")
    evaluation = Evaluation(lambda _: None, lambda: every, ())
    assert evaluation.bounds(Every(), ()) == Bounds(frozenset(), every)
    assert evaluation.bounds(Either((Every(), Either(()))), ()) == Bounds(frozenset(), every)
    assert evaluation.bounds(Either(()), ()) == Bounds.exactly(frozenset())


MERGED: dict[str, tuple[Filters, Filters, Filters]] = {
    "different names": ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    "the second counts": ({"a": 1}, {"a": 2}, {"a": 2}),
    "objects become one": ({"a": {"b": 1, "c": 1}}, {"a": {"c": 2, "d": 2}}, {"a": {"b": 1, "c": 2, "d": 2}}),
    "an object for a null": ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    "a null for an object": ({"a": {"b": 1}}, {"a": None}, {"a": None}),
}


@pytest.mark.parametrize("name", MERGED)
def test_two_bodies_are_combined(name: str) -> None:
    body, other, both = MERGED[name]
    assert merged(body, other) == both
