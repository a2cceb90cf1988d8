"""The numbers of rows: in order of creation, and reused."""

from typing import Any

import pytest

from understudy.operations.api_folder import Api
from understudy.tables import rows
from understudy.tables.table import Table
from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace


@pytest.fixture
def variables(api: Api) -> Table:
    return Workspace.empty(api.catalog)["variables"]


def variable() -> dict[str, Any]:
    moment = now()
    return {"id": new_id(), "created": moment, "updated": moment, "name": f"v-{new_id()}", "value": 1}


def test_new_row_comes_after_all_others(variables: Table) -> None:
    first, second, third = (variables.insert(variable()) for _ in range(3))
    variables.delete(first)
    fourth = variables.insert(variable())
    assert second < third < fourth


def test_numbers_are_reused_once_most_are_vacant(variables: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_VACANT", 10)
    last = variables.insert(variable())
    numbers = []
    for _ in range(100):
        following = variables.insert(variable())
        variables.delete(last)
        numbers.append(following)
        last = following
    assert max(numbers) < 20


def test_emptied_table_starts_again(variables: Table) -> None:
    row = variables.insert(variable())
    variables.delete(row)
    assert variables.insert(variable()) == row
