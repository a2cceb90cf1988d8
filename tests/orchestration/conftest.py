import pytest

from tests.orchestration.world import World
from understudy.operations.api_folder import Api


@pytest.fixture
def world(api: Api) -> World:
    return World(api)
