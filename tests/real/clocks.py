"""Runs a script on a stand-in, whose clock it moves, and on a real server with services, for which it waits."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import httpx

from tests.servers import real_server, stand_in
from understudy.admin.client import RemoteWorkspace

Found = TypeVar("Found")
Script = Callable[[httpx.Client, Callable[[float], object], Callable[[], datetime]], Found]
"""Plays on a server, given what lets some seconds pass, and what returns the time there."""


def played_on_both(script: Script[Found], folder: Path, settings: Mapping[str, str] | None = None) -> list[Found]:
    """The results of a script on a stand-in and on a real server with some settings, both without rows."""
    (folder / "empty").mkdir()
    with stand_in(folder / "empty") as api:
        clock = RemoteWorkspace(str(api.base_url)).clock
        clock.freeze()
        ours = script(api, clock.advance, clock.now)
    with real_server(folder / "empty", folder / "real", settings, services=True) as api:
        return [ours, script(api, time.sleep, lambda: datetime.now(timezone.utc))]
