"""Bitmaps, compared with a slow evaluation of each row, while rows are created, changed and deleted."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import naive
from tests.conftest import SMALL
from tests.drawing import queries
from understudy.contract.catalog import Catalog
from understudy.contract.columns import Column
from understudy.contract.contract import Contract
from understudy.filters import selection
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.loading import fixtures
from understudy.operations.api_folder import Api
from understudy.sampling.random_requests import Request
from understudy.values import key_of, new_id, now
from understudy.workspaces.workspace import Workspace

STEPS = 12
BY_ID = Sort(Column(("id",)))


def plain(workspace: Workspace) -> naive.Database:
    """All rows as the API would show them."""
    return {name: [json.loads(table.encoded(row)) for row in table.live] for name, table in workspace.items()}


# Which of two algorithms is used depends on the number of rows; both are correct for any number.
WAYS = {
    "whichever is less work": (selection.FEW, selection.MANY),
    "few at a time": (0, 0),
    "all at once": (10**9, 10**9),
}


@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(randomness=st.randoms(use_true_random=False))
def test_selection_equals_an_evaluation_of_each_row(
    api: Api, monkeypatch: pytest.MonkeyPatch, randomness: random.Random, way: str
) -> None:
    monkeypatch.setattr(selection, "FEW", WAYS[way][0])
    monkeypatch.setattr(selection, "MANY", WAYS[way][1])
    requests = queries(api.contract, SMALL, randomness, naive.ROOTS)
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    sent: list[Request] = []
    for _ in range(STEPS):
        for _ in range(randomness.choice([0, 1, 1, 3])):
            change(workspace, randomness)
        sent.append(next(requests))
        database = plain(workspace)
        # Earlier results are cached, and must not be returned unchanged.
        for request in (sent[-1], randomness.choice(sent)):
            selected, table = select(api, workspace, request)
            expected = {row["id"] for row in database[table] if naive.meets(database, table, row, request.body)}
            assert selected == expected, request


REMEMBERED = (
    {"artifacts": {"key": {"like_": "a"}}},
    {"artifacts": {"type": {"not_any_": ["table"]}}},
    {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "RUNNING"]}}}},
    {"flow_runs": {"tags": {"all_": ["prod"]}}, "flows": {"name": {"like_": "e"}}},
    {"task_runs": {"state": {"name": {"any_": ["Completed"]}}}},
    {"task_runs": {"subflow_runs": {"exists_": False}, "state": {"type": {"any_": ["COMPLETED", "RUNNING"]}}}},
)


@pytest.mark.parametrize("recent", [1000, 1], ids=["recorded", "partly recorded"])
@pytest.mark.parametrize("seed", range(8))
def test_cached_results_are_updated_after_each_change(
    api: Api, monkeypatch: pytest.MonkeyPatch, seed: int, recent: int
) -> None:
    """The same few requests after some changes, of the table itself and of those that it refers to."""
    monkeypatch.setattr("understudy.tables.table.RECENT", recent)
    randomness = random.Random(seed)
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    for _ in range(25):
        database = plain(workspace)
        for body in REMEMBERED:
            request = Request("POST", "/artifacts/filter", "/artifacts/filter", body)
            selected, table = select(api, workspace, request)
            assert selected == {row["id"] for row in database[table] if naive.meets(database, table, row, body)}, body
            page = workspace.page(table, criteria_of(api, request), BY_ID, 200, 0)
            assert {row["id"] for row in json.loads(page)} == selected, body
        for _ in range(randomness.choice([1, 1, 4])):
            change(workspace, randomness)


@pytest.mark.parametrize("own", [{"key": {"like_": ""}}, {"operator": "or_", "key": {"like_": ""}}])
@pytest.mark.parametrize("table", ["flow_runs", "flows", "task_runs"])
def test_page_is_updated_after_changes_of_each_table_it_depends_on(api: Api, table: str, own: dict[str, Any]) -> None:
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    tables = {name: {"name": {"like_": ""}} for name in ("flow_runs", "flows", "task_runs")}
    criteria = criteria_of(api, Request("POST", "/artifacts/filter", "/artifacts/filter", {"artifacts": own, **tables}))
    assert len(json.loads(workspace.page("artifacts", criteria, BY_ID, 200, 0))) > 3
    workspace.delete(table, list(workspace[table].live))
    assert json.loads(workspace.page("artifacts", criteria, BY_ID, 200, 0)) == []


def select(api: Api, workspace: Workspace, request: Request) -> tuple[set[str], str]:
    schema = api.contract.root["paths"][request.path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    table = schema.value["x-selects"]
    rows = workspace.select(table, criteria_of(api, request))
    return {str(workspace[table].values(row)["id"]) for row in rows}, table


def criteria_of(api: Api, request: Request) -> Criteria:
    operation = api.contract.root["paths"][request.path]["post"].value["operationId"]
    arguments = api.operations[operation].reader.read({"headers": []}, json.dumps(request.body).encode())
    criteria: Criteria = arguments["criteria"]
    return criteria


def change(workspace: Workspace, randomness: random.Random) -> None:
    """One random write, to any table."""
    table = workspace[randomness.choice([name for name, table in workspace.items() if table])]
    row = randomness.choice(list(table.live))
    values = table.values(randomness.choice(list(table.live)))
    match randomness.choice(["insert", "update", "update", "delete"]):
        case "insert":
            table.insert({**values, "id": new_id(), "updated": now()})
        case "update":
            names = randomness.sample([name for name in values if name not in ("id", "latest_id")], k=3)
            table.update(row, {name: values[name] for name in names})
        case "delete":
            workspace.delete(table.schema.name, [row])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(randomness=st.randoms(use_true_random=False))
def test_pages_are_complete_and_in_order(api: Api, randomness: random.Random) -> None:
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    table = workspace["artifacts"]
    for _ in range(STEPS):
        change(workspace, randomness)
        field = randomness.choice(["created", "updated", "id", "key"])
        column = next(column for column in api.catalog.columns["artifacts"] if column.names == (field,))
        rows = table.live & type(table.live)(randomness.sample(range(200), k=randomness.choice([0, 3, 60, 200])))
        sort = Sort(column, randomness.choice([True, False]))
        whole = table.index(sort.column).page(rows, sort.descending, 0, 1000)
        size = randomness.choice([1, 2, 7, 50])
        pages = [table.index(sort.column).page(rows, sort.descending, start, size) for start in range(0, 200, size)]
        assert [row for page in pages for row in page] == whole
        assert set(whole) == set(rows)
        keys = [
            (value is not None, "" if value is None else key_of(value))
            for value in (table.values(row)[field] for row in whole)
        ]
        assert all(first <= second for first, second in zip(*ordered(keys, sort.descending), strict=True))


def ordered(keys: list[Any], descending: bool) -> tuple[list[Any], list[Any]]:
    return (keys[1:], keys[:-1]) if descending else (keys[:-1], keys[1:])


def test_delete_of_rows_in_a_reference_cycle_ends(tmp_path: Path) -> None:
    circle = {"type": "string", "format": "uuid", "x-references": "pets", "x-on-delete": "cascade"}
    pet = {
        "type": "object",
        "x-table": "pets",
        "properties": {"id": {"type": "string", "format": "uuid"}, "friend": circle},
    }
    contract = tmp_path / "openapi.yaml"
    info = {"title": "Pets", "version": "1"}
    schemas = {"schemas": {"Pet": pet}}
    contract.write_text(
        json.dumps({"openapi": "3.0.3", "info": info, "paths": {}, "components": schemas}), encoding="utf-8"
    )
    workspace = Workspace.empty(Catalog.of(Contract.load(contract)))
    first, second, third = new_id(), new_id(), new_id()
    for own, friend in ((first, second), (second, first), (third, third)):
        workspace["pets"].insert({"id": own, "friend": friend})
    workspace.delete("pets", [0])
    assert list(workspace["pets"].live) == [2]
    workspace.delete("pets", [2])
    assert not workspace["pets"]
