"""What a real server's own document says otherwise than the contract."""

from collections.abc import Callable
from pathlib import Path

from tests.conftest import SMALL
from tests.real.conftest import Pair
from tests.real.record import DRIFT, drift_of


def test_the_drift_is_what_is_known(pair: Callable[[Path], Pair]) -> None:
    """Its document leaves out errors, bounds and nulls that it has, and promises less than it answers."""
    real, _ = pair(SMALL)
    assert drift_of(real) == DRIFT.read_text(encoding="utf-8"), "`make record` writes what is known again"
