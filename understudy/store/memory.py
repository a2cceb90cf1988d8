"""Workspaces in memory, which start from a fixture set and end with the server."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from understudy.loading.fixtures import FixtureSet, dangling
from understudy.tables.changes import Change, Replacement
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_storage import Content


class Memory:
    """Workspaces that are not stored: each is a fork of the fixture set."""

    def __init__(self, fixture_set: FixtureSet) -> None:
        self._fixture_set = fixture_set

    def open(self, name: str) -> AbstractContextManager[Content]:
        base = self._fixture_set.rows
        changes: list[Change | Replacement] = []
        rows, origin = base.fork(changes.append), str(self._fixture_set.folder)
        perform = partial(performed, rows, changes)
        return nullcontext(Content(rows, perform, origin, partial(self._warnings, base), nothing_to_delete))

    def _warnings(self, rows: Workspace) -> Iterator[str]:
        yield from self._fixture_set.warnings()
        yield from dangling(rows)

    def has_stored(self, name: str) -> bool:
        return False

    def stored(self) -> Iterable[str]:
        return ()


def performed(
    workspace: Workspace, changes: list[Change | Replacement], operation: Callable[[], Any]
) -> Awaitable[Any]:
    """Perform an operation at once. If it raises, its changes, which the workspace adds to a list, are undone."""
    try:
        return returned(operation())
    except BaseException:
        workspace.undo(changes)
        raise
    finally:
        changes.clear()


async def returned(result: Any) -> Any:
    return result


def nothing_to_delete() -> None:
    """A workspace in memory has no file to delete."""
