"""What two reference servers respond, and how the response of a third one differs."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.verify.contexts import ContextFactory
from understudy.reference.reference_server import ReferenceServer
from understudy.sampling.moving_fields import moving_fields
from understudy.sampling.random_requests import Request
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.endpoint import Endpoint

CREATE = Request("POST", "/flows/", "/flows/", {"name": "nightly"})


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    """A correct server, whose responses are compared."""
    with closing(ReferenceServer()) as server:
        yield server


@pytest.fixture
def pair(all_operations: ContextFactory) -> Iterator[ReferencePair]:
    with closing(ReferenceServer()) as one, closing(ReferenceServer()) as other:
        yield ReferencePair((one, other), moving_fields(all_operations.contract))


@pytest.fixture
def create(all_operations: ContextFactory) -> Endpoint:
    return all_operations.endpoint_map.creates["flows"]


def test_new_pair_is_ready_at_once(pair: ReferencePair, server: ReferenceServer, create: Endpoint) -> None:
    assert pair.difference(create, CREATE, pair.answers(CREATE), server.ask(CREATE)) is None


def test_restarted_pair_has_no_rows(pair: ReferencePair, server: ReferenceServer, create: Endpoint) -> None:
    pair.answers(CREATE)
    pair.restart()
    first, second = server.ask(CREATE), server.ask(CREATE)
    assert (first.status, second.status) == (201, 200)
    assert pair.difference(create, CREATE, pair.answers(CREATE), first) is None
    answers = pair.answers(CREATE)
    assert pair.difference(create, CREATE, answers, second) is None
    difference = pair.difference(create, CREATE, answers, first)
    assert difference is not None
    assert (difference.expected, difference.found.split(" ")[0]) == ("200", "201")
