"""Opening a store, for one process at a time. A new store starts from a fixture set."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pendulum

from understudy.encoding import reason_of
from understudy.errors import StoreError
from understudy.loading import fixtures
from understudy.loading.fixtures import FixtureSet
from understudy.paths import check_file
from understudy.store.lock import Lock, lock_file
from understudy.store.store import Store


def located(path: Path) -> Path:
    """The path of a store without links.

    Raises:
        StoreError: the path is not a regular file, or cannot be resolved.
    """
    try:
        check_file(path)
        return path.resolve()  # which fails where the current folder was deleted
    except OSError as error:
        raise StoreError(path, f"cannot be read ({reason_of(error)})") from None


@contextmanager
def opened(path: Path, fixture_set: FixtureSet, lock: Lock | None = None) -> Iterator[Store]:
    """Open the store in a file, and lock it. A new store starts from a fixture set.

    Args:
        path: the file.
        fixture_set: the fixture set that a new store starts from.
        lock: a lock that is already held, and may cover the file.

    Raises:
        FixtureError: the set cannot be loaded.
        StoreError: the file is in use, cannot be read or written, or is damaged.
    """
    path = located(path)
    if lock is None or lock.file != lock_file(path):
        lock = Lock(path)
    with lock.held():
        store = Store(path, fixture_set.catalog, lock.check)
        if store.written is None:
            store.workspace.restore(fixture_set.rows)
        if store.written is None or store.changes:
            store.flush()
        try:
            yield store
        finally:
            store.close()


def origin(store: Store, folder: Path) -> str:
    """A description of where the rows of a store come from: its file, or for a new store the fixture set."""
    if store.written is None:
        return f"{folder}, stored in {store.path}"
    return f"{store.path}, written {pendulum.instance(store.written).diff_for_humans()}"


def warnings(store: Store, fixture_set: FixtureSet) -> Iterator[str]:
    """Warnings about a store, and about the fixture set if the store starts from it."""
    if store.written is None:
        yield from fixture_set.warnings()
    yield from store.upgrade.warnings()
    yield from fixtures.dangling(store.workspace)
