"""Random sessions, whose responses are compared with those of reference servers."""

import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import httpx
import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import replies, sends
from tests.mutants.exchange import Answer as Reply
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import drop
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reference.reference_server import ReferenceServer
from understudy.reports.verdict import Verdict
from understudy.sampling.answers import Answer
from understudy.sampling.counterparts import ID, Counterparts
from understudy.sampling.random_requests import Request
from understudy.verify import check_context
from understudy.verify.checks import session_steps, sessions
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.reference_answers import ReferencePair, agree, agreed_value
from understudy.verify.requests.operation_names import has_tag
from understudy.verify.requests.scenario_requests import Scenario, scenarios

SESSIONS = 6
CONFLICT, INVALID, LOCKED = 409, 422, 423
ONE, TWO, KNOWN, NEW = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3, 4))


Verify = Callable[..., Verdict]


@pytest.fixture
def verdict(all_operations: ContextFactory, references: ReferencePair, api: Api) -> Verify:
    """Sends the requests of some sessions about the operations of a tag, or begun by a scenario, to a server."""

    def check(
        behaviour: Behaviour, tag: str, count: int = SESSIONS, scenario: str = "", *, is_alone: bool = False
    ) -> Verdict:
        app = Proxy(Inside(app_on(SMALL, api)), behaviour)
        with all_operations.context_of(app) as context:
            named = next((each for each in scenarios(context.endpoint_map) if each.name == scenario), None)
            subject = sessions.Subject(partial(has_tag, tag), named, is_alone)
            for _ in range(count):
                context.results.run(partial(sessions.check, context, references, context.session_operations, subject))
            assert context.results.verdict.errors == []
            assert clean_up(context) == []
            assert sum(map(len, context.own.made.values())) == 0, "rows are deleted at the end of each session"
            return context.results.verdict

    return check


TAGS = ("artifacts", "flow_runs", "task_runs", "deployments", "work_pools", "blocks", "concurrency_limits", "ui")


@pytest.mark.parametrize("tag", TAGS)
def test_correct_server(verdict: Verify, tag: str) -> None:
    result = verdict(unchanged, tag, count=3)
    assert result.violations == []
    assert sum(count for (rule, _), count in result.checks.items() if rule.name == "session") > 80


def shows(operation: str, **fields: Any) -> Behaviour:
    """A response has other values in some fields."""

    def changed(_: Sent, answer: Reply) -> Reply:
        is_row = answer.is_success and isinstance(answer.json, dict)
        return answer.saying({**answer.json, **fields}) if is_row else answer

    return replies(operation, changed)


@pytest.mark.parametrize(
    ("tag", "behaviour", "operation"),
    [
        ("flow_runs", shows("GET /flow_runs/[0-9a-f-]{36}", run_count=7), "GET /flow_runs/{id}"),
        ("deployments", shows("POST /deployments/", paused=True), "POST /deployments/"),
        ("work_pools", shows("GET /work_pools/[^/]+", status="READY"), "GET /work_pools/{name}"),
        ("variables", sends("PATCH /variables/name/[^/]+", drop("value")), None),
        ("concurrency_limits", sends("POST /v2/concurrency_limits/", drop("slot_decay_per_second")), None),
    ],
)
def test_broken_server(verdict: Verify, tag: str, behaviour: Behaviour, operation: str | None) -> None:
    found = [each for each in verdict(behaviour, tag, count=12).violations if each.rule.name == "session"]
    assert found
    assert operation is None or operation in {each.operation for each in found}


def test_report_has_the_necessary_requests(verdict: Verify) -> None:
    broken = shows("GET /variables/[0-9a-f-]{36}", value="other")
    violation = next(each for each in verdict(broken, "variables").violations if each.rule.name == "session")
    assert [f"{each.method} {each.operation}" for each in violation.requests] == [
        "POST /variables/",
        "GET /variables/{id}",
    ]
    assert "value" in violation.expected
    assert "other" in violation.found
    made = [write.made for write in violation.writes if write.made]
    assert made == [violation.requests[-1].path.rpartition("/")[2]], "a script creates what the requests need"


def test_difference_that_occurs_once_is_ignored(verdict: Verify) -> None:
    seen: list[str] = []

    def changed(sent: Sent, answer: Reply) -> Reply:
        seen.append(str(sent))
        return answer.saying({**answer.json, "tags": ["once"]}) if len(seen) == 1 else answer

    assert verdict(replies("POST /variables/", changed), "variables").violations == []
    assert seen


def test_report_has_the_found_difference_not_that_of_fewer_requests(verdict: Verify) -> None:
    """Without the pool, which is referred to by its name only, the deployment is missing: another difference."""

    def changed(_: Sent, answer: Reply) -> Reply:
        return replace(answer, status=CONFLICT) if answer.status == INVALID else answer

    broken = replies("POST /automations/", changed)
    result = verdict(broken, "automations", count=1, scenario="job variables of actions", is_alone=True)
    violation = next(each for each in result.violations if each.rule.name == "session")
    assert violation.expected == f"{INVALID}"


def test_growing_value_becomes_smaller(verdict: Verify) -> None:
    """Reference servers have other run times, so that these are not compared.

    Rarely, both have the same run time by chance. Then a session shows nothing, so there are three, or the report has
    that run time instead of the largest one.
    """
    shown: dict[str, int] = {}

    def shrinks(sent: Sent, answer: Reply) -> Reply:
        if not answer.is_success or not answer.json["total_run_time"]:
            return answer
        shown[sent.path] = shown.get(sent.path, 1000) - 1
        return answer.saying({**answer.json, "total_run_time": shown[sent.path] / 1000})

    broken = replies("GET /flow_runs/[0-9a-f-]{36}", shrinks)
    scenario = "run times of a run that was running twice"
    result = verdict(broken, "flow_runs", count=3, scenario=scenario, is_alone=True)
    found = [each for each in result.violations if each.rule.name == "session"]
    assert {(each.operation, each.subject) for each in found} == {("GET /flow_runs/{id}", "total_run_time")}
    assert all(each.expected.startswith("total_run_time: ") for each in found)


@pytest.mark.parametrize(("waits", "found"), [(None, "no retry-after"), ("90.5", "retry-after: 90.5")])
def test_server_with_another_retry_after_header(verdict: Verify, waits: str | None, found: str) -> None:
    def changed(_: Sent, answer: Reply) -> Reply:
        if answer.status != LOCKED:
            return answer
        headers = httpx.Headers([each for each in answer.headers.multi_items() if each[0] != "retry-after"])
        return replace(answer, headers=httpx.Headers({**headers, **({} if waits is None else {"retry-after": waits})}))

    broken = replies("POST /v2/concurrency_limits/increment", changed)
    result = verdict(broken, "concurrency_limits", count=1, scenario="slots of a limit", is_alone=True)
    assert [each.found for each in result.violations] == [found]
    correct = verdict(unchanged, "concurrency_limits", count=1, scenario="slots of a limit", is_alone=True)
    assert correct.violations == []


def test_late_events_are_waited_for(verdict: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server stores events after its response, as `x-eventual` states."""
    monkeypatch.setattr(session_steps, "PAUSE", 0.02)
    requests: Counter[str] = Counter()

    def late(sent: Sent, answer: Reply) -> Reply:
        requests[str(sent.json)] += 1
        is_early = answer.is_success and requests[str(sent.json)] < 4
        return answer.saying({**answer.json, "events": [], "total": 0}) if is_early else answer

    result = verdict(replies("POST /events/filter", late), "events", count=1, scenario="names of events")
    assert result.violations == []
    assert max(requests.values()) >= 4


def test_late_events_are_requested_in_some_sessions_only(verdict: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_steps, "PAUSE", 0.02)
    monkeypatch.setattr(check_context, "WAITING", 0.001)
    requests: list[str] = []

    def late(sent: Sent, answer: Reply) -> Reply:
        requests.append(str(sent.json))
        return answer.saying({**answer.json, "events": [], "total": 0}) if len(requests) < 4 else answer

    assert verdict(replies("POST /events/filter", late), "flows", count=8).violations == []
    assert len(requests) == 4


def test_time_generated_by_the_server_is_sent_back(verdict: Verify) -> None:
    """When the requests are sent again, the new time of the server is used."""

    def excluded(sent: Sent, answer: Reply) -> Reply:
        _, is_since, time = sent.path.partition("?since=")
        if not is_since or not answer.is_success:
            return answer
        return answer.saying(
            {**answer.json, "nodes": [each for each in answer.json["nodes"] if each[1]["end_time"] != time]}
        )

    broken = replies("GET /flow_runs/[^/]+/graph-v2", excluded)
    found = verdict(broken, "flow_runs", count=1, scenario="nodes around others, and none", is_alone=True).violations
    assert [each.operation for each in found] == ["GET /flow_runs/{id}/graph-v2"]


EVENTS = {
    "names of events": sends("POST /events/filter", drop("filter.event.exclude_name")),
    "resources of events": sends("POST /events/filter", drop("filter.related.role")),
    "counts of events": sends("POST /events/count-by/time", drop("time_interval")),
}


@pytest.mark.parametrize("scenario", EVENTS)
def test_broken_filters_of_events(verdict: Verify, monkeypatch: pytest.MonkeyPatch, scenario: str) -> None:
    monkeypatch.setattr(session_steps, "PAUSE", 0.02)
    assert verdict(unchanged, "events", count=2, scenario=scenario).violations == []
    found = verdict(EVENTS[scenario], "events", count=2, scenario=scenario).violations
    assert {each.rule.name for each in found} == {"session"}


def test_wrong_numbers_by_ids_are_found(verdict: Verify) -> None:
    def one_more(_: Sent, answer: Reply) -> Reply:
        return answer.saying({run: number + 1 for run, number in answer.json.items()})

    broken, name = replies("POST /ui/flow_runs/count-task-runs", one_more), "reads around changes of a task run"
    found = verdict(broken, "task_runs", count=1, scenario=name, is_alone=True).violations
    assert {each.operation for each in found} == {"POST /ui/flow_runs/count-task-runs"}


def test_single_scenario_has_only_its_requests(verdict: Verify) -> None:
    seen: list[str] = []

    def noted(sent: Sent, answer: Reply) -> Reply:
        seen.append(f"{sent.method} {re.sub(ID, '{id}', sent.path)}")
        return answer

    run, state = "/flow_runs/{id}", "POST /flow_runs/{id}/set_state"
    result = verdict(
        replies(".*", noted), "flow_runs", count=1, scenario="results that no state may lose", is_alone=True
    )
    assert result.violations == []
    tried = [f"GET {run}", state]
    assert seen[:10] == ["POST /flows/", "POST /flow_runs/", state, state, *tried, *tried, state, f"GET {run}"]
    assert seen[10] == "POST /events/filter", "what was done to the rows is looked at"
    assert {each.partition(" ")[0] for each in seen[11 : seen.index("POST /artifacts/filter")]} == {"DELETE"}


def test_scenario_has_headers_of_clients(verdict: Verify) -> None:
    """The slot of a client that does not renew leases has no lease once it runs; here all clients are such."""

    async def as_another_client(sent: Sent, broken: BrokenServer) -> Reply:
        return await broken.ask(replace(sent, headers=httpx.Headers({**sent.headers, "user-agent": "another"})))

    name = "slots of clients that renew leases"
    assert verdict(unchanged, "flow_runs", count=1, scenario=name, is_alone=True).violations == []
    found = verdict(as_another_client, "flow_runs", count=1, scenario=name, is_alone=True).violations
    assert {each.rule.name for each in found} == {"session"}


def test_scenario_follows_links_of_responses(verdict: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_steps, "PAUSE", 0.02)

    def changed(_: Sent, answer: Reply) -> Reply:
        return answer.saying({**answer.json, "events": []}) if answer.is_success else answer

    name = "pages of events"
    assert verdict(unchanged, "events", count=1, scenario=name, is_alone=True).violations == []
    found = verdict(replies("GET /events/filter/next.*", changed), "events", count=1, scenario=name, is_alone=True)
    assert {(each.rule.name, each.operation) for each in found.violations} == {("session", "GET /events/filter/next")}


def test_effects_on_rows_are_checked(verdict: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    """`x-shows-changes` defines where: here a server omits the events of new limits."""
    monkeypatch.setattr(session_steps, "PAUSE", 0.02)

    def without_events(_: Sent, answer: Reply) -> Reply:
        events = answer.json["events"] if answer.is_success else []
        left = [each for each in events if each["event"] != "prefect.concurrency-limit.created"]
        return answer.saying({**answer.json, "events": left}) if events else answer

    name = "a limit that is reset"
    assert verdict(unchanged, "concurrency_limits", count=1, scenario=name, is_alone=True).violations == []
    broken = replies("POST /events/filter", without_events)
    found = verdict(broken, "concurrency_limits", count=1, scenario=name, is_alone=True).violations
    assert {(each.rule.name, each.operation) for each in found} == {("session", "POST /events/filter")}


def test_session_ends_if_rows_of_others_matter(
    all_operations: ContextFactory, references: ReferencePair, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema that another type already has is returned, and not created for the type of the session."""
    for name, value in (("BETWEEN", 1e-9), ("OTHERS", 0), ("AFTER", 0)):  # no random requests, but they are possible
        monkeypatch.setattr(sessions, name, value)
    steps = (
        {"send": "POST /block_types/", "body": {"name": "{mark}", "slug": "{mark}"}, "as": "type"},
        {"send": "POST /block_schemas/", "body": {"block_type_id": "{type.id}", "fields": {"title": "common"}}},
        {"send": "POST /block_schemas/filter", "body": {"block_schemas": {"block_type_id": {"any_": ["{type.id}"]}}}},
    )
    with all_operations.context_of(app_on(SMALL, api)) as context:
        mine = Scenario(all_operations.endpoint("POST /block_schemas/"), "schemas", steps, ())
        subject = sessions.Subject(partial(has_tag, "blocks"), mine)
        for title in ("other", "common"):
            types, schemas = (context.endpoint_map.creates[table] for table in ("block_types", "block_schemas"))
            made = context.ask(types, types.request({"name": title, "slug": title})).body
            context.ask(schemas, schemas.request({"block_type_id": made["id"], "fields": {"title": title}}))
            sessions.check(context, references, context.session_operations, subject)
            assert context.results.verdict.violations == []
        assert sum(count for (rule, _), count in context.results.verdict.checks.items() if rule.name == "session") == 6


def test_single_late_change_is_ignored(verdict: Verify) -> None:
    """It may do something after a response: a read is repeated a little later."""
    first: list[float] = []

    def changed(_: Sent, answer: Reply) -> Reply:
        if not answer.is_success:
            return answer
        first.extend([] if first else [time.monotonic()])
        return answer.saying({**answer.json, "tags": ["late"]}) if time.monotonic() < first[0] + 0.4 else answer

    assert verdict(replies("GET /variables/[0-9a-f-]{36}", changed), "variables").violations == []
    assert first


@pytest.mark.parametrize(
    ("one", "other", "found", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 4, "b": 5}, {"a": 1, "b": 5}),
        ([1, 2], [2, 1], [2, 1], [2, 1]),
        ([1, 2], [2, 1], [3, 4, 5], [1, 2]),
        ([1, 2], [1, 2], [2, 1], [1, 2]),
        ([1, 2], [1, 2], [], [1, 2]),
        ([{"a": 1}], [{"a": 1}], [], [{"a": 1}]),
        (
            [{"id": "a", "n": 1}, {"id": "b"}],
            [{"id": "b"}, {"id": "a", "n": 2}],
            [{"id": "b"}, {"id": "a", "n": 3}],
            [{"id": "b"}, {"id": "a", "n": 3}],
        ),
        ({"ids": [ONE, TWO]}, {"ids": [ONE, TWO]}, {"ids": [TWO, ONE]}, {"ids": [TWO, ONE]}),
        ({"a": 1}, {"a": 1}, {}, {"a": 1}),
        ([{"a": 1}], [{"a": 2}], [{"a": 3}], [{"a": 3}]),
        ("x", "y", "z", "z"),
        ("x", "x", "z", "x"),
    ],
)
def test_any_value_is_accepted_if_reference_servers_disagree(one: Any, other: Any, found: Any, expected: Any) -> None:
    assert agreed_value(one, other, found, Counterparts()) == expected


NOON, SOON, LATER = (f"2026-01-01T12:{time}Z" for time in ("00:00.1", "00:01.2", "30:00"))


@pytest.mark.parametrize(
    ("one", "other", "found", "expected"),
    [
        (NOON, SOON, None, NOON),
        (NOON, SOON, LATER, NOON),
        (NOON, SOON, "2026-01-01T12:00:02Z", "2026-01-01T12:00:02Z"),
        (NOON, LATER, None, None),
        (NOON, "2026-02-30T00:00:00Z", None, None),
        (ONE, TWO, None, ONE),
        (ONE, TWO, KNOWN, ONE),
        (ONE, TWO, NEW, NEW),
    ],
)
def test_generated_values_equal_on_two_servers_are_generated_by_a_third(
    one: str, other: str, found: Any, expected: Any
) -> None:
    made = Counterparts()
    made.aligned({"at": NOON, "id": "00000000-0000-4000-8000-000000000005"}, {"at": SOON, "id": KNOWN})
    assert agreed_value(one, other, found, made) == expected


def test_two_servers_can_generate_the_same_time_by_chance() -> None:
    """A third one generates another time at the same moment; a time that was not just generated is the same on all."""
    just, soon, far = ((datetime.now(timezone.utc) + timedelta(seconds=each)).isoformat() for each in (0, 1, 100))
    assert agreed_value(just, just, soon, Counterparts()) == soon
    made = Counterparts()
    made.aligned(just, just)
    assert agreed_value(just, just, far, made) == just
    assert agreed_value(NOON, NOON, SOON, Counterparts()) == NOON


def test_any_row_is_accepted_if_reference_servers_disagree() -> None:
    """If they page by random ids, a row of one has no counterpart at the same place of the other."""
    made = Counterparts()
    made.pair("of the first", ONE)
    made.pair("of the second", TWO)
    one, other, found = ([{"id": row_id, "state": state}] for row_id, state in ((ONE, "x"), (TWO, "x"), (NEW, "y")))
    assert agreed_value(one, other, found, made) == found
    assert agreed_value(one, other, found, Counterparts()) == [{"id": NEW, "state": "x"}], (
        "rows that both have just made"
    )
    one, other, found = ([{"run_id": each[0]["id"], "state": each[0]["state"]}] for each in (one, other, found))
    assert agreed_value(one, other, found, made) == found, "what was done to different rows"
    made.pair("of the third", KNOWN)
    assert agreed_value([ONE], [TWO], [KNOWN], made) == [KNOWN], "a row that each chooses by its random ids"


def test_rows_without_a_requested_order_can_be_in_any_order() -> None:
    rows = [{"id": "a", "name": "x"}, {"id": "b", "name": "y"}]
    request = Request("GET", "/things", "/things")
    assert agree(rows, rows[::-1], request)
    assert not agree(rows, [rows[0], {**rows[1], "name": "z"}], request)
    assert not agree(rows, rows[:1], request)


def test_reference_server_restarts_without_rows() -> None:
    with closing(ReferenceServer()) as server:
        body = {"name": "one"}
        assert server.ask(Request("POST", "/flows/", "/flows/", body)).status == httpx.codes.CREATED
        assert server.ask(Request("POST", "/flows/", "/flows/", body)).status == httpx.codes.OK
        server.restart()
        assert server.ask(Request("POST", "/flows/count", "/flows/count", {})) == Answer(200, 0)
