"""What is known of a server's rows, and what they decide."""

import pytest
from pydantic_core import ValidationError

from tests import jsonl
from tests.conftest import SMALL
from tests.verify.contexts import Inspector
from understudy.verify import verify
from understudy.verify.check_context import Inspection
from understudy.verify.filtered_rows.selected_ids import Filters

FLOW = "POST /flows/filter"
PROD: Filters = {"flows": {"tags": {"all_": ["prod"]}}}


def selected(inspector: Inspector, inspection: Inspection, body: Filters) -> frozenset[str]:
    criteria = inspection.readings.criteria(inspector.endpoint(FLOW), body)
    return inspection.model.select("flows", criteria)


def knows(inspector: Inspector, inspection: Inspection, body: Filters) -> bool:
    return inspection.model.knows(inspection.readings.criteria(inspector.endpoint(FLOW), body), "flows")


def test_the_rows_that_a_server_shows_are_known_and_no_others(inspection: Inspection) -> None:
    known = {table: len(rows) for table, rows in inspection.model.known.items() if rows}
    assert known == {"artifacts": 120, "artifact_collections": 20, "flows": 12}
    assert inspection.model.tables == set(known)


def test_a_fixture_set_tells_of_the_others(inspector: Inspector, inspection: Inspection) -> None:
    assert not knows(inspector, inspection, {"flow_runs": {}})
    inspector.learn(inspection, SMALL)
    assert knows(inspector, inspection, {"flow_runs": {}})
    known = {row["flow_id"] for row in jsonl.read(SMALL / "flow_runs.jsonl")} & set(inspection.model.known["flows"])
    assert selected(inspector, inspection, {"flow_runs": {}}) == known
    assert inspection.model.known["flows"].keys() == {row["id"] for row in jsonl.read(SMALL / "flows.jsonl")}


def test_what_a_server_shows_counts_more_than_a_fixture_set(inspector: Inspector, inspection: Inspection) -> None:
    first, second, *_ = inspection.model.known["flows"].values()
    inspection.model.learn("flows", {**first, "name": "renamed"})
    inspection.model.forget("flows", [second["id"]])
    inspection.model.suppose(verify.workspace_of(inspector.contract, SMALL))
    assert inspection.model.known["flows"][first["id"]]["name"] == "renamed"
    assert second["id"] not in inspection.model.known["flows"]
    assert len(inspection.model.known["flow_runs"]) == 30


def test_a_row_is_taken_in_the_place_of_what_was_known_of_it(inspector: Inspector, inspection: Inspection) -> None:
    before = selected(inspector, inspection, PROD)
    row = inspection.model.known["flows"][min(before)]
    assert inspection.model.learn("flows", {**row, "tags": []}) == {**row, "tags": []}
    assert selected(inspector, inspection, PROD) == before - {row["id"]}
    assert inspection.model.known["flows"][row["id"]]["tags"] == []
    assert len(inspection.model.known["flows"]) == 12


def test_rows_are_forgotten(inspector: Inspector, inspection: Inspection) -> None:
    before = selected(inspector, inspection, PROD)
    inspection.model.forget("flows", [min(before), "0" * 32])
    assert selected(inspector, inspection, PROD) == before - {min(before)}
    assert min(before) not in inspection.model.known["flows"]


def test_of_a_table_that_is_known_in_part_only_its_own_rows_are_judged(
    inspector: Inspector, inspection: Inspection
) -> None:
    inspector.learn(inspection, SMALL)
    inspection.model.partial.add("flow_runs")
    assert not knows(inspector, inspection, {"flow_runs": {}})
    inspection.model.partial = {"flows"}
    assert knows(inspector, inspection, PROD)


def test_what_is_no_row_is_not_taken(inspection: Inspection) -> None:
    row = next(iter(inspection.model.known["flows"].values()))
    with pytest.raises(ValidationError):
        inspection.model.learn("flows", {**row, "created": "yesterday"})
    assert inspection.model.known["flows"][row["id"]] == row


def test_a_row_is_written_with_the_defaults_of_what_it_leaves_out(inspection: Inspection) -> None:
    row = {"id": "8F7C1B1E-3c55-4d0b-9a53-7a1c6e2b9f10", "created": "2026-01-01T01:00:00+01:00", "name": "a"}
    written = inspection.model.written("flows", {**row, "updated": "2026-01-01T00:00:00Z"})
    assert written == {
        "id": "8f7c1b1e-3c55-4d0b-9a53-7a1c6e2b9f10",
        "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T00:00:00Z",
        "name": "a",
        "tags": [],
        "labels": {},
    }
