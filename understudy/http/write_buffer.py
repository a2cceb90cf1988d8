"""A transport that joins consecutive writes, and aborts connections of clients that do not read."""

import asyncio
import socket
from typing import Any

LARGE = 2**16  # bytes of a piece that is not copied, and that can wait without a timeout
CHECKS = 4  # how often the progress of a client is checked within its timeout


class WriteBuffer:
    """Wraps a transport. Writes are sent in the next step of the event loop, or before it closes.

    Uvicorn writes the head and the body of a response separately, which takes two system calls and wakes the client
    twice.

    A connection is aborted when its client has not read a byte for `seconds` while data waits for it. The kernel
    reports progress only when its own buffers move, on most machines about every 100 KB; `TCP_NOTSENT_LOWAT` keeps its
    send buffer from hiding megabytes.

    Attributes:
        written: the bytes written so far.
        closes_at_eof: whether to close when the client closes its side, even without a response.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._transport = transport
        self._loop = loop
        self._seconds = seconds
        self._pieces: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sent = 0  # bytes that the client had read at the last check
        self._stalled = 0  # consecutive checks without progress
        self.is_closing = transport.is_closing  # called for every response, so not through __getattr__
        self.written = 0
        self.closes_at_eof = False
        connection = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, LARGE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        self.written += len(data)

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        self._flush()
        self._transport.close()
        self._watch(0)

    def abort(self) -> None:
        self._flush()
        self._transport.abort()

    def lost(self) -> None:
        """Stop watching, since the connection is closed."""
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        if self._pieces and not self._transport.is_closing():
            if len(self._pieces[-1]) < LARGE:
                self._transport.write(b"".join(self._pieces))
            else:
                self._transport.writelines(self._pieces)
            self._watch(LARGE)
        self._pieces.clear()

    def _watch(self, allowed: int) -> None:
        """Start watching the client if more bytes wait than allowed."""
        if self._timer is None and self._transport.get_write_buffer_size() > allowed:
            self._sent, self._stalled = self._taken(), 0
            self._timer = self._loop.call_later(self._seconds / CHECKS, self._check)

    def _check(self) -> None:
        """Check whether the client has read anything since the last check, and abort after too many without."""
        self._timer = None
        sent = self._taken()
        self._stalled = self._stalled + 1 if sent == self._sent else 0
        self._sent = sent
        if self._transport.get_write_buffer_size() == 0:
            return
        if self._stalled < CHECKS:
            self._timer = self._loop.call_later(self._seconds / CHECKS, self._check)
        else:
            self._transport.abort()

    def _taken(self) -> int:
        """The number of bytes that have left this process."""
        return self.written - sum(map(len, self._pieces)) - int(self._transport.get_write_buffer_size())
