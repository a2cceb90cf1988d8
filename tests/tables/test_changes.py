"""Undoing changes restores a table completely, with each of its indexes."""

import random

import pytest

from tests.conftest import SMALL
from tests.states import change_anything, state
from understudy.loading import fixtures
from understudy.operations.api_folder import Api
from understudy.tables.changes import Change, by_row
from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace


@pytest.fixture
def changes() -> list[Change]:
    return []


@pytest.fixture
def workspace(api: Api, changes: list[Change]) -> Workspace:
    workspace = Workspace.empty(api.catalog, by_row(changes))
    fixtures.load(SMALL, workspace)
    changes.clear()
    return workspace


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("warm", [True, False], ids=["indexes made before", "indexes made after"])
def test_undo_restores_everything(
    api: Api, workspace: Workspace, changes: list[Change], seed: int, *, warm: bool
) -> None:
    randomness = random.Random(seed)
    untouched = Workspace.empty(api.catalog)
    fixtures.load(SMALL, untouched)
    if warm:
        state(api, workspace)
    for _ in range(12):
        change_anything(randomness, workspace)
    assert changes
    for change in reversed(changes):
        workspace[change.table].undo(change)
    assert state(api, workspace) == state(api, untouched)


def test_each_change_has_the_row_before_and_after(workspace: Workspace, changes: list[Change]) -> None:
    flows = workspace["flows"]
    row = flows.insert({"id": new_id(), "created": now(), "updated": now(), "name": "a"})
    first = flows.encoded(row)
    flows.update(row, {"name": "b"})
    second = flows.encoded(row)
    flows.delete(row)
    assert changes == [
        Change("flows", row, b"", first),
        Change("flows", row, first, second),
        Change("flows", row, second, b""),
    ]
