"""Standard output and error of a server, which must never block it.

A write to a pipe that nobody reads, or to a terminal that is stopped by Ctrl-S, does not return. A disk can be full
and a reader gone, which makes a write fail. A server that wrote there by itself would stop or fail with its reader.
"""

import io
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO, cast

from understudy.text import counted

WAITING = 2**20  # bytes that may wait to be written
PAUSE = 0.01  # seconds after each write, in which more is gathered for the next one
GRACE = 0.5  # seconds, at the end, in which what is left may be written

logger = logging.getLogger("understudy")


class Unblocked(io.RawIOBase):
    """A stream for bytes whose `write` returns at once and never fails; a thread writes them to a file descriptor.

    Once `WAITING` bytes wait, what comes on top of them is dropped, and so is what cannot be written. How many lines
    were dropped is logged as soon as something can be written again.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()  # which a signal handler may use at any moment
        self._lock = threading.RLock()
        self._waiting = 0
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="understudy-output", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: bytes) -> int:  # type: ignore[override] # only text streams write here, and they give bytes
        piece = bytes(data)
        with self._lock:
            if self._waiting + len(piece) > WAITING:
                self._dropped += lines_in(piece)
                return len(piece)
            self._waiting += len(piece)
        self._queue.put(piece)
        return len(piece)

    def finish(self) -> None:
        """Wait until all is written, or until `GRACE` is over."""
        self._queue.put(None)
        self._thread.join(GRACE)

    def _run(self) -> None:
        is_open = True
        while is_open:
            pieces = [self._queue.get()]
            while not self._queue.empty():
                pieces.append(self._queue.get())
            is_open = None not in pieces
            self._pass_on(b"".join(piece for piece in pieces if piece is not None))
            if is_open:
                time.sleep(PAUSE)

    def _pass_on(self, data: bytes) -> None:
        written = write_all(self._descriptor, data)
        with self._lock:
            self._waiting -= len(data)
            self._dropped += lines_in(data[written:])
            dropped = self._dropped
            if written:
                self._dropped = 0
        if dropped and written:
            logger.warning("dropped %s of output, which could not be written", counted(dropped, "lines"))


def lines_in(data: bytes) -> int:
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


def write_all(descriptor: int, data: bytes) -> int:
    """Write bytes, as many as can be written. Returns how many these were."""
    written = 0
    with suppress(OSError):
        while written < len(data):
            select.select([], [descriptor], [])  # another process may have made it non-blocking
            written += os.write(descriptor, data[written:])
    return written


@contextmanager
def unblocked() -> Iterator[None]:
    """Within, nothing that is written to `sys.stdout` and `sys.stderr` blocks, or fails."""
    before = sys.stdout, sys.stderr
    outputs: list[Unblocked] = []
    with ExitStack() as stack:
        # Those that are closed are None, and the next files and sockets that are opened would take their numbers.
        opened = [stream or stack.enter_context(Path(os.devnull).open("w", encoding="utf-8")) for stream in before]
        sys.stdout, sys.stderr = (replacement(stream, outputs) for stream in opened)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            for output in outputs:
                output.finish()


def replacement(stream: TextIO, outputs: list[Unblocked]) -> TextIO:
    """A text stream to where another one leads; that one itself where it leads to no file descriptor.

    Where several lead to the same place, one of `outputs` writes for all, which keeps their order.
    """
    try:
        descriptor = stream.fileno()
        place = os.fstat(descriptor)
    except (OSError, ValueError):
        return stream  # it is in memory
    output = next((each for each in outputs if os.path.samestat(os.fstat(each.fileno()), place)), None)
    if output is None:
        output = Unblocked(descriptor)
        outputs.append(output)
    # A text stream writes to a raw stream too, and Python has its own do so when it is run without buffering (-u).
    return io.TextIOWrapper(cast("Any", output), stream.encoding, "backslashreplace", write_through=True)
