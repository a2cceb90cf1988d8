"""The history of a workspace: its rows before its last changes."""

import time
from collections import deque
from typing import NamedTuple

from understudy.workspaces.workspace import Workspace

CHANGES = 1000  # that the history holds
ROWS = 200_000  # copied rows, at most
BYTES = 2**27  # of rows that only the history holds, at most
LONGEST = 3600  # seconds


class Past(NamedTuple):
    """A fork of a workspace, and until when the workspace equalled it, by `time.monotonic`, in seconds.

    `before` is how often each table had changed by then, `held` how many rows are copied for it, and `size` how many
    bytes the rows take that have changed since.
    """

    until: float
    rows: Workspace
    before: dict[str, int]
    held: int = 0
    size: int = 0


class History:
    """Forks of a workspace, each from just before a possible change."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._past: deque[Past] = deque(maxlen=CHANGES)

    def note(self) -> None:
        """Record the rows before a possible change."""
        moment = time.monotonic()
        changes = {name: table.changes for name, table in self._workspace.items()}
        last = self._past.pop() if self._past else None
        if last is not None and last.before == changes:
            self._past.append(last._replace(until=moment))
            return
        if last is not None:
            tables = [table for name, table in self._workspace.items() if last.before[name] != changes[name]]
            # A copy has the places of deleted rows too, of which there are no more than there were changes.
            held = sum(len(table) + table.changes for table in tables)
            size = sum(last.rows[table.schema.name].bytes_beyond(table) for table in tables)
            self._past.append(last._replace(held=held, size=size))
        self._past.append(Past(moment, self._workspace.fork(), changes))
        self._remove_old(moment - LONGEST)

    def at(self, seconds: float) -> Workspace:
        """The workspace as it was so many seconds ago, or as far back as the history goes."""
        moment = time.monotonic() - seconds
        return next((past.rows for past in self._past if past.until >= moment), self._workspace)

    def _remove_old(self, moment: float) -> None:
        """Remove forks that are too old to be used, and the oldest ones beyond the limits."""
        held, size = sum(past.held for past in self._past), sum(past.size for past in self._past)
        while self._past[0].until < moment or held > ROWS or size > BYTES:
            oldest = self._past.popleft()
            held, size = held - oldest.held, size - oldest.size
