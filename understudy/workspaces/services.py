"""Background services: what a server does by itself, each at its time. They run when a clock moves or a request
arrives.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, NamedTuple

from understudy.clock import Clock
from understudy.workspaces.workspace import Workspace

MOST = 100  # runs of services at one time

logger = logging.getLogger("understudy")


@dataclass(frozen=True)
class Service:
    """A background service: work that a server does without being requested to.

    Args:
        tables: the tables whose changes can change when it is due.
        function: finds a function of its module, which is imported on first use.
    """

    tables: Sequence[str]
    function: Callable[[str], Callable[..., Any]]

    @cached_property
    def due(self) -> Callable[[Workspace], datetime | None]:
        """When there is something to do next, if no row changes; None if there is nothing."""
        return self.function("due")

    @cached_property
    def run(self) -> Callable[[Workspace], None]:
        """Does what is due at the present time."""
        return self.function("run")


class Known(NamedTuple):
    """When a service is due, as of a number of changes of its tables."""

    changes: int
    due: datetime | None


class Services:
    """The services of one workspace.

    They run in chronological order, and each sees the time at which it is due as the present. `time` is the time up to
    which they have run; work that was due earlier is done at that time.
    """

    def __init__(self, workspace: Workspace, services: Sequence[Service], time: datetime) -> None:
        self._workspace = workspace
        self._services = services
        self._known: dict[int, Known] = {}
        self.time = time

    def jump(self, time: datetime) -> None:
        """Continue at another time, and skip what was due in between."""
        self.time = time
        self._known.clear()

    def pass_to(self, time: datetime) -> None:
        """Continue at a later time. Until then, nothing was due, except because of the last change."""
        self.time = max(self.time, time)

    def is_due(self, time: datetime) -> bool:
        """Whether something is due by a time."""
        return any(due <= time for due, _ in self._dues())

    def run(self, until: datetime) -> None:
        """Do all that is due by a time.

        Work that services cause each other at one time stops after `MOST` steps, and continues with the next request.
        """
        steps = 0
        while steps < MOST:
            due, number = min(self._dues(), default=(None, 0))
            if due is None or due > until:
                break
            steps = steps + 1 if due <= self.time else 1
            self.time = max(self.time, due)
            self._run(number)
        else:
            logger.warning("services have made each other run %d times at %s; the rest is done later", MOST, self.time)
            return
        self.time = max(self.time, until)

    def _run(self, number: int) -> None:
        service, before = self._services[number], self._changes(number)
        if not self._succeeds(partial(service.run, self._workspace)):
            self._known[number] = Known(self._changes(number), None)
            return
        due = self._due(number) if self._changes(number) != before else self._computed(number)
        if due is not None and due <= self.time and self._changes(number) == before:
            # It has left everything as it was, so it has nothing to do before a row changes.
            self._known[number] = Known(before, None)

    def _dues(self) -> list[tuple[datetime, int]]:
        """When each service with future work is due, and its number."""
        found = ((self._due(number), number) for number in range(len(self._services)))
        return [(due, number) for due, number in found if due is not None]

    def _due(self, number: int) -> datetime | None:
        known = self._known.get(number)
        return known.due if known and known.changes == self._changes(number) else self._computed(number)

    def _computed(self, number: int) -> datetime | None:
        found: list[datetime | None] = []
        self._succeeds(lambda: found.append(self._services[number].due(self._workspace)))
        due = found[0] if found else None
        self._known[number] = Known(self._changes(number), due)
        return due

    def _succeeds(self, function: Callable[[], object]) -> bool:
        """Call a function of a service at the current time. Its failure does not make requests fail.

        The failure is logged, and the service is called again once a row of its tables changes.
        """
        try:
            Clock(self.time).run(function)
        except Exception:
            logger.exception("a service has failed")
            return False
        return True

    def _changes(self, number: int) -> int:
        return sum(self._workspace[name].changes for name in self._services[number].tables)
