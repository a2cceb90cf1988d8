"""Workspaces in memory, which start from a fixture set and end with the server."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from understudy.loading.fixtures import FixtureSet, dangling
from understudy.workspaces.registry import Content, at_once
from understudy.workspaces.workspace import Workspace


class Memory:
    """Workspaces that are not stored: each is a fork of the fixture set."""

    def __init__(self, fixture_set: FixtureSet) -> None:
        self._fixture_set = fixture_set

    def open(self, name: str) -> AbstractContextManager[Content]:
        rows, origin = self._fixture_set.rows, str(self._fixture_set.folder)
        return nullcontext(Content(rows.fork(), at_once, origin, partial(self._warnings, rows), nothing_to_delete))

    def _warnings(self, rows: Workspace) -> Iterator[str]:
        yield from self._fixture_set.warnings()
        yield from dangling(rows)

    def has_stored(self, name: str) -> bool:
        return False

    def stored(self) -> Iterable[str]:
        return ()


def nothing_to_delete() -> None:
    """A workspace in memory has no file to delete."""
