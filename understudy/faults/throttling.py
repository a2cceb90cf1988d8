"""The schedule of a response that is sent slowly.

Each piece is due at a time from the start of the response, rather than a pause after the previous piece, so that late
timers do not add up.
"""

from collections.abc import Callable, Iterator

CHUNK = 1024  # bytes per `chunk_delay`
STEP = 0.05  # seconds per throttled piece; much more than timers are late


class Throttling:
    """The pieces of one response.

    Args:
        throttle: bytes per second; None for no limit.
        chunk_delay: draws the seconds to wait before each KiB; None for no delay.
    """

    def __init__(self, throttle: float | None, chunk_delay: Callable[[], float] | None) -> None:
        self._throttle = throttle
        self._chunk_delay = chunk_delay
        self._size = size_of(throttle)
        self._sent = 0
        self._delayed = 0.0
        self._chunks = 0

    def pieces(self, body: bytes) -> Iterator[tuple[bytes, float]]:
        """The pieces of the next part of the response, each with the seconds after its start when it is due.

        A piece is due when its last byte would have passed a line of that rate.
        """
        start = 0
        while start < len(body):
            size = self._size
            if self._chunk_delay is not None:
                size = min(size, CHUNK - self._sent % CHUNK)
                self._wait_for_chunk(self._chunk_delay)
            piece = body[start : start + size]
            start += len(piece)
            self._sent += len(piece)
            yield piece, self._delayed + (self._sent / self._throttle if self._throttle else 0)

    def _wait_for_chunk(self, draw: Callable[[], float]) -> None:
        if self._sent == self._chunks * CHUNK:
            self._chunks += 1
            self._delayed += draw()


def size_of(throttle: float | None) -> int:
    """The maximum bytes of a piece."""
    return CHUNK if throttle is None else max(1, int(throttle * STEP))
