"""Times of rows: whether a request has changed them, however close the new time is to the former one."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from understudy.sampling.counterparts import is_time
from understudy.values import moment, now

Field = tuple[str, str]
"""The id of a row, and the path of a time in it."""


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

    def changed_otherwise(self, bodies: Sequence[Any], ids: Sequence[Mapping[str, str]]) -> tuple[str, str, str] | None:
        """The first time that the last server has changed since an earlier response and the others have not, or the
        other way round: the name of the field, and its times then and now.

        A time before the earlier response is left out: the server made an earlier change late.

        Args:
            bodies: the responses of all servers to one request.
            ids: for each server, the ids of the last one by its own.
        """
        *others, own = (dict(times(body, self._moving, known)) for body, known in zip(bodies, ids, strict=True))
        shown = {
            field: (*(each[field] for each in others), own[field])
            for field in own
            if all(field in each for each in others)
        }
        for field, present in shown.items():
            before, then = self._last.get(field, (present, self._clock()))
            *expected, changed = (are_different(*each) for each in zip(before, present, strict=True))
            is_late = changed and moment(present[-1]) < then
            if all(each != changed for each in expected) and not is_late:
                # It is not remembered, so that another request shows it again.
                return field[1], before[-1], present[-1]
            self._last[field] = present, self._clock()
        return None


def are_different(one: str, other: str) -> bool:
    """Whether two times are different moments: a server may show one with another offset later."""
    return one != other and moment(one) != moment(other)


def times(
    body: Any, moving: Container[str], ids: Mapping[str, str], row: str = "", path: str = ""
) -> Iterator[tuple[Field, str]]:
    """The times of the rows in a response, by their fields."""
    if isinstance(body, list):
        for each in body:
            if isinstance(each, dict) and "id" in each:
                yield from times(each, moving, ids)
    elif isinstance(body, dict):
        if "id" in body:
            row, path = ids.get(str(body["id"]), str(body["id"])), ""
        for name, value in body.items():
            if name not in moving:
                yield from times(value, moving, ids, row, f"{path}.{name}" if path else name)
    elif row and isinstance(body, str) and is_time(body):
        yield (row, path), body
