"""Connections that are delayed."""

import asyncio
import time
from typing import Any

from understudy.http.connections import TRANSPORT, pause


class FastLoop(asyncio.SelectorEventLoop):
    """A loop with a clock that is too fast, so that its timers are early. Those of uvloop may be early by 1 ms."""

    def time(self) -> float:
        return super().time() * 2

    def call_later(self, delay: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        return super().call_later(delay / 2, *arguments, **options)


class OpenTransport(asyncio.Transport):
    def is_closing(self) -> bool:
        return False


async def shortest_pause(seconds: float) -> float:
    took = []
    for _ in range(5):
        start = time.monotonic()
        await pause(seconds, {TRANSPORT: OpenTransport()})
        took.append(time.monotonic() - start)
    return min(took)


def test_pause_is_never_too_short() -> None:
    loop = FastLoop()
    try:
        assert loop.run_until_complete(shortest_pause(0.005)) >= 0.005
    finally:
        loop.close()
