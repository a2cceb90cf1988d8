"""A transport that sends in one piece what is written at one go, and gives up on clients that do not read."""

import asyncio
import socket
from typing import Any

LARGE = 2**16  # bytes: what is not copied to be sent in one piece, and how much may wait without being watched
CHECKS = 4  # how often the progress of a client is looked at within its time limit


class WriteBuffer:
    """Stands for a transport. What is written to it goes out with the loop's next step, or before it closes.

    Uvicorn writes the head of an answer and its body by themselves, which costs two calls of the system, and the
    client, who wakes up for either, as much.

    A connection is aborted when its client has not taken a byte of what waits for it for `seconds`. The kernel tells
    of progress only when its own buffers move, on most machines about every 100 KB; `TCP_NOTSENT_LOWAT` keeps the
    sending one from hiding megabytes.

    Attributes:
        written: bytes that were written so far.
        closes_at_eof: whether a client that closes its side gives up, even though it was not answered.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._transport = transport
        self._loop = loop
        self._seconds = seconds
        self._pieces: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sent = 0  # bytes that the client had taken at the last check
        self._stalled = 0  # checks in a row that saw no progress
        self.is_closing = transport.is_closing  # asked for by every answer, so without the way through __getattr__
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
        """The connection is no more; there is nothing left to watch."""
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
        """Start to watch the client, if more bytes wait for it than are allowed to."""
        if self._timer is None and self._transport.get_write_buffer_size() > allowed:
            self._sent, self._stalled = self._taken(), 0
            self._timer = self._loop.call_later(self._seconds / CHECKS, self._check)

    def _check(self) -> None:
        """See whether the client has taken anything since the last check, and give up on it if not for too long."""
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
        """How many bytes have left this process."""
        return self.written - sum(map(len, self._pieces)) - int(self._transport.get_write_buffer_size())
