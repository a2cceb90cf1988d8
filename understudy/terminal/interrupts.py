"""Ctrl-C, SIGTERM and SIGHUP (a closed terminal): they end a run early, which still reports what it has found."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
SIGNALS = tuple(signal.Signals[name] for name in NAMES if hasattr(signal, name))  # Windows has no SIGHUP
BY_SIGNAL = 128  # added to a signal's number, the exit status after it: 130 for Ctrl-C, 143 for SIGTERM


class Interrupts:
    """A context manager in which each of the signals raises KeyboardInterrupt, which ends the block and is suppressed.

    Only the main thread receives signals. In other threads, it does nothing.

    A signal that the process ignores stays ignored, such as SIGINT in a background process of a shell. `status` is the
    exit status after the first signal, as shells define it; None without a signal.
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
        # If the error is lost during an import, it is raised again, as a Ctrl-C: see `pass_on_interrupt`.
        self.status = self.status or BY_SIGNAL + number
        raise KeyboardInterrupt


@contextmanager
def delayed() -> Iterator[None]:
    """Delay an interrupt to the end of the block. A second one is not delayed.

    Use it for a step that must not be interrupted, such as creating a row and recording that it must be deleted.
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
    """The handler of each signal; empty outside the main thread, where handlers cannot be set."""
    is_main = threading.current_thread() is threading.main_thread()
    return {number: signal.getsignal(number) for number in SIGNALS} if is_main else {}
