"""The drift between a real server's document and the contract."""

from collections.abc import Callable
from pathlib import Path

from tests.conftest import SMALL
from tests.real.conftest import Pair
from tests.real.record import DRIFT, drift_of


def test_drift_is_the_recorded_one(pair: Callable[[Path], Pair]) -> None:
    """Its document omits errors, bounds and nulls that it has, and promises less than it returns."""
    real, _ = pair(SMALL)
    assert drift_of(real) == DRIFT.read_text(encoding="utf-8"), "`make record` writes what is known again"
