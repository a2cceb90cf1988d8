"""From a store to a fixture set, and back."""

from pathlib import Path

from understudy.contract.catalog import Catalog
from understudy.errors import StoreError
from understudy.loading import fixtures
from understudy.loading.fixtures import FixtureSet
from understudy.store.opening import located, opened
from understudy.store.store import Store
from understudy.terminal.console import warn
from understudy.workspaces.workspace import Workspace


def export(path: Path, folder: Path, catalog: Catalog) -> tuple[Workspace, list[str]]:
    """Write the rows of a store as a fixture set. A server may go on writing to the store meanwhile.

    Returns:
        The rows, and what the contract does not have of them.

    Raises:
        StoreError: there is no such store, or it is damaged.
        FixtureError: the folder is not empty, or cannot be written.
    """
    store = Store(path, catalog)
    if store.written is None:
        raise StoreError(path, "there is no such store, or nothing in it")
    fixtures.save(folder, store.workspace)
    return store.workspace, list(store.upgrade.warnings())


def import_(folder: Path, path: Path, catalog: Catalog) -> Workspace:
    """Make a new store of a fixture set.

    Raises:
        FixtureError: the set cannot be loaded.
        StoreError: the file is there already, or cannot be written.
    """
    path = located(path)
    if path.exists() and path.stat().st_size:
        raise StoreError(path, "is there already; give it another name, or take it away first")
    fixture_set = FixtureSet(folder, catalog)
    with opened(path, fixture_set) as store:
        for warning in fixture_set.warnings():
            warn(warning)
        return store.workspace
