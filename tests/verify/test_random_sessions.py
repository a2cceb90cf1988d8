"""What random sessions ask of a server that answers as the contract says."""

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
from understudy.verify.requests.created_rows import is_refined
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.operation_names import has_tag
from understudy.verify.requests.random_sessions import Session
from understudy.verify.requests.scenario_requests import Script, scenarios
from understudy.verify.requests.session_operations import SessionOperations

ROUNDS, LENGTH, MARK = 6, 40, "mark"


@dataclass
class Asked:
    """Requests of sessions about each tag: how many, how many were successes, and what bodies and queries had."""

    operations: SessionOperations
    requests: Counter[str] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    values: defaultdict[tuple[str, str], list[Any]] = field(default_factory=lambda: defaultdict(list))
    queries: Counter[tuple[str, str]] = field(default_factory=Counter)  # how often each parameter was there


@pytest.fixture(scope="module")
def asked() -> Asked:
    contract = Contract.load(own_folder() / "openapi.yaml")
    asked = Asked(SessionOperations.of(EndpointMap.of(contract), Catalog.of(contract)))
    tags = sorted({tag for each in asked.operations.endpoints for tag in each.place.value.get("tags", ())})
    with closing(ReferenceServer()) as server:
        for seed, tag in enumerate(tags * ROUNDS):
            server.restart()
            session = Session(asked.operations, random.Random(seed), f"{MARK}-{seed}", partial(has_tag, tag))
            for _ in range(LENGTH):
                endpoint, request = session.next()
                answer = server.ask(request)
                session.learn(endpoint, request, answer)
                asked.requests[endpoint.label] += 1
                asked.successes[endpoint.label] += answer.is_success
                asked.queries.update((endpoint.label, name) for name in parse_qs(urlsplit(request.path).query))
                for name, value in request.body.items() if isinstance(request.body, dict) else ():
                    asked.values[endpoint.label, name].append(value)
    return asked


def test_almost_every_operation_is_asked(asked: Asked) -> None:
    labels = {each.label for each in asked.operations.endpoints}
    assert len(labels) > 140
    assert len(labels & asked.requests.keys()) > 0.88 * len(labels)


def test_most_requests_are_successes(asked: Asked) -> None:
    """What is refused says little of what a server does."""
    assert asked.successes.total() > 0.75 * asked.requests.total()
    often = [label for label, count in asked.requests.items() if count > 20]
    assert len(often) > 50
    assert [label for label in often if not asked.successes[label]] == []


def fields_of(endpoint: Endpoint) -> list[str]:
    """The fields of a body, save those whose values a handler decides about."""
    if endpoint.body is None or "properties" not in endpoint.body.value:
        return []
    return [name for name, part in endpoint.body.entries("properties") if not is_refined(part)]


def test_every_field_is_given_at_times_and_left_out_at_times(asked: Asked) -> None:
    often = [each for each in asked.operations.endpoints if asked.requests[each.label] > 40 and fields_of(each)]
    assert len(often) > 10
    for endpoint in often:
        required = endpoint.body.value.get("required", ()) if endpoint.body is not None else ()
        for name in fields_of(endpoint):
            values = asked.values[endpoint.label, name]
            assert [value for value in values if value is not None], (endpoint.label, name)
            is_always = len(values) == asked.requests[endpoint.label]
            assert is_always >= (name in required), (endpoint.label, name)


def test_every_parameter_of_a_query_is_given_at_times_and_left_out_at_times(asked: Asked) -> None:
    optional = [
        (each.label, parameter.value["name"])
        for each in asked.operations.endpoints
        for parameter in each.query
        if asked.requests[each.label] > 20 and not parameter.value.get("required")
    ]
    assert len(optional) > 2
    shares = {each: asked.queries[each] / asked.requests[each[0]] for each in optional}
    assert [each for each, share in shares.items() if not 0.1 < share < 0.9] == []


def test_a_value_of_several_kinds_has_each_at_times(asked: Asked) -> None:
    """Values of any type, and objects of one of some schemas."""
    types = {type(value) for value in asked.values["POST /variables/", "value"]}
    assert types == {str, int, float, list, bool, dict, type(None)}
    schedules = [each["schedule"] for some in asked.values["POST /deployments/", "schedules"] for each in some or ()]
    for kind in ("interval", "cron", "rrule"):
        assert [schedule for schedule in schedules if schedule and kind in schedule], kind


def test_what_is_created_bears_the_mark_of_its_session(asked: Asked) -> None:
    for label in ("POST /flows/", "POST /variables/", "POST /work_pools/"):
        names = asked.values[label, "name"]
        assert len(names) > 20
        assert [name for name in names if not name.startswith(MARK)] == []
        assert len(set(names)) < len(names), "rows meet each other"


def test_texts_in_lists_bear_the_mark_too(asked: Asked) -> None:
    """They name limits and tags, which may be those of others."""
    fields = [("POST /concurrency_limits/increment", "names"), ("POST /task_runs/", "tags"), ("POST /flows/", "tags")]
    texts = [text for each in fields for some in asked.values[each] for text in some or ()]
    assert len(texts) > 50
    assert [text for text in texts if not text.startswith(MARK)] == []
    assert [text for text in texts if text.endswith(("漢字", " outer spaces "))], "some are odd"


def test_a_request_of_a_scenario_is_sometimes_sent_twice(asked: Asked) -> None:
    """As by a client that has had no response."""
    scenario = next(each for each in scenarios(asked.operations.map) if each.name == "task runs of one key")
    repeated = Counter[str]()
    with closing(ReferenceServer()) as server:
        for seed in range(ROUNDS):
            script = Script(asked.operations.map, scenario, f"{MARK}-{seed}")
            topic = partial(has_tag, "task_runs")
            session = Session(asked.operations, random.Random(seed), f"{MARK}-{seed}", topic, script, between=0.5)
            sent = []
            for _ in range(LENGTH):
                sent.append(session.next())
                session.learn(*sent[-1], server.ask(sent[-1][1]))
            repeated.update(one.label for (one, request), (_, other) in pairwise(sent) if request == other)
    assert repeated["POST /task_runs/"] > 1
