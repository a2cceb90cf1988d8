"""Recorded responses of a real server to sessions that write deployments, runs, pools, limits, blocks, automations."""

import httpx
import pytest

from tests.conftest import Keeping
from tests.real.record import play_resources
from tests.resource_writes import RESOURCE_WRITES
from tests.test_recorded import recorded
from tests.writes import Step


@pytest.fixture(scope="session")
def keeping() -> Keeping:
    """Responses are the same with a store."""
    return lambda: ()


@pytest.mark.parametrize(("name", "steps"), RESOURCE_WRITES.items())
def test_session_of_writes_of_a_resource_has_equal_responses(own: httpx.Client, name: str, steps: list[Step]) -> None:
    played, expected = play_resources(own, steps), recorded("resource_writes.json")[name]
    assert len(played) == len(expected), "record again"
    assert [pair for pair in zip(steps, played, expected, strict=True) if pair[1] != pair[2]] == []
