"""When the pieces of an answer are sent that is to come slowly.

Each piece has a moment, counted from the start of the answer, rather than a pause behind the piece before it: what
one timer is late by, the next ones make up for.
"""

from collections.abc import Callable, Iterator

CHUNK = 1024  # bytes, before each of which a `chunk_delay` is waited for
STEP = 0.05  # seconds that a throttled piece takes; many times what a timer is late by


class Pacing:
    """The pieces of one answer.

    Args:
        throttle: how many bytes a second are sent; None for as fast as they go.
        chunk_delay: draws how many seconds are waited before each KiB; None for none.
    """

    def __init__(self, throttle: float | None, chunk_delay: Callable[[], float] | None) -> None:
        self._throttle = throttle
        self._chunk_delay = chunk_delay
        self._size = size_of(throttle)
        self._sent = 0
        self._delayed = 0.0
        self._chunks = 0

    def pieces(self, body: bytes) -> Iterator[tuple[bytes, float]]:
        """The pieces of the next part of the answer, and in which second after its start each is due.

        A piece is due when its last byte would have gone through a line of that rate.
        """
        start = 0
        while start < len(body):
            room = self._size
            if self._chunk_delay is not None:
                room = min(room, CHUNK - self._sent % CHUNK)
                self._wait_for_chunk(self._chunk_delay)
            piece = body[start : start + room]
            start += len(piece)
            self._sent += len(piece)
            yield piece, self._delayed + (self._sent / self._throttle if self._throttle else 0)

    def _wait_for_chunk(self, draw: Callable[[], float]) -> None:
        if self._sent == self._chunks * CHUNK:
            self._chunks += 1
            self._delayed += draw()


def size_of(throttle: float | None) -> int:
    """How many bytes a piece has, at most."""
    return CHUNK if throttle is None else max(1, int(throttle * STEP))
