"""The clock of a workspace on a running server."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any


class RemoteClock:
    """The clock of a workspace.

    It is the machine's clock until it is set. It can be set back, which changes no row.

    Args:
        call: makes a control call.
        workspace: its name.
    """

    def __init__(self, call: Callable[..., Any], workspace: str) -> None:
        self._call = call
        self._params = {"workspace": workspace}

    @property
    def state(self) -> dict[str, Any]:
        """The `time`, whether the clock `is_frozen`, and whether it `is_machine`: the machine's clock, not set yet."""
        return dict(self._call("GET", "/clock", params=self._params))

    def now(self) -> datetime:
        """The time that it shows, in UTC."""
        return time_of(self.state)

    def freeze(self, time: datetime | str | None = None) -> datetime:
        """Stop the clock, at a time or at the present one. Returns the time.

        Args:
            time: a time, or a text such as "2026-03-29T00:00Z"; in UTC, if it has no offset.
        """
        return self._put(time=time, is_frozen=True)

    def set(self, time: datetime | str) -> datetime:
        """Set the clock to a time. A frozen clock stays frozen, a running one runs on. Returns the time."""
        return self._put(time=time)

    def advance(self, duration: timedelta | float | None = None, **units: float) -> datetime:
        """Move the clock forward, by at most a year. Returns the time.

        Args:
            duration: how far, as a `timedelta` or in seconds.
            units: the same by unit, as for `timedelta`: `hours=3`.

        Raises:
            TypeError: a unit does not exist, or neither a duration nor units are given, or both.
        """
        if (duration is None) == (not units):
            raise TypeError("advance() takes either a duration or units, such as hours=3")
        given = timedelta(**units) if duration is None else duration
        return self._put(advance=given.total_seconds() if isinstance(given, timedelta) else given)

    def resume(self) -> datetime:
        """Let the clock run again, from the time that it shows. Returns the time."""
        return self._put(is_frozen=False)

    def reset(self) -> None:
        """Use the machine's clock again."""
        self._call("DELETE", "/clock", params=self._params)

    def _put(self, **change: Any) -> datetime:
        # Services may have a year to catch up on before the response.
        return time_of(self._call("PUT", "/clock", change, params=self._params, timeout=None))


def time_of(clock: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(clock["time"].replace("Z", "+00:00"))
