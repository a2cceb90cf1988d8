"""Clocks: the time of a workspace, which is the machine's unless it was set."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

NO_TIME = timedelta()
EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(9000, 1, 1, tzinfo=timezone.utc)  # later times can be computed from it


@dataclass(frozen=True)
class Clock:
    """A clock that is frozen, or runs with the machine's.

    Args:
        frozen: the time at which it stands; None if it runs.
        ahead: how far it is ahead of the machine's while it runs.
    """

    frozen: datetime | None = None
    ahead: timedelta = NO_TIME

    def now(self) -> datetime:
        return self.frozen or datetime.now(timezone.utc) + self.ahead

    def set_to(self, time: datetime) -> "Clock":
        """The clock at another time, frozen or running as before.

        Raises:
            ValueError: the time is before 1970 or after 8999.
        """
        if not EARLIEST <= time < LATEST:
            raise ValueError(f"A clock shows times from {EARLIEST.year} to {LATEST.year - 1}.")
        return running_from(time) if self.frozen is None else Clock(time)

    def freeze(self) -> "Clock":
        return Clock(self.now())

    def resume(self) -> "Clock":
        return self if self.frozen is None else running_from(self.frozen)

    def run(self, operation: Callable[[], Any]) -> Any:
        """The result of an operation, which uses this clock."""
        token = CURRENT.set(self)
        try:
            return operation()
        finally:
            CURRENT.reset(token)


def parsed_time(text: str) -> datetime:
    """A time in ISO 8601, in UTC; without an offset, it is in UTC.

    Raises:
        ValueError: it is not a time, or a clock cannot show it.
    """
    from pydantic_core import SchemaValidator, ValidationError, core_schema  # noqa: PLC0415 - not needed for `--help`

    try:
        time: datetime = SchemaValidator(core_schema.datetime_schema()).validate_python(text)
        return Clock(EARLIEST).set_to(time if time.tzinfo else time.replace(tzinfo=timezone.utc)).now()
    except ValidationError:
        raise ValueError(f"`{text}` is not a time such as 2026-03-29T00:00Z") from None


def running_from(time: datetime) -> Clock:
    return Clock(ahead=time - datetime.now(timezone.utc))


MACHINE = Clock()
"""The machine's clock."""

CURRENT: ContextVar[Clock] = ContextVar("understudy_clock", default=MACHINE)
"""The clock of the workspace whose operation is being performed."""
