"""The requests of random sessions to a correct server."""

import random
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from understudy.contract.catalog import Catalog
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.reference.reference_server import ReferenceServer
from understudy.sampling.random_requests import Request
from understudy.verify.requests.created_rows import is_refined
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.operation_names import has_tag
from understudy.verify.requests.random_sessions import Session
from understudy.verify.requests.scenario_requests import Script, scenarios
from understudy.verify.requests.session_operations import SessionOperations

ROUNDS, LENGTH, MARK = 8, 40, "mark"


@dataclass
class Statistics:
    """Requests of sessions about each tag: how many, how many were successes, and what bodies and queries had."""

    operations: SessionOperations
    requests: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    values: defaultdict[tuple[str, str], list[Any]] = field(default_factory=lambda: defaultdict(list))
    queries: Counter[tuple[str, str]] = field(default_factory=Counter)  # how often each parameter was there
    reread: Counter[str] = field(default_factory=Counter)  # how often a read was sent again after a write


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    contract = Contract.load(own_folder() / "openapi.yaml")
    statistics = Statistics(SessionOperations.of(EndpointMap.of(contract), Catalog.of(contract)))
    tags = sorted({tag for each in statistics.operations.endpoints for tag in each.place.value.get("tags", ())})
    with closing(ReferenceServer()) as server:
        for seed, tag in enumerate(tags * ROUNDS):
            server.restart()
            session = Session(statistics.operations, random.Random(seed), f"{MARK}-{seed}", partial(has_tag, tag))
            reads, after_write = list[Request](), False
            for _ in range(LENGTH):
                endpoint, request = session.next()
                answer = server.ask(request)
                statistics.reread[endpoint.label] += after_write and request in reads
                after_write = not endpoint.is_safe
                reads += [request] if endpoint.is_safe else []
                session.learn(endpoint, request, answer)
                statistics.requests[endpoint.label] += 1
                statistics.successes[endpoint.label] += answer.is_success
                statistics.queries.update((endpoint.label, name) for name in parse_qs(urlsplit(request.path).query))
                for name, value in request.body.items() if isinstance(request.body, dict) else ():
                    statistics.values[endpoint.label, name].append(value)
    return statistics


def test_almost_every_operation_is_called(statistics: Statistics) -> None:
    labels = {each.label for each in statistics.operations.endpoints}
    assert len(labels) > 140
    assert len(labels & statistics.requests.keys()) > 0.88 * len(labels)


def test_most_requests_are_successes(statistics: Statistics) -> None:
    """Rejected requests show little of a server's behaviour."""
    assert statistics.successes.total() > 0.75 * statistics.requests.total()
    often = [label for label, count in statistics.requests.items() if count > 20]
    assert len(often) > 50
    assert [label for label in often if not statistics.successes[label]] == []


def fields_of(endpoint: Endpoint) -> list[str]:
    """The fields of a body, except those whose values a handler restricts."""
    if endpoint.body is None or "properties" not in endpoint.body.value:
        return []
    return [name for name, part in endpoint.body.entries("properties") if not is_refined(part)]


def test_every_field_is_sometimes_given_and_sometimes_omitted(statistics: Statistics) -> None:
    often = [
        each for each in statistics.operations.endpoints if statistics.requests[each.label] > 40 and fields_of(each)
    ]
    assert len(often) > 10
    for endpoint in often:
        required = endpoint.body.value.get("required", ()) if endpoint.body is not None else ()
        for name in fields_of(endpoint):
            values = statistics.values[endpoint.label, name]
            assert [value for value in values if value is not None], (endpoint.label, name)
            is_always = len(values) == statistics.requests[endpoint.label]
            assert is_always >= (name in required), (endpoint.label, name)


def test_every_query_parameter_is_sometimes_given_and_sometimes_omitted(statistics: Statistics) -> None:
    optional = [
        (each.label, parameter.value["name"])
        for each in statistics.operations.endpoints
        for parameter in each.query
        if statistics.requests[each.label] > 20 and not parameter.value.get("required")
    ]
    assert len(optional) > 2
    shares = {each: statistics.queries[each] / statistics.requests[each[0]] for each in optional}
    assert [each for each, share in shares.items() if not 0.1 < share < 0.9] == []


def test_value_of_several_types_sometimes_has_each(statistics: Statistics) -> None:
    """Values of any type, and objects of one of some schemas."""
    types = {type(value) for value in statistics.values["POST /variables/", "value"]}
    assert types == {str, int, float, list, bool, dict, type(None)}
    schedules = [
        each["schedule"] for some in statistics.values["POST /deployments/", "schedules"] for each in some or ()
    ]
    for kind in ("interval", "cron", "rrule"):
        assert [schedule for schedule in schedules if schedule and kind in schedule], kind


def test_reads_are_sent_again_after_writes(statistics: Statistics) -> None:
    assert statistics.reread.total() > 50
    assert len(+statistics.reread) > 20, "operations"


def test_created_rows_have_the_mark_of_their_session(statistics: Statistics) -> None:
    for label in ("POST /flows/", "POST /variables/", "POST /work_pools/"):
        names = statistics.values[label, "name"]
        assert len(names) > 20
        assert [name for name in names if not name.startswith(MARK)] == []
        assert len(set(names)) < len(names), "rows meet each other"


def test_texts_in_lists_have_the_mark(statistics: Statistics) -> None:
    """They name limits and tags, which may belong to others."""
    fields = [("POST /concurrency_limits/increment", "names"), ("POST /task_runs/", "tags"), ("POST /flows/", "tags")]
    texts = [text for each in fields for some in statistics.values[each] for text in some or ()]
    assert len(texts) > 50
    assert [text for text in texts if not text.startswith(MARK)] == []
    assert [text for text in texts if text.endswith(("漢字", " outer spaces "))], "some are odd"


def test_request_of_a_scenario_is_sometimes_sent_twice(statistics: Statistics) -> None:
    """Like a client that did not get a response."""
    scenario = next(each for each in scenarios(statistics.operations.map) if each.name == "task runs of one key")
    repeated = Counter[str]()
    with closing(ReferenceServer()) as server:
        for seed in range(ROUNDS):
            script = Script(statistics.operations.map, scenario, f"{MARK}-{seed}")
            topic = partial(has_tag, "task_runs")
            session = Session(statistics.operations, random.Random(seed), f"{MARK}-{seed}", topic, script, between=0.5)
            sent = []
            for _ in range(LENGTH):
                sent.append(session.next())
                session.learn(*sent[-1], server.ask(sent[-1][1]))
            repeated.update(one.label for (one, request), (_, other) in pairwise(sent) if request == other)
    assert repeated["POST /task_runs/"] > 1
