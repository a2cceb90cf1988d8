"""What tests share: servers on the golden fixture sets, and the API that they serve."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import stand_in
from understudy.folder import Api, own_folder

GOLDEN = Path(__file__).parent / "golden"
SMALL = GOLDEN / "small" / "fixtures"


@pytest.fixture(scope="session")
def api() -> Api:
    """The API that Understudy comes with, loaded in this process."""
    return Api.load(own_folder())


@pytest.fixture(scope="session")
def small() -> Iterator[httpx.Client]:
    """A stand-in on the small golden set. Nobody writes to it."""
    with stand_in(SMALL) as client:
        yield client


@pytest.fixture(scope="module")
def scratch() -> Iterator[httpx.Client]:
    """A stand-in on the small golden set for one module to write to."""
    with stand_in(SMALL) as client:
        yield client
