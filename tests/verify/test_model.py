"""The known rows of a server, and what they decide."""

import pytest
from pydantic_core import ValidationError

from tests import jsonl
from tests.conftest import SMALL
from tests.verify.contexts import ContextFactory
from understudy.verify import verify
from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.selected_ids import Filters

FLOW = "POST /flows/filter"
PROD: Filters = {"flows": {"tags": {"all_": ["prod"]}}}


def selected(context_factory: ContextFactory, context: CheckContext, body: Filters) -> frozenset[str]:
    criteria = context.interpreter.criteria(context_factory.endpoint(FLOW), body)
    return context.model.select("flows", criteria)


def knows(context_factory: ContextFactory, context: CheckContext, body: Filters) -> bool:
    return context.model.knows(context.interpreter.criteria(context_factory.endpoint(FLOW), body), "flows")


def test_only_shown_rows_are_known(context: CheckContext) -> None:
    known = {table: len(rows) for table, rows in context.model.known.items() if rows}
    assert known == {"artifacts": 120, "artifact_collections": 20, "flows": 12}
    assert context.model.tables == set(known)


def test_fixture_set_makes_other_rows_known(context_factory: ContextFactory, context: CheckContext) -> None:
    assert not knows(context_factory, context, {"flow_runs": {}})
    context_factory.learn(context, SMALL)
    assert knows(context_factory, context, {"flow_runs": {}})
    known = {row["flow_id"] for row in jsonl.read(SMALL / "flow_runs.jsonl")} & set(context.model.known["flows"])
    assert selected(context_factory, context, {"flow_runs": {}}) == known
    assert context.model.known["flows"].keys() == {row["id"] for row in jsonl.read(SMALL / "flows.jsonl")}


def test_shown_rows_have_precedence_over_a_fixture_set(context_factory: ContextFactory, context: CheckContext) -> None:
    first, second, *_ = context.model.known["flows"].values()
    context.model.learn("flows", {**first, "name": "renamed"})
    context.model.remove("flows", [second["id"]])
    context.model.add_hidden(verify.workspace_of(context_factory.contract, SMALL))
    assert context.model.known["flows"][first["id"]]["name"] == "renamed"
    assert second["id"] not in context.model.known["flows"]
    assert len(context.model.known["flow_runs"]) == 30


def test_row_replaces_its_former_version(context_factory: ContextFactory, context: CheckContext) -> None:
    before = selected(context_factory, context, PROD)
    row = context.model.known["flows"][min(before)]
    assert context.model.learn("flows", {**row, "tags": []}) == {**row, "tags": []}
    assert selected(context_factory, context, PROD) == before - {row["id"]}
    assert context.model.known["flows"][row["id"]]["tags"] == []
    assert len(context.model.known["flows"]) == 12


def test_rows_are_removed(context_factory: ContextFactory, context: CheckContext) -> None:
    before = selected(context_factory, context, PROD)
    context.model.remove("flows", [min(before), "0" * 32])
    assert selected(context_factory, context, PROD) == before - {min(before)}
    assert min(before) not in context.model.known["flows"]


def test_partially_known_table_decides_only_about_its_own_rows(
    context_factory: ContextFactory, context: CheckContext
) -> None:
    context_factory.learn(context, SMALL)
    context.model.partial.add("flow_runs")
    assert not knows(context_factory, context, {"flow_runs": {}})
    context.model.partial = {"flows"}
    assert knows(context_factory, context, PROD)


def test_invalid_row_is_rejected(context: CheckContext) -> None:
    row = next(iter(context.model.known["flows"].values()))
    with pytest.raises(ValidationError):
        context.model.learn("flows", {**row, "created": "yesterday"})
    assert context.model.known["flows"][row["id"]] == row


def test_row_is_completed_with_defaults(context: CheckContext) -> None:
    row = {"id": "8F7C1B1E-3c55-4d0b-9a53-7a1c6e2b9f10", "created": "2026-01-01T01:00:00+01:00", "name": "a"}
    written = context.model.written("flows", {**row, "updated": "2026-01-01T00:00:00Z"})
    assert written == {
        "id": "8f7c1b1e-3c55-4d0b-9a53-7a1c6e2b9f10",
        "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T00:00:00Z",
        "name": "a",
        "tags": [],
        "labels": {},
    }


def test_tables_that_change_with_another(context: CheckContext) -> None:
    assert context.model.derived_from("artifacts") == {"artifacts", "artifact_collections"}
    assert context.model.derived_from("flows") == {"flows"}
    assert context.model.referring_to("flows") >= {"flow_runs", "deployments"}
