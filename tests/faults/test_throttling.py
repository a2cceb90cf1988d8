"""When the pieces of a slow response are due, computed without a clock."""

import itertools
from collections.abc import Callable, Sequence

import pytest

from understudy.faults.throttling import CHUNK, STEP, Throttling

RATES = (1, 7.5, 1000, 512 * 1024, 700_000, 2e6, 5e6, 50e6, 1e9)


def paced(
    parts: Sequence[bytes], throttle: float | None, chunk_delay: Callable[[], float] | None = None
) -> list[tuple[int, float]]:
    """How many bytes are sent after each piece, and when that piece was due."""
    pacing = Throttling(throttle, chunk_delay)
    pieces = [piece for part in parts for piece in pacing.pieces(part)]
    assert b"".join(piece for piece, _ in pieces) == b"".join(parts)
    return list(zip(itertools.accumulate(len(piece) for piece, _ in pieces), (due for _, due in pieces), strict=True))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("parts", [1, 3, 50])
def test_throttle_keeps_its_rate_at_any_time(rate: float, parts: int) -> None:
    part = b"x" * int(min(rate * 2, 10e6) / parts + 1)
    gone = paced([part] * parts, rate)
    assert all(due == pytest.approx(sent / rate) for sent, due in gone)
    # No piece is a burst: it takes no longer than a step on the line.
    assert all(
        later - earlier <= max(1, rate * STEP) for (earlier, _), (later, _) in itertools.pairwise([(0, 0), *gone])
    )


@pytest.mark.parametrize("rate", [700_000, 5e6, 50e6])
def test_pieces_are_longer_than_the_delay_of_a_timer(rate: float) -> None:
    """Timers of an event loop take whole milliseconds."""
    dues = [0.0, *(due for _, due in paced([b"x" * 10_000_000], rate))]
    assert all(later - earlier > 0.02 for earlier, later in itertools.pairwise(dues[:-1]))


def test_delay_applies_once_before_each_kibibyte() -> None:
    assert paced([b"x" * 2500], None, lambda: 1.0) == [(1024, 1), (2048, 2), (2500, 3)]
    assert paced([b"x" * 1000, b"x" * 1000, b"x"], None, lambda: 1.0) == [(1000, 1), (1024, 1), (2000, 2), (2001, 2)]
    assert paced([b"x" * 1024, b"x" * 1024], None, lambda: 1.0) == [(1024, 1), (2048, 2)]


@pytest.mark.parametrize("rate", [100, 5000, 10**6])
def test_delays_and_a_throttle_add_up(rate: float) -> None:
    gone = paced([b"x" * 3000], rate, lambda: 2.0)
    assert gone[-1][1] == pytest.approx(3 * 2.0 + 3000 / rate)
    assert all(due == pytest.approx(2.0 * -(-sent // CHUNK) + sent / rate) for sent, due in gone)


def test_empty_body_is_sent_at_once() -> None:
    assert paced([b""], 1, lambda: 5.0) == []
