"""The interface of the storage that the registry of workspaces uses."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from understudy.workspaces.workspace import Workspace

Perform = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Performs an operation on a workspace, and returns its result once it is durable."""


@dataclass(frozen=True)
class Content:
    """The rows of a workspace and how they are stored.

    Args:
        workspace: the rows.
        perform: performs operations on them.
        origin: a description of where they come from.
        warnings: warnings about them.
        delete: deletes what is stored; raises UnderstudyError if it cannot, and then changes nothing.
    """

    workspace: Workspace
    perform: Perform
    origin: str
    warnings: Callable[[], Iterable[str]]
    delete: Callable[[], None]


class Storage(Protocol):
    """Stores the rows of workspaces."""

    def open(self, name: str) -> AbstractContextManager[Content]:
        """Open a stored workspace, or a new one with the rows of the fixture set.

        Raises:
            UnderstudyError: it cannot be opened.
        """

    def has_stored(self, name: str) -> bool:
        """Whether a workspace is stored."""

    def stored(self) -> Iterable[str]:
        """The names of the stored workspaces, except DEFAULT, whether open or not."""
