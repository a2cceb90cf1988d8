"""The history of a workspace: what it was like before its last changes."""

import time
from collections import deque

from understudy.workspace import Workspace

CHANGES = 1000  # that are remembered


class History:
    """Forks of a workspace, each from just before it may have changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._past: deque[tuple[float, Workspace]] = deque(maxlen=CHANGES)

    def note(self) -> None:
        """Remember the rows, since something may change them now."""
        self._past.append((time.monotonic(), self._workspace.fork()))

    def at(self, seconds: float) -> Workspace:
        """The workspace as it was so many seconds ago, or as far back as is remembered."""
        moment = time.monotonic() - seconds
        return next((rows for until, rows in self._past if until >= moment), self._workspace)
