"""Group commit: operations return once everything that they saw is on disk, and one flush serves many."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from understudy.encoding import reason_of
from understudy.errors import InsufficientStorage
from understudy.tables.changes import Change
from understudy.text import counted
from understudy.workspaces.workspace import Workspace

logger = logging.getLogger("understudy")

Outcome = Exception | None
"""Why a flush failed; None if it succeeded."""


class Commits:
    """Performs operations on a workspace, and returns their results once they are durable.

    An operation works at once on the rows in memory, including changes that are not on disk yet. Its result waits for
    the flush that writes all of them, so no response, not even of a read, shows anything that a crash could undo.
    Changes during a flush are part of the next one. If a flush fails, its changes and those made on top of them are
    undone.

    A flush has its own thread: to hand it over takes 0.1 ms, while one on the thread of the event loop would let
    everything else wait for the disk, such as requests for other workspaces.

    Args:
        workspace: the rows.
        changes: the list to which the workspace adds its changes; a flush takes them from it.
        write: writes changes to disk, in another thread; raises OSError if it cannot.
    """

    def __init__(
        self, workspace: Workspace, changes: list[Change], write: Callable[[Sequence[Change]], object]
    ) -> None:
        self._workspace = workspace
        self._changes = changes
        self._write = write
        self._current: asyncio.Future[Outcome] | None = None  # the flush that is under way
        self._next: asyncio.Future[Outcome] | None = None  # the one that takes `changes`
        self._flushing: asyncio.Task[None] | None = None

    def perform(self, operation: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        """The result of an operation, or its exception, once it is durable. An operation that raises changes nothing.

        The operation works with this call, before its result is awaited.

        Raises:
            InsufficientStorage: the operation has changed rows, and the changes could not be stored.
        """
        return self._finished(operation, self._attempt(operation))

    def _attempt(self, operation: Callable[[], Any]) -> tuple[bool, Any, Exception | None]:
        """Whether an operation has changed rows, its result, and its exception."""
        changes, raised = len(self._changes), None
        try:
            result = operation()
        except Exception as error:  # noqa: BLE001 - an error has to wait like any result
            self._workspace.undo(self._changes[changes:])
            del self._changes[changes:]
            result, raised = None, error
        return len(self._changes) > changes, result, raised

    async def _finished(self, operation: Callable[[], Any], attempt: tuple[bool, Any, Exception | None]) -> Any:
        while True:
            has_changed, result, raised = attempt
            failure = await self._settled()
            if failure is None and raised is not None:
                raise raised
            if failure is None:
                return result
            if has_changed:
                raise refusal(failure)
            # The rows that it read are undone: perform it again.
            attempt = self._attempt(operation)

    async def _settled(self) -> Outcome:
        """Wait until all present changes are on disk or undone."""
        if self._changes and self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._flushing is None and self._next is not None:
            self._flushing = asyncio.create_task(self._flush())
        awaited = self._next or self._current
        # Shielded, since other operations wait for the same future.
        return None if awaited is None else await asyncio.shield(awaited)

    async def _flush(self) -> None:
        while self._next is not None:
            self._current, self._next = self._next, None
            changes, self._changes[:] = list(self._changes), []
            try:
                await asyncio.to_thread(self._write, changes)
            except Exception as error:  # noqa: BLE001 - any error is passed on to the waiting operations
                self._fail(error, changes)
            else:
                self._current.set_result(None)
            self._current = None
        self._flushing = None

    def _fail(self, error: Exception, changes: list[Change]) -> None:
        count = counted(len(changes) + len(self._changes), "changes")
        reason = reason_of(error) if isinstance(error, OSError) else error
        logger.error("%s could not be stored: %s", count, reason)
        self._workspace.undo([*changes, *self._changes])
        self._changes.clear()
        for waiting in (self._current, self._next):
            if waiting is not None:
                waiting.set_result(error)
        self._next = None


def refusal(failure: Exception) -> Exception:
    """The error response for a change that could not be stored."""
    if not isinstance(failure, OSError):
        return failure
    return InsufficientStorage(f"The change could not be stored ({reason_of(failure)}). Nothing was changed.")
