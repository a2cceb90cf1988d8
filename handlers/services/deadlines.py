"""The times at which rows are due."""

from bisect import bisect_left, bisect_right, insort


class Deadlines:
    """When some rows are due, in order. The earliest ones are found without a look at the others.

    Rows are given by their numbers, times by their keys (`understudy.values.key_of`).
    """

    def __init__(self) -> None:
        self._times: dict[int, int] = {}
        self._order: list[tuple[int, int]] = []

    def set(self, row: int, time: int) -> None:
        """Set the time of a row, instead of its former one."""
        self.discard(row)
        self._times[row] = time
        insort(self._order, (time, row))

    def discard(self, row: int) -> None:
        if row in self._times:
            entry = self._times.pop(row), row
            del self._order[bisect_left(self._order, entry)]

    @property
    def first(self) -> int | None:
        """The earliest time; None if no row is due."""
        return self._order[0][0] if self._order else None

    def until(self, time: int) -> list[int]:
        """The rows that are due by a time, the earliest first."""
        return [row for _, row in self._order[: bisect_right(self._order, time, key=lambda entry: entry[0])]]
