"""Exporting a store as a fixture set, importing one, and compacting a store."""

from pathlib import Path

from understudy.contract.catalog import Catalog
from understudy.errors import StoreError
from understudy.loading import fixtures
from understudy.loading.fixtures import FixtureSet
from understudy.store.lock import Lock
from understudy.store.opening import located, opened
from understudy.store.store import Store
from understudy.terminal.console import warn
from understudy.workspaces.workspace import Workspace


def export(path: Path, folder: Path, catalog: Catalog) -> tuple[Workspace, list[str]]:
    """Write the rows of a store as a fixture set. A server may write to the store meanwhile.

    Returns:
        The rows, and warnings about what the contract does not have.

    Raises:
        StoreError: the store does not exist, or is damaged.
        FixtureError: the folder is not empty, or cannot be written.
    """
    store = Store(path, catalog)
    if store.written is None:
        raise StoreError(path, "does not exist, or is empty")
    fixtures.save(folder, store.workspace)
    return store.workspace, list(store.upgrade.warnings())


def import_(folder: Path, path: Path, catalog: Catalog) -> Workspace:
    """Create a new store from a fixture set.

    Raises:
        FixtureError: the set cannot be loaded.
        StoreError: the file already exists, or cannot be written.
    """
    path = located(path)
    if path.exists() and path.stat().st_size:
        raise StoreError(path, "already exists; name another file, or delete this one first")
    fixture_set = FixtureSet(folder, catalog)
    with opened(path, fixture_set) as store:
        for warning in fixture_set.warnings():
            warn(warning)
        return store.workspace


def compact(path: Path, catalog: Catalog) -> tuple[Workspace, list[str]]:
    """Write all that is in the log of a store to its file, and delete the log.

    Returns:
        The rows, and warnings about what the contract does not have.

    Raises:
        StoreError: the store does not exist, is in use or damaged, or cannot be written.
    """
    path = located(path)
    lock = Lock(path)
    with lock.held():
        store = Store(path, catalog, lock.check)
        if store.written is None:
            raise StoreError(path, "does not exist, or is empty")
        store.flush()
        store.compact()
    return store.workspace, list(store.upgrade.warnings())
