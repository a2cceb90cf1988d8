"""Opening a store: for one process at a time, from a fixture set where it is new."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pendulum

from understudy.store.lock import locked
from understudy.store.store import Store
from understudy.workspaces import fixtures
from understudy.workspaces.fixtures import FixtureSet

MEBIBYTE = 2**20  # bytes
LARGE = 64  # mebibytes


@contextmanager
def opened(path: Path, fixture_set: FixtureSet) -> Iterator[Store]:
    """The store of a file, which no other process can open meanwhile; a new one starts from a fixture set.

    Raises:
        FixtureError: the set cannot be loaded.
        StoreError: the file is in use, cannot be read or written, or is damaged.
    """
    path = path.resolve()
    with locked(path):
        store = Store(path, fixture_set.catalog)
        if store.written is None:
            store.workspace.restore(fixture_set.rows)
        if store.written is None or store.changes:
            store.settle()
        yield store


def origin(store: Store, folder: Path) -> str:
    """Where the rows of a store come from, in words; a new one's are those of the fixture set in `folder`."""
    if store.written is None:
        return f"{folder}, kept in {store.path}"
    return f"{store.path}, written {pendulum.instance(store.written).diff_for_humans()}"


def warnings(store: Store) -> Iterator[str]:
    """What is odd about a store, a line each."""
    yield from fixtures.dangling(store.workspace)
    size = store.path.stat().st_size // MEBIBYTE
    if size >= LARGE:
        yield f"{store.path} is {size} MiB, and each write writes all of it: see docs/store.md"
