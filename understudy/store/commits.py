"""Commits: operations are answered once all that they saw is on disk, many by one flush."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from understudy.encoding import reason_of
from understudy.errors import InsufficientStorage
from understudy.tables.changes import Change
from understudy.text import counted
from understudy.workspaces.workspace import Workspace

logger = logging.getLogger("understudy")

Outcome = Exception | None
"""Why a flush failed; None where it did not."""


class Commits:
    """Performs operations on a workspace, and lets them answer when they may.

    An operation works at once on the rows in memory, on top of what others have changed and is not on
    disk yet. Its answer waits for the flush that brings all of that there: so no answer, of a read
    either, tells what a crash could take back. What is changed during a flush goes with the next one.
    Where a flush fails, what it should have kept is undone, and what was changed on top of it.

    Args:
        workspace: the rows.
        changes: the changes of the workspace, as they are made; taken from here to be kept.
        keep: brings changes to the disk, in a thread of its own; raises OSError where it cannot.
    """

    def __init__(self, workspace: Workspace, changes: list[Change], keep: Callable[[Sequence[Change]], object]) -> None:
        self._workspace = workspace
        self._changes = changes
        self._keep = keep
        self._current: asyncio.Future[Outcome] | None = None  # the flush that is under way
        self._next: asyncio.Future[Outcome] | None = None  # the one that takes `changes`
        self._flushing: asyncio.Task[None] | None = None

    async def perform(self, operation: Callable[[], Any]) -> Any:
        """What an operation returns or raises, once it may be told. One that raises has changed nothing.

        Raises:
            InsufficientStorage: the operation has changed rows, and that could not be kept.
        """
        while True:
            changes, raised = len(self._changes), None
            try:
                answer = operation()
            except Exception as error:  # noqa: BLE001 - a refusal has to wait like any answer
                self._undo(self._changes[changes:])
                del self._changes[changes:]
                answer, raised = None, error
            has_changed = len(self._changes) > changes
            failure = await self._settled()
            if failure is None and raised is not None:
                raise raised
            if failure is None:
                return answer
            if has_changed:
                raise refusal(failure)
            # What it saw is undone: it has to look again.

    async def _settled(self) -> Outcome:
        """Wait until all that there is now is on disk, or undone."""
        if self._changes and self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._flushing is None and self._next is not None:
            self._flushing = asyncio.create_task(self._flush())
        awaited = self._next or self._current
        # Shielded, since others wait for the same.
        return None if awaited is None else await asyncio.shield(awaited)

    async def _flush(self) -> None:
        while self._next is not None:
            self._current, self._next = self._next, None
            changes, self._changes[:] = list(self._changes), []
            try:
                await asyncio.to_thread(self._keep, changes)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
                self._fail(error, changes)
            else:
                self._current.set_result(None)
            self._current = None
        self._flushing = None

    def _fail(self, error: Exception, changes: list[Change]) -> None:
        count = counted(len(changes) + len(self._changes), "changes")
        logger.error("%s could not be kept: %s", count, error)
        self._undo([*changes, *self._changes])
        self._changes.clear()
        for waiting in (self._current, self._next):
            if waiting is not None:
                waiting.set_result(error)
        self._next = None

    def _undo(self, changes: Sequence[Change]) -> None:
        for change in reversed(changes):
            self._workspace[change.table].undo(change)


def refusal(failure: Exception) -> Exception:
    """What is told of a change that could not be kept."""
    if not isinstance(failure, OSError):
        return failure
    return InsufficientStorage(f"The change could not be kept ({reason_of(failure)}). Nothing was changed.")
