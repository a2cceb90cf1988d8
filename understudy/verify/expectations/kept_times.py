"""Times of rows: whether a request has changed them, however close the new time is to the former one."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from understudy.sampling.counterparts import is_time
from understudy.values import moment, now

Field = tuple[str, str]
"""The id of a row, and the path of a time in it."""

Shown = Mapping[Field, tuple[str, ...]]
"""The times that several servers show in a field."""


class KeptTimes:
    """Remembers the times that several servers have shown for the same rows.

    Args:
        moving: the names of fields whose values change with time.
        clock: the present time.
    """

    def __init__(self, moving: Container[str], clock: Callable[[], datetime] = now) -> None:
        self._moving = moving
        self._clock = clock
        self._last: dict[Field, tuple[tuple[str, ...], datetime]] = {}  # the times, and when they were shown

    def in_same_rows(self, bodies: Sequence[Any]) -> Shown:
        """The times in responses of all servers to one request, whose rows correspond to each other by their order."""
        return dict(times(bodies, self._moving, {}))

    def by_ids(self, bodies: Sequence[Any], ids: Sequence[Mapping[str, str]]) -> Shown:
        """The times that all servers show of the same rows.

        Args:
            bodies: the responses of all servers to one request.
            ids: for each server, the ids of the last one by its own.
        """
        each = [dict(times([body], self._moving, known)) for body, known in zip(bodies, ids, strict=True)]
        shown = (field for field in each[-1] if all(field in fields for fields in each))
        return {field: tuple(chain.from_iterable(fields[field] for fields in each)) for field in shown}

    def changed_otherwise(self, shown: Shown) -> tuple[str, str, str] | None:
        """The first time that the last server has changed since an earlier response and the others have not, or the
        other way round: the name of the field, and its times then and now.

        A time before the earlier response is left out: the server made an earlier change late.
        """
        shown_at = self._clock()
        for field, present in shown.items():
            before, then = self._last.get(field, (present, shown_at))
            if present != before:
                *expected, changed = (are_different(*each) for each in zip(before, present, strict=True))
                is_late = changed and moment(present[-1]) < then
                if all(each != changed for each in expected) and not is_late:
                    # It is not remembered, so that another request shows it again.
                    return field[1], before[-1], present[-1]
            self._last[field] = present, shown_at
        return None


def are_different(one: str, other: str) -> bool:
    """Whether two times are different moments: a server may show one with another offset later."""
    return one != other and moment(one) != moment(other)


def times(
    bodies: Sequence[Any], moving: Container[str], ids: Mapping[str, str], row: str = "", path: str = ""
) -> Iterator[tuple[Field, tuple[str, ...]]]:
    """The times of the rows in responses of several servers, by the fields of the last one."""
    own = bodies[-1]
    if isinstance(own, list):
        for rows in zip(*bodies, strict=True):
            if isinstance(rows[-1], dict) and "id" in rows[-1]:
                yield from times(rows, moving, ids)
    elif isinstance(own, dict):
        if "id" in own:
            row, path = ids.get(str(own["id"]), str(own["id"])), ""
        for name, *values in zip(own, *(body.values() for body in bodies), strict=True):
            below = f"{path}.{name}" if path else name
            if name in moving:
                continue
            if isinstance(values[-1], (dict, list)):
                yield from times(values, moving, ids, row, below)
            elif row and isinstance(values[-1], str) and is_time(values[-1]):
                yield (row, below), tuple(values)
