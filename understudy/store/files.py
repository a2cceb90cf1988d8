"""Stores of several workspaces: one in the file that was named, each other in one beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from understudy.store.commits import Commits
from understudy.store.opening import opened, origin, warnings
from understudy.workspaces.fixtures import FixtureSet
from understudy.workspaces.tenants import DEFAULT, Kept


class Files:
    """Keeps each workspace in a store; a new one starts from the fixture set."""

    def __init__(self, path: Path, fixture_set: FixtureSet) -> None:
        self._path = path.resolve()
        self._fixture_set = fixture_set

    @contextmanager
    def open(self, name: str) -> Iterator[Kept]:
        """A workspace out of its file.

        Raises:
            UnderstudyError: the file cannot be opened, or the fixture set cannot be loaded.
        """
        with opened(self.path(name), self._fixture_set) as store:
            perform = Commits(store.workspace, store.changes, store.keep).perform
            yield Kept(store.workspace, perform, origin(store, self._fixture_set.folder), partial(warnings, store))

    def has_left(self, name: str) -> bool:
        return self.path(name).exists()

    def forget(self, name: str) -> None:
        """Delete a workspace's file."""
        self.path(name).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """The file of a workspace: "rows.json", or "rows.<id>.<id>.json"."""
        if name == DEFAULT:
            return self._path
        return self._path.with_name(f"{self._path.stem}.{name.replace('/', '.')}{self._path.suffix}")
