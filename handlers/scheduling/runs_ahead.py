"""The future scheduled runs of each schedule, updated with the rows that change."""

from bisect import bisect_left, insort
from collections import defaultdict
from typing import Any

from understudy.contract.columns import Column
from understudy.tables.table import Table

DEPLOYMENT_ID, CREATOR, STATE_TYPE, NEXT_START = (
    Column(("deployment_id",)),
    Column(("created_by.id",)),
    Column(("state_type",)),
    Column(("next_scheduled_start_time",)),
)
Owner = tuple[Any, Any]
"""The keys of a deployment and of its schedule."""


class RunsAhead:
    """The sorted starts of scheduled runs from some time on, by deployment and schedule.

    Args:
        runs: the table of the runs.
        start: the key of the earliest time.
    """

    def __init__(self, runs: Table, start: int) -> None:
        self._runs = runs
        self._changes = runs.changes
        self._starts: defaultdict[Owner, list[tuple[int, int]]] = defaultdict(list)
        self._places: dict[int, tuple[Owner, int]] = {}
        for row in runs.index(STATE_TYPE).rows("SCHEDULED") & runs.index(NEXT_START).starting_at(start):
            self._add(row)

    def of(self, owner: Owner, start: int) -> list[int]:
        """The starts from a time on, which must not be before that of the last call."""
        starts = self._starts[owner]
        passed = bisect_left(starts, (start,))
        for _, row in starts[:passed]:
            del self._places[row]
        del starts[:passed]
        return [start for start, _ in starts]

    def follow(self) -> set[Owner] | None:
        """Apply the changes of rows. Returns the owners of changed runs; None if the changes are unknown."""
        changed = self._runs.changed_since(self._changes)
        if changed is None:
            return None
        self._changes = self._runs.changes
        owners = {self._places[row][0] for row in changed if row in self._places}
        for row in changed:
            self._discard(row)
            if row in self._runs.live and self._runs.key(STATE_TYPE, row) == "SCHEDULED":
                owners |= self._add(row)
        return owners

    def _add(self, row: int) -> set[Owner]:
        start = self._runs.key(NEXT_START, row)
        if start is None:
            return set()
        owner = self._runs.key(DEPLOYMENT_ID, row), self._runs.key(CREATOR, row)
        self._places[row] = owner, start
        insort(self._starts[owner], (start, row))
        return {owner}

    def _discard(self, row: int) -> None:
        if row in self._places:
            owner, start = self._places.pop(row)
            self._starts[owner].remove((start, row))
