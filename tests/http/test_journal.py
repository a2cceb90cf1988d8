"""The journal: what is recorded of requests, however they are handled, and how they are found."""

import asyncio
import json
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from functools import partialmethod
from sys import getsizeof
from typing import Any

import httpx
import pytest

from tests.conftest import SMALL
from tests.http.exchanges import answered
from tests.servers import stand_in
from tests.workspaces.urls import admin, at, new_name
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace
from understudy.admin.control_errors import ControlError
from understudy.admin.time_slices import in_slices
from understudy.http.journal import LONGEST, WORKSPACES, Exchange, Journal
from understudy.http.redaction import shown_query
from understudy.workspaces.workspace_names import DEFAULT, WORKSPACE

SHORT = {"accept-encoding": "identity"}
PACKED = {"accept-encoding": "gzip"}
FOREIGN = {"origin": "http://example.com"}
PREFLIGHT = {**FOREIGN, "access-control-request-method": "POST"}
IS_JSON = {"content-type": "application/json"}
FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
ASKED = {"flows": {"name": {"like_": "e"}}, "limit": 3}
NOTHING_LIKE_IT = {"detail": "Not Found"}


@pytest.fixture(scope="module")
def served() -> Iterator[httpx.Client]:
    with stand_in(SMALL) as api:
        yield api


@pytest.fixture
def name() -> str:
    """A workspace for one test."""
    return new_name()


def recorded(api: httpx.Client, **search: Any) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = admin(api, "GET", "/requests", params=search).raise_for_status().json()["requests"]
    return requests


def find(api: httpx.Client, **search: Any) -> httpx.Response:
    return admin(api, "POST", "/requests/find", json=search)


def count(api: httpx.Client, **search: Any) -> Any:
    return admin(api, "POST", "/requests/count", json=search).raise_for_status().json()


# --------------------------------------------------------------- what is recorded

# Each with its status, and the operation that it is for.
REQUESTS: dict[str, tuple[int, str | None, str, str, dict[str, Any]]] = {
    "a filter": (200, "flows.read_flows", "POST", "/flows/filter", {"json": ASKED}),
    "a write": (201, "artifacts.create_artifact", "POST", "/artifacts/", {"json": {"key": "noted", "data": [1]}}),
    "a row": (200, "flows.read_flow", "GET", f"/flows/{FLOW}", {}),
    "a query": (200, "service.read_readiness", "GET", "/ready?a=1&b=%20", {}),
    "nothing to tell": (204, "flows.update_flow", "PATCH", f"/flows/{FLOW}", {"json": {"tags": ["x"]}}),
    "a wrong body": (422, "flows.read_flows", "POST", "/flows/filter", {"json": {"limit": "x"}}),
    "no JSON": (422, "flows.read_flows", "POST", "/flows/filter", {"content": "{bad", "headers": IS_JSON}),
    "a path that is not there": (404, None, "POST", "/nothing", {"json": {"a": 1}}),
    "a path without its slash": (307, None, "POST", "/flows", {"json": {"name": "x"}}),
    "another method": (405, None, "PUT", "/flows/filter", {"json": [1]}),
}  # fmt: skip
WAYS = {"short": SHORT, "packed": PACKED, "foreign": FOREIGN}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("request_name", REQUESTS)
def test_every_request_is_recorded(served: httpx.Client, name: str, request_name: str, way: str) -> None:
    status, operation, method, path, options = REQUESTS[request_name]
    headers = {**options.get("headers", {}), **WAYS[way]}
    answer = served.request(method, at(name) + path, **{**options, "headers": headers})
    assert answer.status_code == status
    (exchange,) = recorded(served, workspace=name)
    plain, _, query = path.partition("?")
    query = query.replace("a=1&b=%20", "a=(hidden)&b=(hidden)")
    assert {key: exchange[key] for key in ("workspace", "operation", "method", "path", "query", "status")} == {
        "workspace": name,
        "operation": operation,
        "method": method,
        "path": f"/api{plain}",
        "query": query,
        "status": status,
    }
    assert exchange["body"] == options.get("json", options.get("content"))
    assert exchange["answer"] == (answer.json() if answer.content else None)
    assert headers.items() <= exchange["headers"].items()
    assert exchange["is_cut"] is False
    assert exchange["seconds"] >= 0
    assert exchange["time"].endswith("Z")


def test_preflight_and_pages_are_recorded(served: httpx.Client) -> None:
    cases = [
        ("OPTIONS", "/api/flows/filter", PREFLIGHT, 200, "OK"),
        ("GET", "/docs", SHORT, 200, "<!doctype html>"),
        ("GET", "/docs", PACKED, 200, "<!doctype html>"),
        ("GET", "/docs/files/nothing.js", PACKED, 404, "{'detail': 'Not Found'}"),
        ("GET", "/", SHORT, 307, "None"),
    ]
    for method, path, headers, _, _ in cases:
        served.request(method, served.base_url.join(path), headers=headers)
    for (method, path, _, status, text), exchange in zip(cases, reversed(recorded(served, limit=5)), strict=True):
        assert (exchange["method"], exchange["path"], exchange["status"]) == (method, path, status)
        assert (exchange["workspace"], exchange["operation"]) == (DEFAULT, None)
        assert str(exchange["answer"]).startswith(text)


def test_compressed_response_is_shown_decompressed(served: httpx.Client, name: str) -> None:
    answers = [served.post(f"{at(name)}/artifacts/filter", json={}, headers=way) for way in (SHORT, PACKED)]
    assert [answer.headers.get("content-encoding") for answer in answers] == [None, "gzip"]
    packed, plain = recorded(served, workspace=name)
    assert packed["answer"] == plain["answer"] == answers[0].json()
    assert len(packed["answer"]) == 120


@pytest.mark.parametrize("way", WAYS)
def test_long_body_is_truncated(served: httpx.Client, name: str, way: str) -> None:
    """And so is a response that repeats it."""
    text = "x" * LONGEST
    answer = served.post(f"{at(name)}/flows/filter", json=text, headers=WAYS[way])
    (exchange,) = recorded(served, workspace=name)
    assert (exchange["status"], exchange["is_cut"]) == (422, True)
    assert exchange["body"] == f'"{text}'[:LONGEST]
    assert exchange["answer"] == answer.text[:LONGEST]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("more", "is_cut"), [(-1, False), (0, False), (1, True)])
def test_truncation_is_marked(served: httpx.Client, name: str, way: str, more: int, *, is_cut: bool) -> None:
    body = json.dumps({"limit": 1}).ljust(LONGEST + more)
    headers = {**IS_JSON, **WAYS[way]}
    served.post(f"{at(name)}/flows/filter", content=body, headers=headers).raise_for_status()
    (exchange,) = recorded(served, workspace=name)
    assert (exchange["is_cut"], exchange["body"]) == (is_cut, {"limit": 1})


@pytest.mark.parametrize("way", WAYS)
def test_long_response_is_truncated(served: httpx.Client, name: str, way: str) -> None:
    """Even if it is short when compressed."""
    for _ in range(2):
        served.post(f"{at(name)}/artifacts/", json={"key": "long", "data": "x" * 40_000}).raise_for_status()
    cases = {"artifacts": {"key": {"any_": ["long"]}}}
    answer = served.post(f"{at(name)}/artifacts/filter", json=cases, headers=WAYS[way])
    exchange, *others = recorded(served, workspace=name)
    assert exchange["answer"] == answer.text[:LONGEST]
    assert [each["is_cut"] for each in (exchange, *others)] == [True, False, False]


SECRET_HEADERS = (
    "authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-client-secret", "Password",
    "x-auth-user", "x-passwd", "x-jwt", "x-signature", "prefect-csrf-token", "referer", "x-unheard-of",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_possible_secrets_are_hidden(served: httpx.Client, name: str, way: str) -> None:
    harmless = {"x-prefect-api-version": "0.8.4", "user-agent": "seen", **WAYS[way]}
    headers = {**dict.fromkeys(SECRET_HEADERS, "hunter2"), **harmless}
    secret = {"token": "hunter2", "api_key": "hunter2", "x": "hunter2"}
    served.get(f"{at(name)}/flows/{FLOW}", headers=headers, params=secret).raise_for_status()
    served.get(f"{at(name)}/nothing?hunter2", headers=headers)
    served.get(f"{at(name)}/csrf-token?client=seen&token=hunter2", headers=headers)
    tokens, nothing, row = recorded(served, workspace=name)
    for exchange in (tokens, nothing, row):
        assert {exchange["headers"][each.lower()] for each in SECRET_HEADERS} == {"(hidden)"}
        assert harmless.items() <= exchange["headers"].items()
        assert "hunter2" not in str(exchange)
    assert row["query"] == "token=(hidden)&api_key=(hidden)&x=(hidden)"
    assert nothing["query"] == "(hidden)"
    assert tokens["query"] == "client=seen&token=(hidden)"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ""),
        ("limit=5", "limit=5"),
        ("limit=5&token=abc", "limit=5&token=(hidden)"),
        ("l%69mit=5&limit", "l%69mit=5&limit"),
        ("token=a=b&token=", "token=(hidden)&token=(hidden)"),
        ("abc&&=abc", "(hidden)&&=(hidden)"),
        ("limit=5;token=abc", "limit=5;token=(hidden)"),
    ],
)
def test_only_harmless_query_parameters_are_shown(query: str, shown: str) -> None:
    assert shown_query(query, ["limit"]) == shown


def test_control_api_is_not_recorded(served: httpx.Client) -> None:
    served.get("/health")
    before = admin(served, "GET", "/state").json()["journal"]
    for method, path in (("GET", "/state"), ("GET", "/nothing"), ("GET", "/docs"), ("PUT", "/state"), ("GET", "")):
        admin(served, method, path)
    assert admin(served, "GET", "/state").json()["journal"] == before
    assert recorded(served, limit=1)[0]["path"] == "/api/health"


def test_invalid_workspace_is_recorded_as_sent(served: httpx.Client) -> None:
    served.post("/accounts/X/workspaces/y/flows/filter", json={}, headers=SHORT)
    (exchange,) = recorded(served, limit=1)
    assert (exchange["workspace"], exchange["status"], exchange["path"]) == ("X/y", 422, "/api/flows/filter")


@pytest.mark.parametrize("depth", [10, *range(300, 1100, 25), 5_000, 30_000])
def test_any_body_can_be_shown(depth: int) -> None:
    exchange = Exchange(1, {"method": "POST", "path": "/", "query_string": b"\xff", "headers": [(b"a", b"\xff")]})
    exchange.record_body(b"[" * depth + b"]" * depth)
    answered(exchange, 200, b'"\\ud800"')
    assert exchange.as_json()["status"] == 200


# ------------------------------------------------------------------------- searches

FOUND: dict[str, tuple[dict[str, Any], list[int]]] = {
    "all": ({}, [1, 2, 3, 4, 5]),
    "an operation": ({"operation": "flows.read_flows"}, [1, 2]),
    "a method": ({"method": "get"}, [4, 5]),
    "a path": ({"path": "/flows/filter"}, [1, 2]),
    "a path with the API's": ({"path": "/api/flows/filter"}, [1, 2]),
    "a path of no operation": ({"path": "/nothing"}, [5]),
    "a part of a path": ({"path": "/flows"}, []),
    "a status": ({"status": 404}, [5]),
    "two things": ({"method": "POST", "status": 422}, [2]),
    "two that exclude each other": ({"method": "GET", "status": 422}, []),
}
BODIES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "a part of a body": ({"body": {"limit": 3}}, [1]),
    "a part deep within": ({"body": {"flows": {"name": {"like_": "e"}}}}, [1]),
    "any object": ({"body": {}}, [1, 2, 3]),
    "a body and an operation": ({"body": {}, "operation": "flows.read_flows"}, [1, 2]),
    "another body": ({"body": {"limit": 4}}, []),
    "a null, which is left open": ({"body": None, "status": None, "method": "GET"}, [4, 5]),
}


@pytest.fixture(scope="module")
def five(served: httpx.Client) -> str:
    """A workspace with five requests."""
    name = new_name()
    served.post(f"{at(name)}/flows/filter", json=ASKED)
    served.post(f"{at(name)}/flows/filter", json={"limit": "x"}, headers=SHORT)
    served.post(f"{at(name)}/artifacts/", json={"key": "five"}, headers=SHORT)
    served.get(f"{at(name)}/flows/{FLOW}", headers=SHORT)
    served.get(f"{at(name)}/nothing")
    return name


def numbers(served: httpx.Client, name: str, requests: list[dict[str, Any]]) -> list[int]:
    """Which of the requests to a workspace these are, counted from 1."""
    every = [each["number"] for each in reversed(recorded(served, workspace=name))]
    return [1 + every.index(each["number"]) for each in requests]


@pytest.mark.parametrize("case", FOUND)
def test_requests_are_listed_newest_first(served: httpx.Client, five: str, case: str) -> None:
    search, expected = FOUND[case]
    found = recorded(served, workspace=five, **search)
    assert numbers(served, five, found) == expected[::-1]
    limited = recorded(served, workspace=five.upper(), limit=2, **search)
    assert limited == found[:2]


@pytest.mark.parametrize("case", [*FOUND, *BODIES])
def test_requests_are_found_and_counted(served: httpx.Client, five: str, case: str) -> None:
    search, expected = {**FOUND, **BODIES}[case]
    answer = find(served, workspace=five, **search).raise_for_status().json()
    assert numbers(served, five, answer["requests"]) == expected[::-1]
    assert bool(answer["nearest"]) == (not expected)
    assert count(served, workspace=five.upper(), **search) == len(expected)


def test_search_without_a_workspace_covers_all(served: httpx.Client) -> None:
    names = [new_name(), new_name(), DEFAULT]
    before = count(served, body={"limit": 77})
    for name in names:
        served.post(f"{at(name)}/flows/filter", json={"limit": 77})
    assert before == 0
    assert [each["workspace"] for each in find(served, body={"limit": 77}).json()["requests"]] == names[::-1]


def test_failed_search_returns_the_nearest_requests_with_differences(served: httpx.Client, five: str) -> None:
    search = {"operation": "flows.read_flows", "status": 200, "body": {"limit": 4}}
    answer = find(served, workspace=five, **search).json()
    nearest = answer["nearest"]
    assert answer["requests"] == []
    assert len(nearest) == 3
    assert nearest[0]["request"]["body"] == ASKED
    assert nearest[0]["differences"] == ["body.limit: wanted 4, found 3"]
    assert [len(each["differences"]) for each in nearest] == sorted(len(each["differences"]) for each in nearest)


def test_requests_are_deleted(served: httpx.Client) -> None:
    first, second = new_name(), new_name()
    for name in (first, second):
        served.get(f"{at(name)}/flows/{FLOW}")
    assert admin(served, "DELETE", "/requests", params={"workspace": first.upper()}).status_code == 204
    assert [count(served, workspace=name) for name in (first, second)] == [0, 1]


def test_requests_of_a_dropped_workspace_are_deleted(served: httpx.Client, name: str) -> None:
    served.get(f"{at(name)}/flows/{FLOW}")
    admin(served, "DELETE", "/workspaces", params={"workspace": name.upper()}).raise_for_status()
    assert recorded(served, workspace=name) == []


# --------------------------------------------------------------------------- limits


def test_latest_requests_are_kept_and_dropped_ones_counted() -> None:
    first, second = new_name(), new_name()
    with stand_in(SMALL, "--journal", "3") as api:
        for name, way in ((first, SHORT), (second, PACKED), (second, SHORT), (second, FOREIGN)):
            api.post(f"{at(name)}/flows/count", json={}, headers=way)
        assert [each["number"] for each in recorded(api)] == [4, 3, 2]
        assert admin(api, "GET", "/state").json()["journal"] == {"size": 3, "requests": 3, "dropped": 1}
        # Nothing of the second was dropped.
        assert count(api, workspace=second, operation="flows.count_flows") == 3
        assert find(api, workspace=second, status=404).json()["requests"] == []
        for search in ({"workspace": first}, {}, {"workspace": first, "status": 404}, {"status": 404}):
            for path in ("/requests/count", "/requests/find"):
                answer = admin(api, "POST", path, json=search)
                if path.endswith("find") and not search:
                    assert len(answer.json()["requests"]) == 3  # without those that were dropped
                    continue
                assert (answer.status_code, answer.json()["detail"]) == (
                    409,
                    "The journal holds at most 3 requests and has dropped 1 that may match. Clear it "
                    "(`understudy admin clear` or DELETE /__admin/requests) before the requests to check, or start the "
                    "server with a larger --journal.",
                )
        admin(api, "DELETE", "/requests", params={"workspace": first})
        assert (count(api, workspace=first), count(api)) == (0, 3)
        api.post("/flows/count", json={})
        assert admin(api, "POST", "/requests/count", json={}).status_code == 409
        admin(api, "DELETE", "/requests")
        assert count(api) == 0


def test_journal_can_be_disabled() -> None:
    with stand_in(SMALL, "--journal", "0") as api:
        for way in WAYS.values():
            assert api.post("/flows/count", json={}, headers=way).json() == 12
            assert api.get("/nothing", headers=way).json() == NOTHING_LIKE_IT
        assert recorded(api) == []
        assert admin(api, "GET", "/state").json()["journal"] == {"size": 0, "requests": 0, "dropped": 0}
        for path in ("/requests/count", "/requests/find"):
            answer = admin(api, "POST", path, json={})
            assert answer.status_code == 409
            assert answer.json()["detail"].startswith("The journal is off. Start the server with --journal")


def begun(journal: Journal, name: str = DEFAULT, headers: Sequence[tuple[bytes, bytes]] = ()) -> Exchange:
    scope = {"method": "GET", "path": "/", "query_string": b"", "headers": [*headers], WORKSPACE: name}
    return journal.begin(scope)


def test_dropped_requests_are_counted_by_workspace() -> None:
    journal = Journal(2)
    for name in "aabbba":
        begun(journal, name)
    assert [each.workspace for each in journal.newest()] == ["a", "b"]
    assert [journal.dropped.of(name) for name in ("a", "b", "c", None)] == [2, 2, 0, 4]
    journal.clear("a")
    assert [each.workspace for each in journal.newest()] == ["b"]
    assert [journal.dropped.of(name) for name in ("a", "b", None)] == [0, 2, 2]
    journal.clear()
    assert (len(journal), journal.dropped.total) == (0, 0)


def test_exact_counts_are_kept_for_some_workspaces_only() -> None:
    """The others count for each name that might be one of them."""
    journal = Journal(1)
    for number in range(WORKSPACES + 10):
        begun(journal, f"workspace {number}")
        begun(journal, f"{number} {'x' * 30_000}")
    journal.dropped.clear("workspace 5")
    assert [journal.dropped.of(f"workspace {number}") > 0 for number in (0, 5, 20, "new")] == [
        True,
        False,
        True,
        True,
    ]
    assert journal.dropped.total == 2 * (WORKSPACES + 10) - 1
    assert sum(map(getsizeof, journal.dropped.names)) < 2**20
    journal.clear()
    assert journal.dropped.of("workspace 0") == 0


@pytest.mark.parametrize("headers", [[(b"a", b"")] * 16_000, [(b"a", b"x" * 64_000)]])
def test_long_heads_are_truncated(headers: list[tuple[bytes, bytes]]) -> None:
    tracemalloc.start()
    try:
        journal = Journal(300)
        for _ in range(300):
            exchange = begun(journal, headers=[(name + b" ", value + b" ") for name, value in headers])
            answered(exchange, 200, b"")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 300 * 40_000
    assert exchange.as_json()["is_cut"] is True
    assert len(exchange.headers) <= 100


def test_size_of_all_entries_is_limited() -> None:
    journal = Journal(1000, capacity=2**20)
    for number in range(100):
        exchange = begun(journal)
        exchange.record_body(b"x" * LONGEST)
        answered(exchange, 200, b"x" * (number % 2) * LONGEST)
    assert 8 <= len(journal) <= 16
    assert journal.dropped.total == 100 - len(journal)
    assert journal.is_out_of_bytes
    journal.clear(DEFAULT)
    assert not journal.is_out_of_bytes
    exchange = begun(journal)
    answered(exchange, 200, b"")
    assert len(journal) == 1


def test_evicted_entry_does_not_count() -> None:
    journal = Journal(1, capacity=100_000)
    waiting = begun(journal)
    answered(begun(journal), 200, b"")
    waiting.record_body(b"x" * LONGEST)
    answered(waiting, 200, b"x" * LONGEST)
    assert (len(journal), journal.is_out_of_bytes) == (1, False)


def test_requests_that_fit_exactly_are_kept() -> None:
    def filled(capacity: int) -> Journal:
        journal = Journal(10, capacity)
        for _ in range(3):
            answered(journal.begin({"method": "GET", "path": "/", "query_string": b"", "headers": []}), 200, b"x")
        return journal

    needed = sum(exchange.size for exchange in filled(2**20).newest())
    assert [len(filled(capacity)) for capacity in (needed, needed - 1)] == [3, 2]


def test_headers_count_for_the_size() -> None:
    """Many short ones take more than their text."""
    journal = Journal(1000, capacity=2**20)
    for _ in range(200):
        answered(begun(journal, headers=[(b"a", b"")] * 100), 200, b"")
    assert 50 <= len(journal) <= 80


def test_names_of_faults_count_for_the_size() -> None:
    journal = Journal(1000, capacity=2**20)
    for _ in range(100):
        exchange = begun(journal)
        exchange.faults = ["x" * 200] * 200
        answered(exchange, 503, b"")
    assert 10 <= len(journal) <= 25


def test_larger_journal_is_not_suggested_if_bytes_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "__init__", partialmethod(Journal.__init__, capacity=2**17))
    with StandIn(SMALL) as standin:
        for _ in range(3):
            httpx.post(f"{standin.url}/flows/filter", json={"text": "x" * 60_000}).raise_for_status()
        assert len(standin.requests) < 3
        with pytest.raises(ControlError, match=r"[12] requests? in 0 MiB, and has dropped [12] that"):
            standin.count()


# ------------------------------------------------------------------- page by page


def test_requests_are_paged(served: httpx.Client, five: str) -> None:
    every = recorded(served, workspace=five)
    for search in ({}, {"method": "POST"}):
        for path in ("/requests", "/requests/find"):
            found: list[dict[str, Any]] = []
            page: dict[str, Any] = {"next": None}
            while not found or page["next"]:
                page = paged(served, path, search={"workspace": five, **search}, limit=2, before=page["next"])
                assert page["total"] == (None if found else 5 if not search else 3)
                assert 1 <= len(page["requests"]) <= 2
                found += page["requests"]
            assert found == [each for each in every if not search or each["method"] == "POST"]


def test_requests_after_another_are_found(served: httpx.Client, five: str) -> None:
    every = recorded(served, workspace=five)
    for path in ("/requests", "/requests/find"):
        page = paged(served, path, search={"workspace": five}, after=every[2]["number"])
        assert (page["requests"], page["total"], page["next"]) == (every[:2], 2, None)


def paged(served: httpx.Client, path: str, search: dict[str, Any], **page: int | None) -> dict[str, Any]:
    params = {name: value for name, value in page.items() if value is not None}
    if path == "/requests":
        answer = admin(served, "GET", path, params={**search, **params})
    else:
        answer = admin(served, "POST", path, json=search, params=params)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def test_size_of_a_page_is_limited(served: httpx.Client, name: str) -> None:
    """A client of the control API reads all of them."""
    for number in range(80):
        served.post(f"{at(name)}/flows/filter", json={"limit": number, "text": "x" * 70_000}).raise_for_status()
    answer = admin(served, "GET", "/requests", params={"workspace": name, "limit": 1000}).raise_for_status()
    assert len(answer.content) < 2**22 + 2**18
    assert (answer.json()["total"], len(answer.json()["requests"]) < 80) == (80, True)
    workspace = RemoteWorkspace(f"{served.base_url}".rstrip("/") + at(name))
    assert len(workspace.requests) == len(workspace.find(method="POST")) == workspace.count() == 80
    assert [each["number"] for each in workspace.recent(70)] == [each["number"] for each in workspace.requests[10:]]
    assert workspace.recent(0) == []


@pytest.mark.parametrize(
    "search", [{"path": "x" * 3_000_000}, {"body": "x" * 3_000_000}, {"body": {"x" * 3_000_000: 1}}]
)
def test_response_to_a_long_search_is_short(served: httpx.Client, five: str, search: dict[str, Any]) -> None:
    answer = find(served, workspace=five, **search).raise_for_status()
    nearest = answer.json()["nearest"]
    assert len(nearest) == 3
    assert all(0 < len(line) < 1000 for each in nearest for line in each["differences"])


def test_long_work_does_not_block_other_requests() -> None:
    turns = 0

    async def work() -> int:
        other = asyncio.create_task(others())
        count = 0
        async for _ in in_slices(range(20)):
            time.sleep(0.005)  # noqa: ASYNC251 - what does not give way to others is what is tested
            count += 1
        other.cancel()
        return count

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    assert asyncio.run(work()) == 20
    assert turns >= 5
