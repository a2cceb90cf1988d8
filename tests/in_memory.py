"""A fixture for folders of tests that are not about where rows are kept: their servers keep them in memory."""

import pytest

from tests.conftest import Keeping


@pytest.fixture(scope="session")
def keeping() -> Keeping:
    return lambda: ()
