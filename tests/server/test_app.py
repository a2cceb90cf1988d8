"""Every layer handles the requests of all kinds of clients, with any headers."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import SMALL
from tests.wire import Request, exchange
from tests.workspaces.urls import at, new_name
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace

Headers = dict[str, str]
Answer = tuple[int, Headers, Any]

CLIENTS: dict[str, Headers] = {
    "wrk": {},
    "curl": {"user-agent": "curl/8.5.0", "accept": "*/*"},
    "a proxy": {"accept-encoding": "identity", "via": "1.1 proxy", "x-forwarded-for": "10.1.2.3"},
    "httpx": {"accept": "*/*", "accept-encoding": "gzip, deflate", "connection": "keep-alive"},
    "the SDK": {
        "accept": "*/*", "accept-encoding": "gzip, deflate, br", "connection": "keep-alive",
        "user-agent": "prefect/3.9.1 (API 0.8.4)", "x-prefect-api-version": "0.8.4",
    },
    "a page": {"accept-encoding": "gzip, deflate, br", "origin": "http://page.example", "user-agent": "Mozilla/5.0"},
}  # fmt: skip
FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
SECRET, KEY = "somebody:pass-w0rd", "pnu_k3y"
KNOWN: dict[str, Headers] = {
    "password": {"authorization": f"Basic {base64.b64encode(SECRET.encode()).decode()}"},
    "key": {"authorization": f"Bearer {KEY}"},
}
JSON = {"content-type": "application/json"}
ASKED = (
    ("GET", "/hello", None), ("GET", f"/flows/{FLOW}", None), ("POST", "/flows/filter", b"{}"),
    ("POST", "/flows/count", b"{}"), ("GET", "/nothing", None),
)  # fmt: skip
PASSING = ("date", "vary", "content-length", "content-encoding", "access-control-allow-origin")

of_every_client = pytest.mark.parametrize("sent", CLIENTS.values(), ids=list(CLIENTS))


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(SMALL, max_body=1000, max_depth=10) as server:
        yield server


@pytest.fixture(scope="module")
def locked() -> Iterator[StandIn]:
    with StandIn(SMALL, auth=SECRET, api_key=KEY) as server:
        yield server


@pytest.fixture
def workspace(server: StandIn) -> Iterator[RemoteWorkspace]:
    with server.workspace() as workspace:
        yield workspace
        workspace.faults.clear()


def send(url: str, sent: Headers, method: str, path: str, body: bytes | None = None, **more: str) -> Answer:
    """The response to a request with only these headers."""
    site, _, base = url.partition("/api")
    headers = {**sent, **(JSON if body is not None else {}), **{name.replace("_", "-"): more[name] for name in more}}
    # Short responses are not compressed, and the others are compared by their status.
    status, received, content = exchange(site, Request(method, f"/api{base}{path}", body, headers))
    return status, received, None if "content-encoding" in received or not content else json.loads(content)


def settled(answer: Answer) -> Answer:
    """A response without the headers that differ by client, or by time."""
    status, headers, body = answer
    return status, {name: value for name, value in headers.items() if name not in PASSING}, body


@of_every_client
def test_request_without_credentials_is_rejected(locked: StandIn, sent: Headers) -> None:
    for method, path, body in ASKED:
        for base in ("", at(new_name())):
            for credentials in ({}, {"authorization": "Bearer wrong"}):
                status, _, answer = send(locked.url, {**sent, **credentials}, method, f"{base}{path}", body)
                assert (status, answer) == (401, {"exception_message": "Unauthorized"}), (method, path)


@of_every_client
@pytest.mark.parametrize("known", KNOWN.values(), ids=list(KNOWN))
def test_request_with_credentials_is_accepted(locked: StandIn, sent: Headers, known: Headers) -> None:
    statuses = [send(locked.url, {**sent, **known}, *request)[0] for request in ASKED]
    assert statuses == [200, 200, 200, 200, 404]


@of_every_client
def test_write_needs_its_token(sent: Headers) -> None:
    with StandIn(SMALL, csrf=True) as server:
        status, _, token = send(server.url, sent, "GET", "/csrf-token?client=me")
        assert status == 200
        refused = send(server.url, sent, "POST", "/flows/count", b"{}")
        assert (refused[0], refused[2]) == (403, {"detail": "Missing CSRF token."})
        credentials = {**sent, "prefect-csrf-token": token["token"], "prefect-csrf-client": "me"}
        assert send(server.url, credentials, "POST", "/flows/count", b"{}")[0] == 200


@of_every_client
def test_journal_has_every_request(workspace: RemoteWorkspace, sent: Headers) -> None:
    statuses = [send(workspace.url, sent, *request)[0] for request in ASKED]
    noted = workspace.requests
    assert [(each["method"], each["path"], each["status"]) for each in noted] == [
        (method, f"/api{path}", status) for (method, path, _), status in zip(ASKED, statuses, strict=True)
    ]
    assert [each["body"] for each in noted] == [None, None, {}, {}, None]
    assert all(sent.keys() <= each["headers"].keys() for each in noted)


@of_every_client
def test_fault_is_applied(workspace: RemoteWorkspace, sent: Headers) -> None:
    workspace.faults.add(answer=503, retry_after=7, path="/flows/*")
    answers = [send(workspace.url, sent, *request) for request in ASKED]
    assert [status for status, _, _ in answers] == [200, 503, 503, 503, 404]
    assert [headers.get("retry-after") for _, headers, _ in answers] == [None, "7", "7", "7", None]
    ((rule),) = workspace.faults
    assert (rule["matched"], rule["applied"]) == (3, 3)


@of_every_client
def test_request_can_prefer_a_response(workspace: RemoteWorkspace, sent: Headers) -> None:
    assert [send(workspace.url, sent, *request, prefer="code=503")[0] for request in ASKED] == [503] * len(ASKED)


@of_every_client
def test_limits_are_enforced(server: StandIn, sent: Headers) -> None:
    long, deep = b"{" + b" " * 1000 + b"}", b'{"flows":' * 11 + b"{}" + b"}" * 11
    assert [send(server.url, sent, "POST", "/flows/filter", body)[0] for body in (long, deep)] == [413, 400]


REFUSED: dict[str, tuple[int, str, str, bytes | None, Headers]] = {
    "a wrong value": (422, "POST", "/flows/filter", b'{"limit": "x"}', {}),
    "no JSON": (422, "POST", "/flows/filter", b"{bad", {}),
    "no such row": (404, "GET", "/flows/00000000-0000-4000-8000-000000000000", None, {}),
    "no such operation": (404, "GET", "/nothing", None, {}),
    "another method": (405, "PUT", "/flows/filter", b"{}", {}),
    "an old version": (400, "POST", "/flows/filter", b"{}", {"x-prefect-api-version": "0.1.0"}),
    "no version": (400, "GET", f"/flows/{FLOW}", None, {"x-prefect-api-version": "x"}),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=list(REFUSED))
def test_every_client_gets_the_same_errors(
    server: StandIn, refused: tuple[int, str, str, bytes | None, Headers]
) -> None:
    status, method, path, body, more = refused
    answers = [settled(send(server.url, {**sent, **more}, method, path, body)) for sent in CLIENTS.values()]
    assert answers[0][0] == status
    assert all(answer == answers[0] for answer in answers)


@of_every_client
def test_url_selects_its_workspace(server: StandIn, workspace: RemoteWorkspace, sent: Headers) -> None:
    assert send(workspace.url, sent, "POST", "/flows/", b'{"name": "of one workspace"}')[0] == 201
    assert send(workspace.url, sent, "GET", "/flows/name/of%20one%20workspace")[0] == 200
    assert send(server.url, sent, "GET", "/flows/name/of%20one%20workspace")[0] == 404
