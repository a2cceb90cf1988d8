"""The times at which rows are due, compared with a search of all."""

import random

import pytest

from handlers.services.deadlines import Deadlines


def test_no_row_is_due() -> None:
    deadlines = Deadlines()
    assert (deadlines.first, deadlines.until(10)) == (None, [])


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_in_the_order_of_their_last_times(seed: int) -> None:
    randomness, deadlines, times = random.Random(seed), Deadlines(), dict[int, int]()
    for _ in range(300):
        row, time = randomness.randrange(20), randomness.randrange(10)
        if randomness.random() < 0.7:
            deadlines.set(row, time)
            times[row] = time
        else:
            deadlines.discard(row)
            times.pop(row, None)
        assert deadlines.first == min(times.values(), default=None)
        until = randomness.randrange(10)
        due = [row for row in times if times[row] <= until]
        assert deadlines.until(until) == sorted(due, key=lambda row: (times[row], row))
