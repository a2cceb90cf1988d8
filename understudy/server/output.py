"""Standard output and error that never block the server.

A write to a pipe without a reader, or to a terminal stopped by Ctrl-S, does not return. A write fails if the disk is
full or the pipe is closed. A server that wrote there directly would stop or fail too.
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

WAITING = 2**20  # bytes that can wait to be written
PAUSE = 0.01  # seconds after each write, to gather more for the next one
GRACE = 0.5  # seconds at the end to write the rest

logger = logging.getLogger("understudy")


class NonBlockingOutput(io.RawIOBase):
    """A byte stream whose `write` returns at once and never fails; a thread writes to a file descriptor.

    While `WAITING` bytes wait, further output is dropped, and so is output that cannot be written. The number of
    dropped lines is logged as soon as something can be written again.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()  # safe to use in a signal handler
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

    def write(self, data: bytes) -> int:  # type: ignore[override] # only text streams write here, and they pass bytes
        piece = bytes(data)
        with self._lock:
            if self._waiting + len(piece) > WAITING:
                self._dropped += lines_in(piece)
                return len(piece)
            self._waiting += len(piece)
        self._queue.put(piece)
        return len(piece)

    def finish(self) -> None:
        """Wait until everything is written, for at most `GRACE` seconds."""
        self._queue.put(None)
        self._thread.join(GRACE)

    def _run(self) -> None:
        is_open = True
        while is_open:
            pieces = [self._queue.get()]
            while not self._queue.empty():
                pieces.append(self._queue.get())
            is_open = None not in pieces
            self._write_out(b"".join(piece for piece in pieces if piece is not None))
            if is_open:
                time.sleep(PAUSE)

    def _write_out(self, data: bytes) -> None:
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
    """Write as many bytes as possible. Returns their number."""
    written = 0
    with suppress(OSError):
        while written < len(data):
            select.select([], [descriptor], [])  # another process may have made it non-blocking
            written += os.write(descriptor, data[written:])
    return written


@contextmanager
def unblocked() -> Iterator[None]:
    """Make `sys.stdout` and `sys.stderr` non-blocking within the block."""
    before = sys.stdout, sys.stderr
    outputs: list[NonBlockingOutput] = []
    with ExitStack() as stack:
        # Closed streams are None. Without a replacement, the next file or socket would take their descriptors.
        opened = [stream or stack.enter_context(Path(os.devnull).open("w", encoding="utf-8")) for stream in before]
        sys.stdout, sys.stderr = (replacement(stream, outputs) for stream in opened)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            for output in outputs:
                output.finish()


def replacement(stream: TextIO, outputs: list[NonBlockingOutput]) -> TextIO:
    """A non-blocking text stream to the same place as another one, or that one itself if it has no file descriptor.

    Streams to the same place share one of `outputs`, which preserves their order.
    """
    try:
        descriptor = stream.fileno()
        place = os.fstat(descriptor)
    except (OSError, ValueError):
        return stream  # it is in memory
    output = next((each for each in outputs if os.path.samestat(os.fstat(each.fileno()), place)), None)
    if output is None:
        output = NonBlockingOutput(descriptor)
        outputs.append(output)
    # A text stream can write to a raw stream, as Python's own do without buffering (-u).
    return io.TextIOWrapper(cast("Any", output), stream.encoding, "backslashreplace", write_through=True)
