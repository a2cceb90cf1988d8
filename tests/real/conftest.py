"""A real server and a stand-in, with the same rows."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.servers import real_server, stand_in

Pair = tuple[httpx.Client, httpx.Client]
EFFORT = float(os.environ.get("UNDERSTUDY_EFFORT", "1"))
"""By which factor the tests that draw random requests draw more of them."""


def effort(count: int) -> int:
    """The number of random requests of a test that usually draws `count`."""
    return max(1, round(count * EFFORT))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[[Path], Pair]]:
    """Starts a real server and a stand-in on a fixture set."""
    with ExitStack() as stack:

        def start(fixtures: Path) -> Pair:
            real = stack.enter_context(real_server(fixtures, tmp_path / "real"))
            return real, stack.enter_context(stand_in(fixtures))

        yield start


@pytest.fixture
def randomness(record_property: Callable[[str, object], None]) -> random.Random:
    """Fresh at each run; `UNDERSTUDY_SEED` in the environment repeats one."""
    seed = int(os.environ.get("UNDERSTUDY_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    record_property("seed", seed)
    print(f"repeat with UNDERSTUDY_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)
