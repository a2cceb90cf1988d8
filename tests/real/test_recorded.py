"""The responses in `tests/recorded` are still those of a real server."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SMALL
from tests.real.conftest import Pair
from tests.real.record import play_resource_writes, play_wire, play_writes
from tests.test_recorded import recorded


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="recorded on Python 3.12 or older, whose words differ")
def test_recorded_responses_are_current(pair: Callable[[Path], Pair], tmp_path: Path) -> None:
    real, _ = pair(SMALL)
    assert play_wire(str(real.base_url)) == recorded("wire.json")
    assert play_writes(real, tmp_path) == recorded("writes.json")
    assert play_resource_writes(real) == recorded("resource_writes.json")
