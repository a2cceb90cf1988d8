"""Shared fixtures: the contract, and a stand-in on the small golden set that is checked by it."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from starlette.types import ASGIApp

from tests.apps import app_on
from tests.conftest import SMALL
from tests.in_memory import keeping as keeping  # noqa: PLC0414 - a fixture of all tests in this folder
from tests.verify.contexts import ContextFactory
from tests.verify.reduced import reduced_contract
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.reference.reference_server import ReferenceServer
from understudy.sampling.moving_fields import moving_fields
from understudy.verify.check_context import CheckContext
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.endpoint_map import EndpointMap


@pytest.fixture(scope="session")
def context_factory() -> ContextFactory:
    """With a contract of artifacts and flows only: all other tables are known only from the filters over them."""
    return ContextFactory(reduced_contract())


@pytest.fixture(scope="session")
def all_operations() -> ContextFactory:
    """With the whole contract."""
    return ContextFactory(Contract.load(own_folder() / "openapi.yaml"))


@pytest.fixture(scope="module")
def references(all_operations: ContextFactory) -> Iterator[ReferencePair]:
    with closing(ReferenceServer()) as one, closing(ReferenceServer()) as other:
        yield ReferencePair((one, other), moving_fields(all_operations.contract))


@pytest.fixture(scope="session")
def endpoint_map(context_factory: ContextFactory) -> EndpointMap:
    return context_factory.endpoint_map


@pytest.fixture(scope="session")
def small_app(api: Api) -> ASGIApp:
    """A stand-in in this process, which no test changes."""
    return app_on(SMALL, api)


@pytest.fixture
def context(small_app: ASGIApp, context_factory: ContextFactory) -> Iterator[CheckContext]:
    """A context for the server, with its rows known."""
    with context_factory.context_of(small_app) as context:
        yield context_factory.learn(context)
