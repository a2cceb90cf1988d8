"""Values: keys, stored forms, times and ids."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from hmac import compare_digest
from operator import attrgetter
from random import getrandbits
from typing import Any
from uuid import UUID, uuid4

from pydantic_core import SchemaValidator, core_schema

from understudy.clock import CURRENT

# In the time zone object that pydantic gives to times in UTC, which are thereby recognized and subtracted faster.
EPOCH: datetime = SchemaValidator(core_schema.datetime_schema()).validate_python("1970-01-01T00:00:00Z")
MICROSECOND = timedelta(microseconds=1)
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=timezone.utc), datetime(9999, 12, 31, tzinfo=timezone.utc)
LARGEST_INTEGER = 2**63 - 1
TURNS: dict[type, Callable[[Any], Any]] = {
    UUID: attrgetter("int"),
    datetime: lambda value: (value - EPOCH) // MICROSECOND,
    dict: repr,
    list: lambda values: [key_of(value) for value in values],
}


def key_of(value: Any) -> Any:
    """The key by which a value is indexed and sorted.

    Ids and times become integers, which are faster to hash and compare, an object its text, and a list the keys of its
    items.
    """
    turn = TURNS.get(type(value))
    return value if turn is None else turn(value)


def time_of_key(key: int) -> datetime:
    """The time whose key is a number."""
    return EPOCH + MICROSECOND * key


def moment(text: str) -> datetime:
    """The time of a text as the API writes it. Python 3.10 does not read the `Z`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def moved(moment: datetime, by: timedelta | float) -> datetime:
    """A time moved by a duration or by seconds; about the earliest or latest one there is, if it is out of range."""
    try:
        return moment + (by if isinstance(by, timedelta) else timedelta(seconds=by))
    except OverflowError:
        return LATEST if by == abs(by) else EARLIEST


def is_id(text: str) -> bool:
    """Whether a text is a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def in_utc(value: datetime) -> datetime:
    """The same moment in UTC; a time without an offset is in UTC already.

    Raises:
        ValueError: the moment is before the year 1 or after 9999 in UTC.
    """
    if value.tzinfo is EPOCH.tzinfo:
        return value
    if value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    if not value.utcoffset():
        return value
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("the moment is out of range in UTC") from None


def with_offset(value: datetime) -> datetime:
    """The same moment with the offset that it has; a time without one is in UTC.

    Raises:
        ValueError: the moment is before the year 1 or after 9999 in UTC.
    """
    moment = in_utc(value)
    return moment if value.tzinfo is None else value


def as_stored(value: Any) -> Any:
    """A number as SQLite's NUMERIC affinity stores it; any other value unchanged.

    A float without a fraction becomes an integer if it fits into 64 bits, and an integer that does not fit becomes a
    float. https://www.sqlite.org/datatype3.html#type_affinity
    """
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_INTEGER:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        return as_float(value)
    return value


def as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def now() -> datetime:
    """The time of the workspace whose operation is performed; outside of operations, the machine's time."""
    return CURRENT.get().now()


def time_of_change(*before: datetime | None) -> datetime:
    """The time of a change as the real server's database returns it, in whole milliseconds.

    It is rounded up, so that a row that changes right after its creation is not older than itself.

    Args:
        before: the row's earlier times. The result is not before any of them, so that times do not run backwards within
            a row if the clock is set back.
    """
    moment = now()
    rounded = moment + timedelta(microseconds=-moment.microsecond % 1000)
    return later(rounded, *before)


def later(moment: datetime, *others: datetime | None) -> datetime:
    """The latest of some times, ignoring those that are None."""
    return max([moment, *(other for other in others if other is not None)])


def new_id() -> UUID:
    return uuid4()


def new_ordered_id() -> UUID:
    """A UUID of version 7, which sorts by time.

    Ids of one millisecond sort as they are made, also while the clock is frozen. Source: RFC 9562.
    """
    milliseconds = int(now().timestamp() * 1000) % (1 << 48)
    made = (time.monotonic_ns() % (1 << 58)) << 16 | getrandbits(16)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | made >> 62 << 64 | 0b10 << 62 | made % (1 << 62))


def is_same(secret: str, other: str) -> bool:
    """Compare two texts in constant time."""
    return compare_digest(secret.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
