"""Scenarios with streams and with services, on servers in separate processes."""

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.conftest import SMALL
from tests.servers import stand_in
from tests.verify.contexts import ContextFactory
from understudy.contract.scenario_files import Step
from understudy.network.network import Network
from understudy.reports.verdict import Verdict
from understudy.sampling.answers import Answer
from understudy.sampling.conversations import STREAM, Conversations
from understudy.sampling.curl import curl
from understudy.sampling.random_requests import Request
from understudy.sampling.websocket_client import conversations, token_of
from understudy.values import is_id
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import scenarios as scenario_checks
from understudy.verify.checks import session_steps, sessions
from understudy.verify.expectations.model import Model
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.operation_names import has_tag
from understudy.verify.requests.scenario_requests import Scenario, filled, request_of, scenarios, values_of
from understudy.verify.requests.throttled_client import ThrottledClient

SECONDS = 5.0
ID = "00000000-0000-4000-8000-0000000000aa"
AUTH = {"type": "auth", "token": "{token}"}
FILTER = {"type": "filter", "backfill": False, "filter": {"event": {"prefix": ["{mark}"]}}}
HEADERS = {"sec-websocket-protocol": "prefect"}
OPENS = {"send": "STREAM /events/out", "headers": HEADERS, "body": {"says": [AUTH, FILTER], "hears": 1}}
TRIGGER = {"type": "event", "posture": "Reactive", "expect": ["{mark}.x"], "threshold": 1, "within": 0}
AUTOMATION = {"name": "{mark}", "trigger": TRIGGER, "actions": [{"type": "pause-automation", "source": "inferred"}]}
FLOW = {"send": "POST /flows/", "body": {"name": "{mark}"}, "as": "flow"}
POOL = {"send": "POST /work_pools/", "body": {"name": "{mark}", "type": "process"}, "as": "pool"}
ACTION = {"type": "pause-work-pool", "source": "selected", "work_pool_id": "{pool.id}"}
EVENT = {
    "id": "{flow.id}",
    "event": "{mark}.x",
    "occurred": "{ago.1}",
    "resource": {"prefect.resource.id": "{mark}"},
}
HAPPENS = {"send": "POST /events", "body": [EVENT]}
PAUSES: list[Step] = [
    FLOW,
    POOL,
    {"send": "POST /automations/", "body": {"name": "{mark}", "trigger": TRIGGER, "actions": [ACTION]}},
    HAPPENS,
    {"send": "GET /work_pools/{mark}", "within": 2, "optional": "automations"},
    {"send": "GET /work_pools/{mark}/queues/default", "within": 0.2},
]


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    with stand_in(SMALL) as api:
        yield api


@pytest.fixture(scope="module")
def busy() -> Iterator[httpx.Client]:
    """A stand-in with services."""
    with stand_in(SMALL, "--services") as api:
        yield api


class Changing(httpx.HTTPTransport):
    """Sends requests to a server, and changes its responses on a path."""

    def __init__(self, path: str, changed: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._path, self._changed = path, changed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if self._path not in request.url.path:
            return response
        content, headers = self._changed(response.read()), {"content-type": "application/json"}
        return httpx.Response(response.status_code, headers=headers, content=content)


@pytest.fixture
def played(all_operations: ContextFactory, references: ReferencePair) -> Callable[..., CheckContext]:
    """Plays some scenarios on a server, whose stream messages `streams` changes."""

    def play(api: httpx.Client, *steps: list[Step], streams: Callable[[Conversations], Any] = lambda all: all) -> Any:
        endpoints = all_operations.endpoint_map
        context = CheckContext(
            endpoints,
            all_operations.interpreter(strict=False),
            Model(endpoints.listed_tables, all_operations.catalog),
            ThrottledClient(api, 1000, None, streams(conversations(api, Network()))),
            random.Random(1),
            Verdict("", 1),
            references,
        )
        for each in steps:
            scenario = Scenario(endpoints.endpoints[0], "a scenario", tuple(each), ())
            subject = sessions.Subject(partial(has_tag, "events"), scenario, is_alone=True)
            context.results.run(partial(sessions.check, context, references, context.session_operations, subject))
        assert context.results.verdict.errors == []
        return context

    return play


Played = Callable[..., CheckContext]
STREAMED: list[Step] = [
    FLOW,
    OPENS,
    HAPPENS,
    {"send": "STREAM /events/out", "body": {"hears": 1, "closes": True}, "within": 0.5},
]
UNTIL = {**FILTER, "filter": {"event": {"prefix": ["{mark}"]}, "occurred": {"until": "{in.60}"}}}
HEARD: list[Step] = [STREAMED[0], {**OPENS, "body": {"says": [AUTH, UNTIL], "hears": 1}}, *STREAMED[2:]]


def test_stream_of_a_correct_server(api: httpx.Client, played: Played) -> None:
    context = played(api, HEARD)
    assert context.results.verdict.violations == []
    assert sum(count for (_, label), count in context.results.verdict.checks.items() if label == STREAM) == 0
    assert context.throttled_client.asked > len(HEARD)


class Deaf(Conversations):
    """Streams without some messages."""

    def __init__(self, others: Conversations) -> None:
        self._others = others

    def ask(self, request: Request, seconds: float) -> Answer:
        answer = self._others.ask(request, seconds)
        return Answer(answer.status, [each for each in answer.body if "event" not in each])

    def close(self) -> None:
        self._others.close()


def test_stream_without_events(api: httpx.Client, played: Played) -> None:
    (violation,) = played(api, HEARD, streams=Deaf).results.verdict.violations
    assert violation.operation == "STREAM /events/out"
    lines = [curl("http://server/api", request) for request in violation.requests]
    assert lines[-1] == '# STREAM http://server/api/events/out {"hears": 1, "closes": true}'


def test_services(busy: httpx.Client, played: Played) -> None:
    context = played(busy, PAUSES)
    assert context.results.verdict.violations == []
    assert context.absent == set()


def test_server_with_other_services(busy: httpx.Client, played: Played) -> None:
    transport = Changing(
        "/queues/default", lambda body: body.replace(b'"READY"', b'"PAUSED"').replace(b'"NOT_READY"', b'"PAUSED"')
    )
    with httpx.Client(transport=transport, base_url=busy.base_url) as broken:
        context = played(broken, PAUSES)
    (violation,) = context.results.verdict.violations
    assert violation.operation == "GET /work_pools/{work_pool_name}/queues/{name}"
    assert context.longest_wait == sessions.SHORT, "the next one is not waited for as long"


def test_server_with_other_optional_behaviour(busy: httpx.Client, played: Played) -> None:
    """Nor is it that of a server without services."""
    transport = Changing("/work_pools/understudy-verify", lambda body: body.replace(b'"PAUSED"', b'"NONE"'))
    with httpx.Client(transport=transport, base_url=busy.base_url) as broken:
        context = played(broken, PAUSES)
    assert "GET /work_pools/{name}" in {each.operation for each in context.results.verdict.violations}
    assert context.absent == set()


def test_missing_optional_behaviour_is_allowed(api: httpx.Client, played: Played) -> None:
    """Other scenarios that need it are not tried."""
    context = played(api, PAUSES, PAUSES)
    assert context.results.verdict.violations == []
    assert context.absent == {"automations"}
    assert context.results.verdict.checks[rules.SESSION, "POST /automations/"] == 1


@pytest.mark.parametrize("field", ["state_name", "state_type"])
def test_effects_of_services_on_rows_of_a_scenario(busy: httpx.Client, played: Played, field: str) -> None:
    """A run is late at once, as on a reference server with services; its type is unchanged."""
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": "{ago.60}"}}
    steps: list[Step] = [
        FLOW,
        {"send": "POST /flow_runs/", "body": {"flow_id": "{flow.id}", "state": state}, "as": "run"},
        {"send": "GET /flow_runs/{run.id}", "shows": {"state_name": "Scheduled", "state_type": "SCHEDULED"}},
    ]
    if field == "state_type":
        steps[-1] = {**steps[-1], "shows": {"state_type": "SCHEDULED"}}
    transport = Changing("/flow_runs/", lambda body: body.replace(b'"SCHEDULED"', b'"PENDING"'))
    with httpx.Client(transport=transport, base_url=busy.base_url) as broken:
        context = played(broken if field == "state_type" else busy)
        scenario = Scenario(context.endpoint_map.endpoints[0], "", tuple(steps), ())
        scenario_checks.check(context, scenario)
    blamed = {each.rule.name for each in context.results.verdict.violations}
    assert blamed == ({"scenario"} if field == "state_type" else set())


def test_conversations(api: httpx.Client) -> None:
    streams = conversations(api, Network())

    def ask(path: str, body: Any = None, headers: Any = HEADERS) -> Answer:
        return streams.ask(Request(STREAM, path, path, body, headers=headers), SECONDS)

    says = [
        {"type": "auth"},
        {"type": "filter", "filter": {"id": {"id": [ID]}, "occurred": {"until": "2100-01-01T00:00:00Z"}}},
    ]
    assert ask("/events/out", {"says": says, "hears": 1}) == Answer(200, [{"type": "auth_success"}])
    assert ask("/events/out#other", {"says": says[1:], "hears": 1}) == Answer(200, [{"closed": 1008}])
    assert ask("/events/out#other", {"says": ["{"], "hears": 1}) == Answer(200, [{"closed": 1011}]), "another one"
    event = {"id": ID, "event": "x", "occurred": "2090-01-01T00:00:00Z", "resource": {"prefect.resource.id": "x"}}
    assert ask("/events/in", {"says": [{"type": "auth"}, event], "hears": 1}) == Answer(200, [{"type": "auth_success"}])
    (message,) = ask("/events/out", {"hears": 1, "closes": True}).body
    assert message["event"]["id"] == ID
    assert ask("/nowhere").status == httpx.codes.FORBIDDEN
    silent = Request(STREAM, "/events/out", "", {"hears": 1}, headers=HEADERS)
    assert streams.ask(silent, 0.1).body == [], "the client has said nothing yet"
    streams.close()


def test_credentials() -> None:
    with (
        stand_in(SMALL, "--api-key", "secret") as api,
        httpx.Client(base_url=api.base_url, headers={"authorization": "Bearer secret"}) as known,
    ):
        streams = conversations(known, Network())
        request = Request(STREAM, "/events/in", "", {"says": [AUTH], "hears": 1}, headers=HEADERS)
        assert streams.ask(request, SECONDS).body == [{"type": "auth_success"}]
        streams.close()
        streams = conversations(api, Network())
        assert streams.ask(request, SECONDS).body == [{"closed": 1008}]
    assert token_of("Basic dXNlcjpwYXNzd29yZA==") == "user:password"
    assert token_of("") is None


def test_scenarios_of_streams(all_operations: ContextFactory) -> None:
    """Each scenario of the contract can be sent; those that wait are not mixed with other requests."""
    endpoints = all_operations.endpoint_map
    streamed = [each for each in scenarios(endpoints) if each.has_streams]
    assert streamed
    assert all(each.takes_turns for each in streamed)
    assert all(not each.optional or each.takes_turns for each in scenarios(endpoints))
    endpoint, request = request_of(endpoints, {"send": "STREAM /work_pools/a/workers/connect#b", "within": 2})
    assert endpoint.path == "/work_pools/{work_pool_name}/workers/connect"
    assert request.within == 2
    values = values_of("x")
    assert filled(["{new.a}", "{new.a}"], values) != filled(["{new.a}", "{new.b}"], values)
    assert is_id(filled("{new.a}", values))
    assert filled("{ago.5}", values) < filled("{in.5}", values)
    with pytest.raises(KeyError):
        request_of(EndpointMap(()), {"send": "STREAM /events/out"})


@pytest.mark.parametrize("answer", [Answer(404, {"detail": "not found"}), Answer(200, [])])
def test_missing_features_are_not_reported(all_operations: ContextFactory, answer: Answer) -> None:
    endpoint = all_operations.endpoint_map.endpoints[0]
    request = Request("GET", "/things", "/things")
    assert session_steps.Step(endpoint, request, answer).shows_nothing
    assert not session_steps.Step(endpoint, request, Answer(200, [1])).shows_nothing
