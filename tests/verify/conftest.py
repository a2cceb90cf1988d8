"""What these tests share: the contract, and a stand-in on the small golden set that is inspected by it."""

from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp

from tests.apps import app_on
from tests.conftest import SMALL
from tests.in_memory import keeping as keeping  # noqa: PLC0414 - a fixture of all tests in this folder
from tests.verify.contexts import Inspector
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.verify.check_context import Inspection
from understudy.verify.requests.endpoints import Surface


@pytest.fixture(scope="session")
def inspector() -> Inspector:
    return Inspector(Contract.load(own_folder() / "openapi.yaml"))


@pytest.fixture(scope="session")
def surface(inspector: Inspector) -> Surface:
    return inspector.surface


@pytest.fixture(scope="session")
def small_app(api: Api) -> ASGIApp:
    """A stand-in in this process. Nobody writes to it."""
    return app_on(SMALL, api)


@pytest.fixture
def inspection(small_app: ASGIApp, inspector: Inspector) -> Iterator[Inspection]:
    """An inspection of it that knows what it shows."""
    with inspector.inspected(small_app) as inspection:
        yield inspector.learn(inspection)
