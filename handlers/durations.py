"""Durations in stored rows."""

from datetime import timedelta


def in_microseconds(seconds: float) -> float:
    """A duration in whole microseconds, as the database of a real server stores it.

    Raises:
        ValueError: it is too long to be stored.
    """
    try:
        return timedelta(seconds=seconds).total_seconds()
    except OverflowError:
        raise ValueError("the duration is too long") from None
