"""Forks: workspaces that share unchanged data, and never see each other's rows."""

import random

import pytest

from tests.conftest import SMALL
from tests.states import change_anything, state
from understudy.loading import fixtures
from understudy.operations.api_folder import Api
from understudy.tables.changes import Change, by_row
from understudy.values import new_id
from understudy.workspaces.workspace import Workspace


@pytest.fixture
def base(api: Api) -> Workspace:
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    return workspace


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("warm", [True, False], ids=["indexes made before", "indexes made after"])
def test_forks_are_independent(api: Api, base: Workspace, seed: int, *, warm: bool) -> None:
    """Several forks, and forks of forks, changed in turn: each is independent of the others."""
    randomness = random.Random(seed)
    if warm:
        state(api, base)
    untouched = state(api, base.fork())
    forks = [base.fork() for _ in range(3)]
    forks.append(forks[0].fork())
    for _ in range(20):
        fork = randomness.choice(forks)
        others = [(other, state(api, other)) for other in forks if other is not fork]
        change_anything(randomness, fork)
        assert all(state(api, other) == before for other, before in others)
    assert state(api, base) == untouched


@pytest.mark.parametrize("seed", range(5))
def test_caches_of_a_fork_are_valid_after_a_restore(api: Api, base: Workspace, seed: int) -> None:
    randomness = random.Random(seed)
    fork = base.fork()
    state(api, fork)
    for _ in range(5):
        change_anything(randomness, fork)
    kept = fork.fork()
    before = state(api, fork)
    for _ in range(5):
        change_anything(randomness, fork)
    fork.restore(kept)
    assert state(api, fork) == before
    fork.restore(base)
    assert state(api, fork) == state(api, base)
    assert state(api, kept) == before


@pytest.mark.parametrize("seed", range(10))
def test_restore_reports_each_row_and_can_be_undone(api: Api, base: Workspace, seed: int) -> None:
    randomness = random.Random(seed)
    changes: list[Change] = []
    kept = base.fork(by_row(changes))
    for _ in range(12):
        change_anything(randomness, kept)
    assert_reported(base, changes, kept)
    before = state(api, kept)
    changes.clear()
    kept.restore(base)
    assert state(api, kept) == state(api, base)
    assert changes
    for change in reversed(changes):
        kept[change.table].undo(change)
    assert state(api, kept) == before


def assert_reported(base: Workspace, changes: list[Change], kept: Workspace) -> None:
    """Compare reported changes with the rows."""
    rows = {(name, row): table.encoded(row) for name, table in base.items() for row in table.live}
    rows |= {(change.table, change.row): change.after for change in changes}
    shown = {(name, row): table.encoded(row) for name, table in kept.items() for row in table.live}
    assert {place: row for place, row in rows.items() if row} == shown


def test_id_moved_to_another_row_is_restored(api: Api, base: Workspace) -> None:
    changes: list[Change] = []
    kept = base.fork(by_row(changes))
    table = kept["flows"]
    first, second = list(table.live)[-2:]
    values = [table.values(row) for row in (second, first)]
    for row in (first, second):
        table.delete(row)
    assert [table.insert(row) for row in values] == [first, second]
    kept.restore(base)
    assert state(api, kept) == state(api, base)
    assert table.find(values[0]["id"].int) == second


def test_memory_does_not_grow_with_created_and_deleted_rows(api: Api, base: Workspace) -> None:
    table = base.fork()["flows"]
    size = len(table)
    values = table.values(next(iter(table.live)))
    for _ in range(100):
        row = table.insert({**values, "id": new_id()})
        assert row == size
        table.delete(row)
