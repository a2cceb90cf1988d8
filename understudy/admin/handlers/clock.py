"""The clocks of workspaces."""

from datetime import datetime, timedelta
from typing import Any

from understudy.clock import MACHINE, Clock
from understudy.errors import Unprocessable
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.options import YEAR
from understudy.site import Site
from understudy.values import in_utc
from understudy.workspaces.open_workspace import OpenWorkspace


async def read_clock(site: Site, workspace: str) -> Answer:
    return shown(await site.registry.get(workspace))


async def set_clock(site: Site, workspace: str, body: dict[str, Any]) -> Answer:
    opened = await site.registry.get(workspace)
    try:
        clock = changed(opened.clock, **body)
    except ValueError as error:
        raise Unprocessable(f"{error} The clock was not changed.") from None
    await opened.set_clock(clock, jumps=body.get("time") is not None)
    return shown(opened)


def changed(
    clock: Clock, time: datetime | None = None, advance: float | None = None, *, is_frozen: bool | None = None
) -> Clock:
    """A clock after a change.

    Raises:
        ValueError: a clock cannot show that time, or two times are given.
    """
    if time is not None and advance is not None:
        raise ValueError("`time` and `advance` exclude each other.")
    if is_frozen is not None:
        clock = clock.freeze() if is_frozen else clock.resume()
    if advance is not None:
        if not 0 <= advance <= YEAR:
            raise ValueError(f"A clock advances by 0 to {YEAR} seconds at a time.")
        return clock.set_to(clock.now() + timedelta(seconds=advance))
    return clock if time is None else clock.set_to(in_utc(time))


async def reset_clock(site: Site, workspace: str) -> Answer:
    await (await site.registry.get(workspace)).set_clock(MACHINE, jumps=True)
    return NO_CONTENT


def shown(opened: OpenWorkspace) -> dict[str, Any]:
    clock = opened.clock
    return {
        "workspace": opened.name,
        "time": clock.now(),
        "is_frozen": clock.frozen is not None,
        "is_machine": clock is MACHINE,
    }
