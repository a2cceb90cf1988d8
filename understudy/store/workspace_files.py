"""The stores of all workspaces: the default one in the named file, each other in a file beside it."""

import glob
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from understudy.loading.fixtures import FixtureSet
from understudy.store.commits import Commits
from understudy.store.lock import Lock
from understudy.store.opening import located, opened, origin, warnings
from understudy.text import escape
from understudy.workspaces.workspace_names import DEFAULT, is_name
from understudy.workspaces.workspace_storage import Content

logger = logging.getLogger("understudy")


class WorkspaceFiles:
    """Stores each workspace in a file. A new one starts from the fixture set.

    Raises:
        StoreError: the path cannot be that of a store.
    """

    def __init__(self, path: Path, fixture_set: FixtureSet) -> None:
        self._path = located(path)
        self._fixture_set = fixture_set
        self._lock = Lock(self._path)

    @contextmanager
    def open(self, name: str) -> Iterator[Content]:
        """Open a workspace from its file.

        Raises:
            UnderstudyError: the file cannot be opened, or the fixture set cannot be loaded.
        """
        with opened(self.path(name), self._fixture_set, self._lock) as store:
            perform = Commits(store.workspace, store.changes, store.write).perform
            start = origin(store, self._fixture_set.folder)
            if name != DEFAULT:  # of the default one, the command prints all warnings
                for warning in store.upgrade.warnings():
                    logger.warning("%s: %s", store.path, escape(warning))
            yield Content(store.workspace, perform, start, partial(warnings, store, self._fixture_set), store.delete)

    def has_stored(self, name: str) -> bool:
        return self.path(name).exists()

    def stored(self) -> Iterator[str]:
        """The names of the workspaces, except the default one, that have a file."""
        start, end = f"{self._path.stem}.", self._path.suffix
        for path in self._path.parent.glob(f"{glob.escape(start)}*{glob.escape(end)}"):
            name = path.name[len(start) : len(path.name) - len(end)].replace(".", "/")
            if is_name(name):
                yield name

    def path(self, name: str) -> Path:
        """The file of a workspace: "rows.json", or "rows.<id>.<id>.json"."""
        if name == DEFAULT:
            return self._path
        return self._path.with_name(f"{self._path.stem}.{name.replace('/', '.')}{self._path.suffix}")
