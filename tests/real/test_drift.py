"""What a real server's own document says otherwise than the contract."""

from collections.abc import Callable
from pathlib import Path

from tests.conftest import SMALL
from tests.real.conftest import Pair
from understudy.drift.drift import drift, report
from understudy.operations.api_folder import Api

KNOWN = Path(__file__).parent / "drift.txt"


def test_the_drift_is_what_is_known(pair: Callable[[Path], Pair], api: Api) -> None:
    """Its document leaves out errors, bounds and nulls that it has, and promises less than it answers."""
    real, _ = pair(SMALL)
    assert f"{report(drift(api.contract, real))}\n" == KNOWN.read_text(encoding="utf-8")
