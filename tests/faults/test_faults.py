"""Faults: which requests a rule matches, when it is applied, and its effect on clients."""

import json
import math
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from click.testing import CliRunner
from starlette.types import Scope

from tests.conftest import SMALL
from tests.servers import ROOT, greeting, wait_until
from tests.workspaces.urls import admin, at, new_name
from understudy import StandIn
from understudy.admin import CONTRACT
from understudy.admin.client import RemoteWorkspace
from understudy.admin.control_errors import ControlError
from understudy.admin.found_requests import line_of
from understudy.cli.commands import main
from understudy.errors import FaultsError
from understudy.faults import fault_rule as rules
from understudy.faults.delays import delay_of
from understudy.faults.fault_rule import EFFECTS, Effect
from understudy.faults.faults import Faults
from understudy.faults.rule_files import profiles, rules_in
from understudy.http.routing_table import ROUTE
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.options import Options
from understudy.server.app import create_app
from understudy.server.site_loading import opened
from understudy.workspaces.history import History
from understudy.workspaces.workspace_names import DEFAULT

Rule = dict[str, Any]
Parts = tuple[str, str, dict[str, str]]

SEED = 7
HEALTH: Parts = ("GET", "/health", {})
FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
FLOWS = 12  # of the small set
MOMENT = datetime(2026, 1, 1, tzinfo=timezone.utc)
OK, BUSY, LIMITED = 200, 503, 429
LOST = None  # instead of a status, if there was no response
BRIEFLY = httpx.Timeout(60, read=0.3)  # for requests without a response

# ----------------------------------------------------------------------------- help


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(SMALL, process=True, seed=SEED) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_rules_are_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").faults.clear()


@pytest.fixture
def workspace(server: StandIn) -> Iterator[RemoteWorkspace]:
    with server.workspace() as workspace:
        yield workspace
        workspace.faults.clear()


@pytest.fixture
def api(server: StandIn, workspace: RemoteWorkspace) -> Iterator[httpx.Client]:
    """A client whose paths begin at the workspace."""
    with client_of(server, workspace) as client:
        yield client


def client_of(server: StandIn, workspace: RemoteWorkspace | None = None) -> httpx.Client:
    return httpx.Client(base_url=(workspace or server).url, transport=server.transport, timeout=60)


def got(server: StandIn, url: str) -> httpx.Response:
    with client_of(server) as client:
        return client.get(url)


def outcome(api: httpx.Client, request: Parts = HEALTH, **options: Any) -> int | None:
    """The status of the response to a request."""
    method, path, headers = request
    try:
        return api.request(method, path, headers=headers, **options).status_code
    except httpx.TransportError:
        return LOST


def outcomes(api: httpx.Client, count: int) -> list[int | None]:
    return [outcome(api) for _ in range(count)]


def took(ask: Callable[[], object]) -> float:
    """How many seconds something takes."""
    start = time.monotonic()
    ask()
    return time.monotonic() - start


def counts(workspace: RemoteWorkspace) -> list[tuple[int, int]]:
    return [(rule["matched"], rule["applied"]) for rule in workspace.faults]


# ------------------------------------------------------------------------- matching

FILTER: Parts = ("POST", "/flows/filter", {})
# A rule, a request that it matches, and one that it does not match.
MATCHING: dict[str, tuple[Rule, Parts, Parts]] = {
    "nothing": ({}, HEALTH, ("POST", "/__nothing", {})),
    "an operation": ({"operation": "flows.read_flows"}, FILTER, ("POST", "/flows/count", {})),
    "an operation with an id": ({"operation": "flows.read_flow"}, ("GET", f"/flows/{FLOW}", {}), FILTER),
    "no operation": ({"operation": "flows.nothing"}, HEALTH, HEALTH),
    "a method": ({"method": "GET"}, HEALTH, FILTER),
    "a method in small letters": ({"method": "post"}, FILTER, HEALTH),
    "a method that no path has": ({"method": "HEAD"}, ("HEAD", "/health", {}), HEALTH),
    "a path": ({"path": "/flows/filter"}, FILTER, ("POST", "/flows/filters", {})),
    "a path with its base": ({"path": "/api/flows/filter"}, FILTER, ("POST", "/flows/count", {})),
    "the end of a path": ({"path": "*/filter"}, ("POST", "/artifacts/filter", {}), ("POST", "/artifacts/count", {})),
    "the start of a path": ({"path": "/flows/*"}, ("GET", f"/flows/{FLOW}", {}), ("POST", "/artifacts/filter", {})),
    "the start with its base": ({"path": "/api/flows/*"}, FILTER, HEALTH),
    "a bracket": ({"path": "/flows/name/[ab]"}, ("GET", "/flows/name/[ab]", {}), ("GET", "/flows/name/a", {})),
    "a question mark": ({"path": "/healt?"}, ("GET", "/healt%3F", {}), HEALTH),
    "a path that is not there": ({"path": "/nothing"}, ("GET", "/nothing", {}), HEALTH),
    "a header": ({"headers": {"X-A": "one"}}, ("GET", "/health", {"x-a": "one"}), ("GET", "/health", {"x-a": "One"})),
    "a header like something": (
        {"headers": {"user-agent": "prefect/*"}}, ("GET", "/health", {"user-agent": "prefect/3.9.1 (0.8.4)"}), HEALTH,
    ),
    "any value of a header": ({"headers": {"x-part": "*"}}, ("GET", "/health", {"x-part": ""}), HEALTH),
    "two headers": (
        {"headers": {"x-a": "1", "x-b": "2"}},
        ("GET", "/health", {"x-a": "1", "x-b": "2"}), ("GET", "/health", {"x-a": "1"}),
    ),
    "all at once": (
        {"operation": "flows.read_flows", "method": "POST", "path": "/flows/*", "headers": {"x-a": "1"}},
        ("POST", "/flows/filter", {"x-a": "1"}), ("POST", "/flows/count", {"x-a": "1"}),
    ),
    "nulls": (dict.fromkeys(("operation", "method", "path", "headers", "share")), HEALTH, ("GET", "/x", {})),
}  # fmt: skip
ANY = ("nothing", "nulls")  # match all requests
NEVER = ("no operation",)


@pytest.mark.parametrize("packed", ["identity", "gzip"])
@pytest.mark.parametrize("case", MATCHING)
def test_rule_matches_its_requests(workspace: RemoteWorkspace, api: httpx.Client, case: str, packed: str) -> None:
    rule, meant, other = MATCHING[case]
    without = [outcome(api, request) for request in (meant, other)]
    workspace.faults.add(**rule, answer=BUSY)
    api.headers["accept-encoding"] = packed
    assert outcome(api, meant) == (without[0] if case in NEVER else BUSY)
    assert outcome(api, other) == (BUSY if case in ANY else without[1])


def test_paths_of_documents_are_matched_by_rules_without_a_path(server: StandIn) -> None:
    server.faults.add(answer=BUSY)
    site = server.url.removesuffix("/api")
    assert [got(server, f"{site}{path}").status_code for path in ("/docs", "/openapi.json", "/nothing")] == [BUSY] * 3
    assert got(server, f"{site}/__admin/state").status_code == OK


def test_rules_of_a_workspace_match_only_its_requests(server: StandIn) -> None:
    one, other = server.workspace(), server.workspace()
    one.faults.add(answer=BUSY)
    other.faults.add(answer=500)
    urls = [one.url, other.url, server.workspace().url, server.url]
    assert [got(server, f"{url}/health").status_code for url in urls] == [BUSY, 500, OK, OK]
    assert [got(server, f"{url}/health").status_code for url in urls] == [BUSY, 500, OK, OK]
    assert counts(one) == counts(other) == [(2, 2)]
    assert counts(server) == []
    one.faults.clear()
    assert [got(server, f"{url}/health").status_code for url in urls] == [OK, 500, OK, OK]
    other.faults.clear()


def test_rules_of_the_plain_url_match_all_workspaces(server: StandIn, workspace: RemoteWorkspace) -> None:
    server.faults.add(answer=BUSY)
    assert [got(server, f"{url}/health").status_code for url in (server.url, workspace.url)] == [BUSY, BUSY]
    assert workspace.faults.rules == []


@pytest.mark.parametrize("write", [str, str.upper])
def test_rule_of_the_plain_url_can_name_a_workspace(
    server: StandIn, workspace: RemoteWorkspace, write: Callable[[str], str]
) -> None:
    server.faults.add(answer=BUSY, workspace=write(workspace.name))
    assert [got(server, f"{url}/health").status_code for url in (server.url, workspace.url)] == [OK, BUSY]
    server.faults.replace([{"answer": BUSY, "workspace": DEFAULT}])
    assert [got(server, f"{url}/health").status_code for url in (server.url, workspace.url)] == [BUSY, OK]


# --------------------------------------------------------------------------- timing

# A rule, and the outcomes of eight requests.
TIMING: dict[str, tuple[Rule, list[int]]] = {
    "every": ({"every": 3}, [OK, OK, BUSY, OK, OK, BUSY, OK, OK]),
    "every one": ({"every": 1}, [BUSY] * 8),
    "first": ({"first": 2}, [BUSY, BUSY, *[OK] * 6]),
    "the first of every": ({"every": 2, "first": 2}, [OK, BUSY, OK, BUSY, OK, OK, OK, OK]),
    "no share": ({"share": 0}, [OK] * 8),
    "the whole share": ({"share": 1}, [BUSY] * 8),
    "the first of a share": ({"share": 1, "first": 1}, [BUSY, *[OK] * 7]),
    "rate": ({"rate": {"requests": 5, "seconds": 600}}, [OK] * 5 + [BUSY] * 3),
    "the first beyond a rate": ({"rate": {"requests": 5, "seconds": 600}, "first": 1}, [OK] * 5 + [BUSY, OK, OK]),
    "a rate of a share": ({"rate": {"requests": 5, "seconds": 600}, "share": 0}, [OK] * 8),
    "over at once": ({"expires": 0}, [OK] * 8),
    "over in a year": ({"expires": 31_536_000}, [BUSY] * 8),
}


@pytest.mark.parametrize("case", TIMING)
def test_rule_is_applied_at_its_times(workspace: RemoteWorkspace, api: httpx.Client, case: str) -> None:
    rule, expected = TIMING[case]
    workspace.faults.add(**rule, answer=BUSY)
    assert outcomes(api, 8) == expected
    if rule.get("expires") != 0:
        assert counts(workspace) == [(8, expected.count(BUSY))]


def test_share_is_approximate(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.add(share=0.3, answer=BUSY)
    applied = outcomes(api, 400).count(BUSY)
    assert 80 < applied < 160  # four standard deviations around 120
    assert counts(workspace) == [(400, applied)]


def test_rate_allows_more_requests_later(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.add(rate={"requests": 2, "seconds": 0.4}, answer=LIMITED)
    for _ in range(2):
        wait_until(lambda: outcome(api) == LIMITED, "no request was refused")
        wait_until(lambda: outcome(api) == OK, "all requests were refused")


def test_rule_expires(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    def is_applied() -> bool:
        workspace.faults.replace([{"answer": BUSY, "expires": 0.3}, {"path": "/x", "delay": 0}])
        return outcome(api) == BUSY

    wait_until(is_applied, "the rule was never applied")
    wait_until(lambda: outcome(api) == OK, "the rule never expired")
    assert [rule["rule"]["path"] for rule in workspace.faults] == ["/x"]


# -------------------------------------------------------------------------- effects


@pytest.mark.parametrize("seed", range(3))
def test_distributions_of_delays(seed: int) -> None:
    def drawn(shown: Any) -> list[float]:
        delay, randomness = delay_of(shown), Random(seed)
        assert delay is not None
        return [delay.draw(randomness) for _ in range(20_000)]

    assert set(drawn(0.5)) == {0.5}
    uniform = drawn({"from": 1, "to": 3})
    assert 1 <= min(uniform) < 1.01
    assert 2.99 < max(uniform) <= 3
    assert statistics.mean(uniform) == pytest.approx(2, abs=0.03)
    normal = drawn({"median": 0.25, "p99": 3})
    assert min(normal) > 0
    assert statistics.median(normal) == pytest.approx(0.25, rel=0.05)
    assert statistics.quantiles(normal, n=100)[98] == pytest.approx(3, rel=0.15)
    assert set(drawn({"median": 2, "p99": 2})) == {2}
    assert drawn({"from": 1, "to": 3}) == uniform


@pytest.mark.parametrize(
    ("delay", "least"), [(0.2, 0.2), ({"from": 0.1, "to": 0.2}, 0.1), ({"p99": 0.3, "median": 0.3}, 0.3), (0, 0)]
)
def test_request_is_delayed(workspace: RemoteWorkspace, api: httpx.Client, delay: Any, least: float) -> None:
    workspace.faults.add(delay=delay)
    assert least <= took(lambda: api.get("/health").raise_for_status())


def test_delays_add_up_and_do_not_block_other_requests(
    workspace: RemoteWorkspace, api: httpx.Client, server: StandIn
) -> None:
    workspace.faults.replace([{"delay": 0.2}, {"delay": 0.2}, {"delay": 0.1, "answer": BUSY}])
    assert took(lambda: outcome(api)) >= 0.5
    workspace.faults.replace([{"delay": 3600, "path": "/hello"}])
    with pytest.raises(httpx.ReadTimeout):
        api.get("/hello", timeout=BRIEFLY)
    api.get("/health").raise_for_status()


def test_long_delay_does_not_block_other_requests(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.add(delay=1.9, path="/hello")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(api.get, "/hello")
        time.sleep(1.1)
        api.get("/health").raise_for_status()
        assert not slow.done()
        slow.result().raise_for_status()


def test_response_is_sent_in_pieces(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    body = api.post("/artifacts/filter", json={"limit": 20}, headers={"accept-encoding": "identity"}).content
    pieces = -(-len(body) // 1024)
    assert pieces > 5
    for rule, least in (({"chunk_delay": 0.02}, 0.02 * pieces), ({"throttle": len(body) * 4}, 0.25)):
        workspace.faults.replace([rule])
        for packed in ("identity", "gzip"):
            api.headers["accept-encoding"] = packed
            start = time.monotonic()
            answer = api.post("/artifacts/filter", json={"limit": 20})
            assert answer.content == body
            if packed == "identity":
                assert least <= time.monotonic() - start
    for method, path in (("GET", "/health"), ("DELETE", f"/flows/{FLOW}"), ("HEAD", "/health")):
        assert api.request(method, path).status_code in (200, 204, 405)


STATUSES = (
    400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 419, 422, 425, 429, 431, 451, 499, 500, 501, 502, 503, 504,
    511, 520, 529, 599,
)  # fmt: skip
BY_EXCEPTION = (401, 500, 503)


@pytest.mark.parametrize(
    "parts", [HEALTH, FILTER, ("GET", "/nothing", {}), ("GET", "/health", {"accept-encoding": "gzip"})]
)
def test_rule_can_return_any_error(workspace: RemoteWorkspace, api: httpx.Client, parts: Parts) -> None:
    api.headers["origin"] = "http://x.example"
    method, path, headers = parts
    for status in STATUSES:
        workspace.faults.replace([{"answer": status}])
        answer = api.request(method, path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "retry-after" not in answer.headers
        assert list(answer.json()) == ["exception_message" if status in BY_EXCEPTION else "detail"]
        assert all(isinstance(shown, str) and shown for shown in answer.json().values())


def test_errors_have_the_messages_of_the_real_server(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    real = {
        401: {"exception_message": "Unauthorized"}, 404: {"detail": "Not Found"}, 405: {"detail": "Method Not Allowed"},
        500: {"exception_message": "Internal Server Error"}, 503: {"exception_message": "Service Unavailable"},
    }  # fmt: skip
    for status, body in real.items():
        workspace.faults.replace([{"answer": status}])
        assert api.get("/health").json() == body


def test_rate_counts_requests_by_client_address(workspace: RemoteWorkspace) -> None:
    """Over all of its connections: each request here opens another. All of 127.0.0.0/8 is this machine, on Linux."""
    workspace.faults.add(rate={"requests": 3, "seconds": 600}, answer=LIMITED)
    for address in ("127.0.0.1", "127.0.0.2") if sys.platform == "linux" else ("127.0.0.1",):
        with ExitStack() as stack:
            transports = [stack.enter_context(httpx.HTTPTransport(local_address=address)) for _ in range(5)]
            clients = [stack.enter_context(httpx.Client(transport=transport)) for transport in transports]
            statuses = [client.get(f"{workspace.url}/health").status_code for client in clients]
        assert statuses == [OK] * 3 + [LIMITED] * 2


@pytest.mark.parametrize("seconds", [0, 1, 120])
def test_error_has_a_retry_after_header(workspace: RemoteWorkspace, api: httpx.Client, seconds: int) -> None:
    workspace.faults.add(answer=LIMITED, retry_after=seconds)
    assert api.get("/health").headers["retry-after"] == str(seconds)


def test_rate_limited_response_has_a_retry_after_header(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.add(rate={"requests": 1, "seconds": 600}, answer=LIMITED)
    assert outcome(api) == OK
    assert 500 < int(api.get("/health").headers["retry-after"]) <= 600


@pytest.mark.parametrize(("seconds", "retry_after"), [(3, 3), (2.5, 3), (600, 600)])
def test_retry_after_is_rounded_up(seconds: float, retry_after: int) -> None:
    rule, effect = (
        rules.Rule({"rate": {"requests": 1, "seconds": seconds}, "answer": LIMITED}, Random()),
        rules.Effect(),
    )
    for _ in range(2):
        rule.apply({"type": "http", "method": "GET", "path": "/x", "headers": []}, None, "/api", effect)
    assert effect.retry_after == retry_after


# ---------------------------------------------------------------------- connections

REQUEST = "{method} {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n"


def raw(url: str, path: str = "/health", more: str = "", method: str = "GET", seconds: float = 60) -> tuple[str, bytes]:
    """How a connection with one request ends, and all bytes that were received on it.

    It is "open" if nothing was received for some seconds.
    """
    at = httpx.URL(url)
    with socket.create_connection((at.host, at.port or 80), timeout=seconds) as connection:
        connection.sendall(REQUEST.format(method=method, path=at.path.rstrip("/") + path, more=more).encode())
        received = b""
        try:
            while data := connection.recv(65_536):
                received += data
        except ConnectionResetError:
            return "reset", received
        except TimeoutError:
            return "open", received
        return "closed", received


@pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])
def test_connection_faults(process: bool) -> None:
    with StandIn(SMALL, process=process) as server:
        assert raw(server.url, seconds=0.5)[0] == "open"  # kept alive
        for how, end in (("drop", "closed"), ("reset", "reset"), ("hang", "open"), ("cut", "closed")):
            server.faults.replace([{"connection": how}])
            for path in ("/health", "/../openapi.json", "/nothing"):
                ended, received = raw(server.url, path, seconds=0.5 if end == "open" else 60)
                assert ended == end, (how, path)
                assert (received == b"") == (how != "cut")
        server.faults.clear()
        assert raw(server.url, more="connection: close\r\n")[1].startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("more", ["", "accept-encoding: gzip\r\n"])
def test_cut_response_is_incomplete(server: StandIn, workspace: RemoteWorkspace, more: str) -> None:
    more += "connection: close\r\n"
    site = workspace.url.partition("/api")[0]
    for path in ("/openapi.json", "/docs/files/swagger-ui.css"):
        whole = raw(site, path, more)[1].partition(b"\r\n\r\n")[2]
        server.faults.replace([{"connection": "cut"}])
        ended, received = raw(site, path, more)
        server.faults.clear()
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert ended == "closed"
        assert 0 < len(body) < len(whole)
        assert whole.startswith(body) or b"chunked" in head
    workspace.faults.replace([{"connection": "cut"}])
    _, received = raw(workspace.url)
    assert re.search(rb"content-length: 4\r\n", received)
    assert received.endswith(b"\r\n\r\ntr")


def test_dropped_write_is_not_made_and_cut_write_is(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    for how in ("drop", "reset", "cut"):
        workspace.faults.replace([{"connection": how}])
        with pytest.raises(httpx.TransportError):
            api.post("/flows/", json={"name": how})
    workspace.faults.clear()
    there = api.post("/flows/filter", json={"flows": {"name": {"any_": ["drop", "reset", "cut"]}}}).json()
    assert [row["name"] for row in there] == ["cut"]


# ------------------------------------------------------------------------- corruption


@pytest.mark.parametrize("packed", ["identity", "gzip"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/health", None), ("POST", "/flows/count", None), ("GET", f"/flows/{FLOW}", None),
        ("POST", "/flows/filter", {"limit": 20}), ("POST", "/flows/filter", {"limit": 0}),
        ("GET", "/version", None),
    ],
)  # fmt: skip
def test_response_is_corrupted(
    workspace: RemoteWorkspace, api: httpx.Client, packed: str, method: str, path: str, body: Any
) -> None:
    api.headers["accept-encoding"] = packed
    whole = api.request(method, path, json=body).content
    corrupted = {}
    for how in ("truncated", "malformed", "mistyped"):
        workspace.faults.replace([{"corrupt": how}])
        answer = api.request(method, path, json=body)
        assert answer.status_code == OK
        assert answer.headers["content-type"] == "application/json"
        assert ("content-encoding" in answer.headers) == (packed == "gzip" and len(answer.content) >= 500)
        corrupted[how] = answer.content
    assert corrupted["truncated"] == whole[: len(whole) // 2]
    with pytest.raises(ValueError, match=r"Expecting|Extra|Unterminated|Invalid"):
        json.loads(corrupted["malformed"])
    assert all_other_types(json.loads(whole), json.loads(corrupted["mistyped"]))


def all_other_types(true: Any, corrupted: Any) -> bool:
    """Whether no part of a value has the type that it had."""
    if isinstance(true, list):
        parts = list(corrupted.values())
        return isinstance(corrupted, dict) and all(map(all_other_types, true, parts)) and len(parts) == len(true)
    if isinstance(true, dict):
        return true.keys() == corrupted.keys() and all(all_other_types(true[name], corrupted[name]) for name in true)
    return type(true) is not type(corrupted)


def test_empty_responses_and_errors_are_not_corrupted(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.add(corrupt="malformed")
    answers = [api.delete(f"/flows/{FLOW}"), api.delete(f"/flows/{FLOW}"), api.get("/nothing")]
    assert [answer.status_code for answer in answers] == [204, 404, 404]
    assert [answer.text for answer in answers] == ["", '{"detail":"Flow not found"}', '{"detail":"Not Found"}']


# ---------------------------------------------------------------------------- stale


def seen(api: httpx.Client, *names: str) -> tuple[list[str], int]:
    """Those of some flows that a list shows, and their count."""
    criteria = {"flows": {"name": {"any_": names}}}
    rows = api.post("/flows/filter", json={**criteria, "sort": "NAME_ASC"}).json()
    return [row["name"] for row in rows], api.post("/flows/count", json=criteria).json()


def add(api: httpx.Client, name: str) -> str:
    return str(api.post("/flows/", json={"name": name}).raise_for_status().json()["id"])


def test_reads_are_stale_and_writes_work(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    before = api.get(f"/flows/{FLOW}").json()
    workspace.faults.add(stale=3600)
    new = add(api, "one")
    assert add(api, "one") == new
    api.patch(f"/flows/{FLOW}", json={"tags": ["changed"]}).raise_for_status()
    assert seen(api, "one") == ([], 0)
    assert api.get(f"/flows/{new}").status_code == 404
    assert api.get("/flows/name/one").status_code == 404
    assert api.get(f"/flows/{FLOW}").json() == before
    api.delete(f"/flows/{FLOW}").raise_for_status()
    assert api.delete(f"/flows/{FLOW}").status_code == 404
    assert api.get(f"/flows/{FLOW}").json() == before
    workspace.faults.clear()
    assert seen(api, "one") == (["one"], 1)
    assert api.get(f"/flows/{FLOW}").status_code == 404


def test_age_of_stale_reads(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.add(stale=0.4)
    begin, names = 0.0, ["first"]

    def is_unseen() -> bool:
        nonlocal begin
        begin = time.monotonic()
        names.append(f"one of {len(names)}")
        add(api, names[-1])
        return seen(api, names[-1]) == ([], 0)

    add(api, "first")
    wait_until(lambda: seen(api, "first") == (["first"], 1), "old rows are never seen")
    wait_until(is_unseen, "new rows are always seen")
    assert seen(api, "first") == (["first"], 1)
    wait_until(lambda: seen(api, names[-1]) == ([names[-1]], 1), "a new row is never seen")
    assert time.monotonic() - begin >= 0.4
    workspace.faults.replace([{"stale": 0}])
    add(api, "third")
    assert seen(api, "third") == (["third"], 1)


def test_staleness_of_one_workspace_does_not_affect_others(
    server: StandIn, workspace: RemoteWorkspace, api: httpx.Client
) -> None:
    workspace.faults.add(stale=3600)
    with server.workspace() as other, client_of(server, other) as elsewhere:
        add(api, "here")
        add(elsewhere, "there")
        assert seen(api, "here", "there") == ([], 0)
        assert seen(elsewhere, "here", "there") == (["there"], 1)


def test_rows_kept_for_stale_reads_are_limited(bundled_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = FixtureSet(SMALL, bundled_api.catalog).rows.fork()
    history, table = History(rows), rows["flows"]
    monkeypatch.setattr("understudy.workspaces.history.ROWS", 5 * FLOWS)
    for number in range(20):
        history.note()
        history.note()  # nothing has changed
        table.insert({"id": uuid4(), "created": MOMENT, "updated": MOMENT, "name": f"{number}"})
        table.delete(min(table.live))
        assert sum(past.held for past in history._past) <= 5 * FLOWS
        assert 1 <= len(history._past) <= min(number + 1, 6)
    assert history.at(0) is rows


@pytest.fixture(scope="module")
def bundled_api() -> Api:
    return Api.load(ROOT)


# ------------------------------------------------------------------------- combined

# Rules, and the outcomes of four requests.
COMBINED: dict[str, tuple[list[Rule], list[int | None]]] = {
    "the first error counts": ([{"answer": 500, "every": 2}, {"answer": BUSY}], [BUSY, 500, BUSY, 500]),
    "an error behind a first": ([{"answer": 500, "first": 1}, {"answer": BUSY, "first": 2}], [500, BUSY, OK, OK]),
    "lost before it is answered": ([{"answer": BUSY}, {"connection": "drop", "every": 2}], [BUSY, LOST, BUSY, LOST]),
    "a cut error": ([{"answer": BUSY, "connection": "cut"}], [LOST] * 4),
    "an error, corrupted and old": ([{"answer": BUSY, "corrupt": "mistyped", "stale": 5}], [BUSY] * 4),
    "an error in pieces": ([{"answer": BUSY, "chunk_delay": 0.01}, {"throttle": 1000}], [BUSY] * 4),
    "another path": ([{"answer": BUSY, "path": "/hello"}, {"answer": 500, "first": 1}], [500, OK, OK, OK]),
    "none": ([], [OK] * 4),
}


@pytest.mark.parametrize("case", COMBINED)
def test_combined_rules(workspace: RemoteWorkspace, api: httpx.Client, case: str) -> None:
    rules, expected = COMBINED[case]
    workspace.faults.replace(rules)
    assert outcomes(api, 4) == expected


# A rule is applied even if an earlier one is, too: the second rule here counts to 2 while the first one responds.
def test_all_rules_count(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.replace([{"answer": 500}, {"answer": BUSY, "first": 2}])
    assert outcomes(api, 4) == [500] * 4
    assert counts(workspace) == [(4, 4), (4, 2)]


def test_retrying_client_succeeds(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    for rule in ({"first": 2, "answer": BUSY, "retry_after": 0}, {"first": 2, "connection": "reset"}):
        workspace.faults.replace([rule])
        assert persistent(api) == 2
        assert counts(workspace) == [(3, 2)]
        assert workspace.count(method="POST", path="/flows/filter") == 3
        workspace.clear()


def persistent(api: httpx.Client) -> int:
    """How often a client had to try again."""
    for attempt in range(5):
        try:
            answer = api.post("/flows/filter", json={})
        except httpx.TransportError:
            continue
        if answer.is_success:
            return attempt
        time.sleep(float(answer.headers["retry-after"]))
    raise AssertionError("it never came through")


# --------------------------------------------------------------------- determinism


def test_seed_repeats_the_faults(server: StandIn) -> None:
    rules: list[Rule] = [
        {"share": 0.3, "connection": "reset"},
        {"share": 0.3, "answer": BUSY},
        {"share": 0.2, "answer": 500},
    ]

    def drawn(standin: StandIn) -> list[int | None]:
        standin.faults.replace(rules)
        with client_of(standin) as api:
            return outcomes(api, 60)

    with StandIn(SMALL, process=True, seed=SEED) as another:
        found = [drawn(server), drawn(another), drawn(another)]
    assert found[0] == found[1] == found[2]
    assert {OK, BUSY, 500, LOST} <= set(found[0])


def test_faults_without_a_seed_differ() -> None:
    faults = [Faults("/api") for _ in range(2)]
    for each in faults:
        each.put(None, [{"share": 0.5, "answer": BUSY}])
    scope: Scope = {"type": "http", "method": "GET", "path": "/api/x", "headers": [], ROUTE: None}
    one, other = ([each.effect(scope) is None for _ in range(100)] for each in faults)
    assert one != other


# ------------------------------------------------------------------------- profiles


@contextmanager
def profile(server: StandIn, name: str) -> Iterator[httpx.Client]:
    server.faults.replace(rules_in(name, CONTRACT))
    with client_of(server) as api:
        yield api


def test_profiles() -> None:
    assert profiles() == ["flaky", "outage", "rate-limited", "slow"]
    help_text = CliRunner().invoke(main, ["serve", "--help"]).output
    assert all(name in help_text for name in profiles())


def test_flaky_profile(server: StandIn) -> None:
    with profile(server, "flaky") as api:
        found = outcomes(api, 400)
    assert 20 < 400 - found.count(OK) < 65  # 10 % are 39
    assert {500, BUSY, LOST} <= set(found)


def test_outage_profile_rejects_all_requests(server: StandIn) -> None:
    with profile(server, "outage") as api:
        found = outcomes(api, 100)
        assert set(found) == {BUSY, LOST}
        assert 8 <= found.count(LOST) <= 35
    (_, rule) = rules_in("outage", CONTRACT)
    assert (rule["answer"], rule["retry_after"]) == (BUSY, 5)


def test_rate_limited_profile_allows_100_requests_in_10_seconds(server: StandIn) -> None:
    with profile(server, "rate-limited") as api:
        found = [OK]
        while found[-1] == OK:
            answer = api.get("/health")
            found.append(answer.status_code)
        assert len(found) > 101
        assert found[-1] == LIMITED
        assert 1 <= int(answer.headers["retry-after"]) <= 10


def test_slow_profile_delays_by_a_quarter_of_a_second(server: StandIn) -> None:
    (rule,) = rules_in("slow", CONTRACT)
    assert {name: value for name, value in rule.items() if name != "name"} == {"delay": {"median": 0.25, "p99": 3}}
    with profile(server, "slow") as api:
        assert took(lambda: api.get("/health").raise_for_status()) > 0.02


# ---------------------------------------------------------------------- control API


@pytest.mark.parametrize("path", ["/faults", f"/faults?workspace={DEFAULT}"])
def test_put_replaces_all_rules(server: StandIn, path: str) -> None:
    with client_of(server) as api:
        for answers in ([500, 503], [503], []):
            replaced = admin(api, "PUT", path, json={"rules": [{"answer": status} for status in answers]}).json()
            assert [each["rule"]["answer"] for each in replaced["rules"]] == answers
            assert admin(api, "GET", path).json() == replaced
            assert outcome(api, ("GET", "/health", {})) == (answers[0] if answers else OK)


def test_each_workspace_has_its_own_rules(server: StandIn) -> None:
    """By HTTP, without Understudy's client."""
    one, other = new_name(), new_name()
    with client_of(server) as api:

        def rules(workspace: str | None) -> Any:
            params = {} if workspace is None else {"workspace": workspace}
            return [each["rule"] for each in admin(api, "GET", "/faults", params=params).json()["rules"]]

        admin(api, "PUT", "/faults", json={"rules": [{"answer": 500, "workspace": other}]})
        answer = admin(api, "PUT", "/faults", params={"workspace": one.upper()}, json={"rules": [{"answer": BUSY}]})
        shown = {"answer": BUSY, "workspace": one}
        assert answer.json() == {"rules": [{"rule": shown, "matched": 0, "applied": 0}]}
        assert [rules(name) for name in (one, other, None)] == [[shown], [], [{"answer": 500, "workspace": other}]]
        assert [outcome(api, ("GET", f"{at(name)}/health", {})) for name in (one, other, DEFAULT)] == [BUSY, 500, OK]
        assert admin(api, "DELETE", "/faults").status_code == 204
        assert [rules(name) for name in (one, other, None)] == [[shown], [], []]
        assert admin(api, "DELETE", "/faults", params={"workspace": one}).status_code == 204
        assert [outcome(api, ("GET", f"{at(name)}/health", {})) for name in (one, other, DEFAULT)] == [OK, OK, OK]


def test_rule_for_one_workspace_does_not_match_others(server: StandIn, workspace: RemoteWorkspace) -> None:
    workspace.faults.add(answer=BUSY, workspace=DEFAULT)
    assert [got(server, f"{url}/health").status_code for url in (workspace.url, server.url)] == [BUSY, OK]


def test_rule_is_added_after_existing_ones(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.faults.add(first=1, answer=500)
    assert outcomes(api, 2) == [500, OK]
    workspace.faults.add(answer=BUSY)
    assert [(rule["rule"]["answer"], rule["matched"]) for rule in workspace.faults] == [(500, 0), (BUSY, 0)]
    assert outcomes(api, 2) == [500, BUSY]  # the first one started again, as in docs/guides/faults.md
    workspace.faults.replace([{"answer": 404}])
    assert [rule["rule"]["answer"] for rule in workspace.faults.rules] == [404]
    workspace.faults.clear()
    assert list(workspace.faults) == []


# A rule, and its error; in a file, the reported line is that of the third rule.
WRONG: dict[str, tuple[Any, str]] = {
    "no effect": ({"first": 2}, "has no effect; it takes one of delay, chunk_delay, answer, connection"),
    "nothing": ({}, "has no effect"),
    "only nulls": ({"answer": None}, "has no effect"),
    "an unknown key": ({"answr": 503}, "Extra inputs are not permitted"),
    "no rule": (5, "valid dictionary"),
    "a success": ({"answer": 200}, "greater than or equal to 400"),
    "no status": ({"answer": 600}, "less than or equal to 599"),
    "retry_after alone": ({"delay": 1, "retry_after": 5}, "`retry_after` requires an `answer`"),
    "retry_after before now": ({"answer": 503, "retry_after": -1}, "greater than or equal to 0"),
    "a share of more than all": ({"answer": 503, "share": 1.1}, "less than or equal to 1"),
    "every none": ({"answer": 503, "every": 0}, "greater than or equal to 1"),
    "first none": ({"answer": 503, "first": 0}, "greater than or equal to 1"),
    "a rate of none": ({"answer": 503, "rate": {"requests": 0, "seconds": 1}}, "greater than or equal to 1"),
    "a rate in no time": ({"answer": 503, "rate": {"requests": 1, "seconds": 0}}, "greater than or equal to 0.001"),
    "half a rate": ({"answer": 503, "rate": {"requests": 1}}, "Field required"),
    "expired before": ({"answer": 503, "expires": -1}, "greater than or equal to 0"),
    "a delay before now": ({"delay": -1}, "greater than or equal to 0|takes seconds"),
    "a delay in words": ({"delay": "1"}, "valid number|takes seconds"),
    "a delay of years": ({"delay": 3601}, "less than or equal to 3600|takes seconds"),
    "half a span": ({"delay": {"from": 1}}, "Field required|takes seconds"),
    "two kinds of delay": ({"chunk_delay": {"from": 1, "to": 2, "p99": 3}}, "Extra inputs|takes seconds"),
    "a span that runs back": ({"delay": {"from": 2, "to": 1}}, "`to` must not be less than `from`"),
    "a tail that runs back": ({"chunk_delay": {"median": 2, "p99": 1}}, "`p99` must not be less than `median`"),
    "a connection": ({"connection": "close"}, "'drop', 'reset', 'hang' or 'cut'"),
    "a way to corrupt": ({"corrupt": True}, "'truncated', 'malformed' or 'mistyped'"),
    "a throttle of nothing": ({"throttle": 0}, "greater than or equal to 1"),
    "stale before": ({"stale": -1}, "greater than or equal to 0"),
    "stale for days": ({"stale": 100_000}, "less than or equal to 3600"),
    "headers in a list": ({"answer": 503, "headers": ["x"]}, "valid dictionary"),
    "a header that is no text": ({"answer": 503, "headers": {"x": 1}}, "valid string"),
    "no workspace": ({"answer": 503, "workspace": "mine"}, "`mine` is not the name of a workspace"),
    "true for a number": ({"throttle": True}, "valid number"),
    "true for a count": ({"answer": 503, "first": True}, "valid integer"),
    "true for a delay": ({"delay": True}, "valid number|takes seconds"),
    "true in a rate": ({"answer": 503, "rate": {"requests": True, "seconds": 1}}, "valid integer"),
    "a number in words": ({"answer": 503, "share": "1"}, "valid number"),
    "a status in words": ({"answer": "503"}, "valid integer"),
    "a count of 41 digits": ({"answer": 503, "every": 10**40}, "less than or equal to 1000000000"),
    "a wait of 41 digits": ({"answer": 503, "retry_after": 10**40}, "less than or equal to 31536000"),
    "a throttle beyond all lines": ({"throttle": 1e12}, "less than or equal to 1000000000"),
    "a long name": ({"answer": 503, "name": "x" * 201}, "at most 200 characters"),
    "a long path": ({"answer": 503, "path": "*" * 1001}, "at most 1000 characters"),
    "a long header": ({"answer": 503, "headers": {"x": "*" * 1001}}, "at most 1000 characters"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_invalid_rule_is_rejected_and_changes_nothing(server: StandIn, case: str) -> None:
    rule, words = WRONG[case]
    server.faults.replace([{"answer": BUSY, "path": "/hello"}])
    with client_of(server) as api:
        answer = admin(api, "PUT", "/faults", json={"rules": [{"answer": 500}, rule]})
        assert answer.status_code == 422
        assert re.search(words, json.dumps(answer.json(), ensure_ascii=False))
    with pytest.raises(ControlError, match=words):
        server.faults.add(**rule) if isinstance(rule, dict) else server.faults.replace([rule])
    assert [each["rule"] for each in server.faults] == [{"answer": BUSY, "path": "/hello"}]


@pytest.mark.parametrize("case", WRONG)
def test_invalid_rule_in_a_file_is_reported_with_its_line(tmp_path: Path, case: str) -> None:
    rule, words = WRONG[case]
    text = "\n - ".join(["rules:", *map(json.dumps, ({"answer": 500}, {"answer": 501}, rule))])
    assert reported_line(tmp_path, text, words) == 4


NUMBERS = (
    "share", "expires", "delay", "chunk_delay", "throttle", "stale", "rate.seconds", "delay.from", "delay.to",
    "delay.median",
)  # fmt: skip
PARTNERS = {"rate": {"requests": 1}, "delay.from": {"to": 1}, "delay.to": {"from": 1}, "delay.median": {"p99": 1}}


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan], ids=str)
@pytest.mark.parametrize("name", NUMBERS)
def test_infinite_number_is_rejected_with_its_location(
    server: StandIn, tmp_path: Path, name: str, number: float
) -> None:
    key, _, part = name.partition(".")
    value = {part: number, **PARTNERS.get(name, PARTNERS.get(key, {}))} if part else number
    rule = {"answer": 503, key: value}
    with client_of(server) as api:
        content = json.dumps({"rules": [rule]})  # as Python writes them, which is invalid JSON that many libraries read
        answer = admin(api, "PUT", "/faults", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert [error for error in answer.json()["exception_detail"] if error["loc"][:4] == ["body", "rules", 0, key]]
    spelled = {math.inf: ".inf", -math.inf: "-.inf"}.get(number, ".nan")
    others = "".join(f", {each}: 1" for each in PARTNERS.get(name, PARTNERS.get(key, {})))
    text = f"{{{part}: {spelled}{others}}}" if part else spelled
    assert reported_line(tmp_path, f"rules:\n  - answer: 503\n    {key}: {text}", rf"rules\.0\.{key}") == 3


# The text of a file, the reported line, and the error.
FILES: dict[str, tuple[str | bytes, int | None, str]] = {
    "nothing": ("", None, "is empty; it takes a list of `rules`"),
    "a comment": ("# nothing\n", None, "is empty"),
    "a word": ("rules", 1, "takes a list of `rules`"),
    "a list": ("- answer: 503", 1, "takes a list of `rules`, each with an indent below that word"),
    "no list": ("\nrules: 5", 2, "rules: Input should be a valid list"),
    "another name": ("rule: []", 1, "rules: Field required|Extra inputs"),
    "a key in a later line": ("rules:\n  - answer: 503\n    share: 2", 3, "rules.0.share: Input should be less than"),
    "a key twice": ("rules:\n  - answer: 503\n    answer: 504", 3, "has `answer` twice"),
    "a list twice": ("rules: []\nrules: []", 2, "has `rules` twice"),
    "an open bracket": ("rules: [", 1, "is not YAML"),
    "a tab": ("rules:\n\t- x", 2, "is not YAML"),
    "two documents": ("rules: []\n---\nrules: []", 2, "is not YAML"),
    "an anchor": ("rules: &a []", 1, "has an anchor or an alias"),
    "an alias": ("rules: *a", 1, "has an anchor or an alias"),
    "a tag": ("rules:\n  - answer: !!python/name:os.system x", 2, "is not YAML"),
    "a tag that does not fit": ("rules:\n  - answer: !!float x", None, "is not YAML"),
    "a list for a key": ("rules:\n  - ? [1]\n    : 2", 2, "is not YAML"),
    "depth": ("rules: " + "[" * 1000, 1, "is nested deeper than 20 levels"),
    "a status in words": ("rules:\n  - answer: '503'", 2, "rules.0.answer: Input should be a valid integer"),
    "a null byte": ("\0", None, "is not YAML"),
    "no text": (b"\xff", None, "it is not UTF-8"),
    "size": ("#" * 2**20 + "\n", None, "is larger than the limit of 1048576 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_invalid_file_is_reported_in_one_line(tmp_path: Path, case: str) -> None:
    text, line, words = FILES[case]
    assert reported_line(tmp_path, text, words) == line


def reported_line(folder: Path, text: str | bytes, words: str) -> int | None:
    """The line of a file that is reported as invalid."""
    file = folder / "rules.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FaultsError, match=words) as caught:
        rules_in(str(file), CONTRACT)
    shown = str(caught.value)
    assert shown.startswith(str(file))
    assert "\n" not in shown
    found = re.match(r", line (\d+): ", shown.removeprefix(str(file)))
    return int(found[1]) if found else None


@pytest.mark.parametrize("source", ["nothing.yaml", "flakey", ".", "/dev/zero"])
def test_unreadable_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FaultsError, match=r"cannot be read .*flaky, outage, rate-limited, slow|is larger"):
        rules_in(source, CONTRACT)


def test_serve_reports_an_invalid_file_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules:\n  - {delay: {from: 2, to: 1}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "understudy", "serve", "--faults", "rules.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: rules.yaml, line 2: rules.0")
    assert ended.stderr.count("\n") == 1


def test_file_of_rules_is_used(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        "# what goes wrong\nrules:\n  - name: busy\n    path: /health\n    answer: 503\n    retry_after: 3\n",
        encoding="utf-8",
    )
    with StandIn(SMALL, process=True, faults=file) as standin, client_of(standin) as api:
        answers = [api.get("/health"), api.get("/hello")]
        assert [answer.status_code for answer in answers] == [BUSY, OK]
        assert answers[0].headers["retry-after"] == "3"
        shown = {"name": "busy", "path": "/health", "answer": 503, "retry_after": 3}
        assert admin(api, "GET", "/faults").json() == {"rules": [{"rule": shown, "matched": 1, "applied": 1}]}


# -------------------------------------------------------------------------- command


def test_command_shows_sets_and_clears_rules(server: StandIn, workspace: RemoteWorkspace, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules:\n  - {name: busy, answer: 503, first: 2}\n  - {delay: 0}\n", encoding="utf-8")

    def shown(*arguments: str, url: str = workspace.url) -> str:
        result = CliRunner().invoke(main, ["admin", "faults", "--url", url, *arguments], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    assert shown() == "no rules\n"
    busy, delay = "busy (first: 2, answer: 503)", "a rule (delay: 0.0)"
    first, second = shown("--set", str(file)).splitlines()
    assert (first, second) == (f"{busy}: 0 of 0 requests", f"{delay}: 0 of 0 requests")
    with client_of(server, workspace) as api:
        assert outcomes(api, 3) == [BUSY, BUSY, OK]
    assert shown() == f"{busy}: 2 of 3 requests\n{delay}: 3 of 3 requests\n"
    assert json.loads(shown("--json")) == workspace.faults.rules
    assert shown(url=server.url) == "no rules\n"
    assert shown("--clear") == "no rules\n"
    assert "rate limit (rate: " in shown("--set", "rate-limited", url=server.url)
    assert [rule["rule"]["name"] for rule in server.faults] == ["rate limit"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--set", "x", "--clear"], "exclude each other"), (["--set", "nothing.yaml"], "nothing.yaml: cannot be read")],
)
def test_command_rejects_invalid_options(server: StandIn, arguments: list[str], words: str) -> None:
    server.faults.add(delay=0)
    result = CliRunner().invoke(main, ["admin", "faults", "--url", server.url, *arguments])
    assert result.exit_code != 0
    assert words in result.output + str(result.exception)
    assert len(server.faults.rules) == 1


# -------------------------------------------------------------------------- journal


def test_journal_has_the_response_that_was_sent(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.clear()
    rules: list[tuple[Rule, int | None, Any]] = [
        ({"answer": BUSY}, BUSY, {"exception_message": "Service Unavailable"}),
        ({"connection": "drop"}, None, None),
        ({"connection": "reset"}, None, None),
        ({"connection": "hang"}, None, None),
        ({"connection": "cut"}, OK, '"0.'),
        ({"corrupt": "malformed"}, OK, '"0.8.4,}{'),
        ({"corrupt": "mistyped"}, OK, 5),
        ({"delay": 0}, OK, "0.8.4"),
        ({"chunk_delay": 0.01}, OK, "0.8.4"),
    ]
    for rule, _, _ in rules:
        workspace.faults.replace([rule])
        outcome(api, ("GET", "/version", {}), timeout=BRIEFLY)
    recorded = [(request["status"], request["answer"]) for request in workspace.requests]
    assert recorded == [(status, body) for _, status, body in rules]
    assert workspace.find(status=BUSY).requests[0]["operation"] == "service.read_api_version"
    assert all((request["seconds"] is None) == (request["status"] is None) for request in workspace.requests)
    marks = [f"{name} {value}" for rule, _, _ in rules for name, value in rule.items()]
    assert [request["faults"] for request in workspace.requests] == [[mark] for mark in marks]


def test_journal_marks_applied_faults(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.clear()
    workspace.faults.replace([{"name": "outage", "answer": BUSY, "first": 1}, {"delay": 0.01, "first": 1}])
    for _ in range(2):
        outcome(api, ("GET", "/version", {}))
    assert [request["faults"] for request in workspace.requests] == [["outage", "delay 0.01"], []]
    lines = [line_of(request) for request in workspace.requests]
    assert re.fullmatch(r"GET \S+ -> 503 in [\d.]+ ms \(fault: outage; delay 0.01\): .*", lines[0])
    assert "fault" not in lines[1]
    workspace.faults.replace([{"connection": "drop"}])
    outcome(api, ("GET", "/version", {}))
    assert line_of(workspace.recent(1)[0]).endswith(" -> no response (fault: connection drop)")


@pytest.mark.parametrize("rule", [{"throttle": 500}, {"chunk_delay": 2}])
def test_rest_of_a_response_is_discarded_after_a_disconnect(
    workspace: RemoteWorkspace, api: httpx.Client, rule: Rule
) -> None:
    """The whole response would take over a minute."""
    workspace.faults.replace([rule])
    workspace.clear()
    with api.stream("POST", "/artifacts/filter", headers={"accept-encoding": "identity"}, json={}) as answer:
        next(answer.iter_raw())
        assert [request["is_over"] for request in workspace.requests] == [False]
    wait_until(lambda: workspace.requests[0]["is_over"], "the rest of the answer is still sent")


@pytest.mark.parametrize("rule", [{"chunk_delay": 3600}, {"delay": 3600}])
def test_delay_ends_after_a_disconnect(rule: Rule) -> None:
    with StandIn(SMALL, process=True, client_timeout=0.5) as server:
        server.faults.replace([rule])
        at = httpx.URL(server.url)
        with socket.create_connection((at.host, at.port or 80)) as connection:
            connection.sendall(REQUEST.format(method="GET", path=f"{at.path}/hello", more="").encode())
            wait_until(lambda: len(server.requests) == 1, "the request does not come in")
        wait_until(lambda: server.requests[0]["is_over"], "the request is still in progress")


def test_journal_keeps_the_request_of_a_dropped_write(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    workspace.clear()
    for rule in ({"connection": "drop"}, {"answer": BUSY}):
        workspace.faults.replace([rule])
        outcome(api, ("POST", "/flows/", {}), json={"name": "x"})
    assert [request["body"] for request in workspace.requests] == [{"name": "x"}] * 2


# ------------------------------------------------------------------- what is left


def test_finished_rules_are_removed() -> None:
    """Requests then cost what they cost before."""
    faults = Faults("/api")
    scope: Scope = {"type": "http", "method": "GET", "path": "/api/health", "headers": [], ROUTE: None}
    faults.put(None, [{"answer": BUSY}])
    assert faults.rules
    faults.clear()
    assert not faults.rules
    faults.put("x", [])
    assert not faults.rules
    faults.put(None, [{"answer": BUSY, "expires": 0}])
    assert faults.effect(scope) is None
    assert not faults.rules
    faults.put(None, [{"answer": BUSY, "expires": 0}])
    assert faults.of(None) == []  # also before the next request


def test_rules_of_a_dropped_workspace_are_removed(server: StandIn) -> None:
    with server.workspace() as workspace:
        workspace.faults.add(answer=BUSY, path="/flows/*")
        assert got(server, f"{workspace.url}/health").status_code == OK
        client_of(server).post(f"{workspace.url}/artifacts/count").raise_for_status()
    assert workspace.faults.rules == []


def open_files(server: StandIn) -> int:
    """How many files and connections the process of a server has open."""
    process = server._server
    return len(list(Path(f"/proc/{process._process.pid}/fd").iterdir()))  # type: ignore[union-attr]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("how", ["drop", "reset", "hang", "cut"])
def test_no_connection_leaks(server: StandIn, workspace: RemoteWorkspace, how: str) -> None:
    before = open_files(server)
    workspace.faults.add(connection=how)
    url = httpx.URL(workspace.url)
    with ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(closing(socket.create_connection((url.host, url.port or 80))))
            connection.sendall(REQUEST.format(method="GET", path=f"{url.path}/health", more="").encode())
        wait_until(
            lambda: open_files(server) >= before + 200 if how == "hang" else open_files(server) <= before + 2,
            "the connections are not as they should be",
        )
    wait_until(lambda: open_files(server) <= before + 2, "connections of clients that have gone are kept")
    workspace.faults.clear()
    with client_of(server, workspace) as api:
        assert outcome(api) == OK


@contextmanager
def silent_server(tmp_path: Path) -> Iterator[str]:
    """The URL of a server that stops with the block, quickly in any state, without an error."""
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--quiet", "--fixtures", str(SMALL)]
    with ExitStack() as stack, (tmp_path / "stderr").open("w+") as errors:
        process = stack.enter_context(
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        )
        stack.callback(process.kill)
        assert process.stdout is not None
        yield greeting(process.stdout)[-1].partition("=")[2].strip()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        errors.seek(0)
        lines = [line for line in errors if not line.startswith("warning: ")]
    assert [line.split("running")[0] for line in lines] in ([], ["ERROR:    Cancel 5 "])


def test_reset_of_a_disconnected_client_is_skipped(tmp_path: Path) -> None:
    """Its connection has no socket any more: that was a traceback."""
    with silent_server(tmp_path) as url:
        faults, at = RemoteWorkspace(url).faults, httpx.URL(url)
        for how in ("reset", "drop", "cut"):
            faults.replace([{"connection": how, "delay": 0.3, "throttle": 1000, "path": "/health"}])
            for _ in range(3):
                with socket.create_connection((at.host, at.port or 80)) as client:
                    client.sendall(b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            raw(url)  # is lost as well, and later than those above
        faults.clear()


def test_server_stops_without_output_during_faults(tmp_path: Path) -> None:
    with ExitStack() as stack, silent_server(tmp_path) as url:
        workspace = RemoteWorkspace(url)
        for how in ("drop", "reset", "cut"):
            workspace.faults.replace([{"connection": how}])
            raw(url)
            raw(url, "/../docs/files/swagger-ui-bundle.js")
        workspace.faults.replace(
            [
                {"path": "/health", "connection": "hang"},
                {"path": "/hello", "delay": 3600},
                {"path": "/version", "chunk_delay": 3600},
                {"path": "/ready", "throttle": 1},
            ]
        )
        for path in ("/health", "/hello", "/version", "/ready", "/admin/version"):
            at = httpx.URL(url)
            connection = stack.enter_context(closing(socket.create_connection((at.host, at.port or 80))))
            more = "prefer: delay=60\r\n" if path == "/admin/version" else ""
            connection.sendall(REQUEST.format(method="GET", path=at.path + path, more=more).encode())
        wait_until(
            lambda: sum(not request["is_over"] for request in workspace.requests) == 5,
            "five requests are not in progress",
        )


def test_size_of_all_rules_is_limited(server: StandIn) -> None:
    """Also if they belong to many workspaces. Replaced rules do not count."""
    rules = [{"answer": BUSY, "path": f"/{n}", "headers": dict.fromkeys(map(str, range(50)), "*")} for n in range(400)]
    workspaces = [server.workspace() for _ in range(10)]

    def fill() -> None:
        for workspace in workspaces:
            for _ in range(2):
                workspace.faults.replace(rules)

    with pytest.raises(ControlError, match=r"The fault rules exceed the limit of 32 MiB\. No rule was changed"):
        fill()
    kept = [len(workspace.faults.rules) for workspace in workspaces]
    assert kept == sorted(kept, reverse=True)
    assert set(kept) == {400, 0}
    for workspace in workspaces:
        workspace.faults.clear()
    workspaces[0].faults.replace(rules)
    workspaces[0].faults.clear()


def test_memory_of_rates_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.faults.faults.TIMES", 2**18)
    faults = Faults("/api")
    faults.put(None, [{"answer": BUSY, "rate": {"requests": 100_000, "seconds": 600}}] * 3)

    def ask(client: int) -> Effect | None:
        scope: Scope = {"type": "http", "method": "GET", "path": "/api/x", "headers": [], ROUTE: None}
        return faults.effect({**scope, "client": (f"192.0.2.{client}", 1)})

    tracemalloc.start()
    try:
        for number in range(20_000):
            assert ask(number % 200) is None
        assert tracemalloc.get_traced_memory()[0] < 2**20  # they took three times as much
    finally:
        tracemalloc.stop()


# ----------------------------------------------------------------------- documents

GUIDE = ROOT / "docs" / "guides" / "faults.md"


def test_table_of_keys_matches_the_contract() -> None:
    keys = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["components"]["schemas"]["Rule"]["properties"]
    listed = re.findall(r"^\| `([a-z_]+)` \| ", section("Rules"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(keys)
    assert set(EFFECTS) < set(keys)


def test_table_of_profiles_is_complete() -> None:
    assert re.findall(r"^\| `([a-z-]+)` +\|[^|]+\|$", section("Profiles"), flags=re.MULTILINE) == profiles()


def section(heading: str) -> str:
    text = GUIDE.read_text(encoding="utf-8")
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_rules_of_the_guide_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        (tmp_path / "rules.yaml").write_text(block, encoding="utf-8")
        assert rules_in(str(tmp_path / "rules.yaml"), CONTRACT)
        with opened(Options(fixtures=str(SMALL), faults=str(tmp_path / "rules.yaml"))) as site:
            create_app(site)
            assert list(site.faults)


def test_delay_of_each_piece_depends_on_the_seed() -> None:
    def drawn(seed: int) -> list[float]:
        effect = rules.Effect()
        scope = {"type": "http", "method": "GET", "path": "/api/hello", "headers": []}
        rules.Rule({"chunk_delay": {"from": 0, "to": 1}}, Random(seed)).apply(scope, None, "/api", effect)
        assert effect.chunk_delay is not None
        return [effect.chunk_delay() for _ in range(5)]

    assert drawn(1) == drawn(1) != drawn(2)
