"""Ctrl-C and SIGTERM: they end a run early, and what it has found by then is reported."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
BY_SIGNAL = 128  # and the signal's number: what a process ends with after a signal. 130 is Ctrl-C, 143 is SIGTERM.


class Interrupts:
    """While it is entered, each of the signals raises KeyboardInterrupt, which ends the block and goes no further.

    Only the main thread gets signals; in another one, nothing changes.

    A signal that the process ignores is still ignored, as SIGINT is by what a shell starts in the background.
    `status` is what the process is to end with, as shells have it; None where no signal has come.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":
        self._before = handlers()
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> bool:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        return self.status is not None and kind is KeyboardInterrupt

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.status = BY_SIGNAL + number
        raise KeyboardInterrupt


@contextmanager
def delayed() -> Iterator[None]:
    """Delays an interrupt to the end of the block. A second one is not delayed.

    Within, one step of the work is done whole, such as to create a row and to note that it is to be deleted.
    """
    before = handlers()
    came: list[int] = []

    def delay(number: int, frame: FrameType | None) -> None:
        came.append(number)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, delay)
    try:
        yield
    finally:
        restore()
        if came:
            signal.raise_signal(came[0])


def handlers() -> dict[signal.Signals, Any]:
    """What handles each signal; nothing outside of the main thread, where that cannot be changed."""
    is_main = threading.current_thread() is threading.main_thread()
    return {number: signal.getsignal(number) for number in SIGNALS} if is_main else {}
