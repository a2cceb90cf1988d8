"""The `Prefer` header: responses that a client selects; other preferences are ignored."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.conftest import SMALL
from tests.workspaces.urls import at, new_name
from understudy import StandIn
from understudy.errors import BadRequest
from understudy.http.prefer import Preferences, examples_of, preferences_in
from understudy.operations.api_folder import Api, own_folder

FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(SMALL, process=True) as server:
        yield server


@pytest.fixture(scope="module")
def api(server: StandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


# The preference, the request, and the response.
PREFERRED: dict[str, tuple[str, str, str, int, Any]] = {
    "an error": ("code=503", "GET", "/health", 503, {"exception_message": "Service Unavailable"}),
    "an error of no operation": ("code=502", "GET", "/nothing", 502, {"detail": "Bad Gateway"}),
    "an error without a name": ("code=599", "GET", "/health", 599, {"detail": "Error"}),
    "an error of the contract": ("code=404", "GET", f"/flows/{FLOW}", 404, {"detail": "Flow not found"}),
    "one of its examples": ("code=404, example=not_a_uuid", "GET", f"/flows/{FLOW}", 404, {"detail": "Not Found"}),
    "an example alone": ("example=not_a_uuid", "GET", f"/flows/{FLOW}", 404, {"detail": "Not Found"}),
    "a success": ("code=200", "GET", "/version", 200, "0.8.4"),
    "a count": ("code=200", "POST", "/flows/count", 200, 7),
    "no content": ("code=204", "DELETE", f"/flows/{NOBODY}", 204, None),
    "no content by name": ("example=empty", "DELETE", f"/flows/{NOBODY}", 204, None),
    "in quotes": ('code="404"', "GET", f"/flows/{FLOW}", 404, {"detail": "Flow not found"}),
    "with room": ("code = 404 ; example = not_a_uuid", "GET", f"/flows/{FLOW}", 404, {"detail": "Not Found"}),
    "in capitals": ("Code=404", "GET", f"/flows/{FLOW}", 404, {"detail": "Flow not found"}),
    "among others": ("respond-async, code=404, wait=10", "GET", f"/flows/{FLOW}", 404, {"detail": "Flow not found"}),
    "twice": ("code=404, code=500", "GET", f"/flows/{FLOW}", 404, {"detail": "Flow not found"}),
}


@pytest.mark.parametrize("packed", ["identity", "gzip"])
@pytest.mark.parametrize("case", PREFERRED)
def test_preferred_response_is_returned(api: httpx.Client, case: str, packed: str) -> None:
    prefer, method, path, status, body = PREFERRED[case]
    headers = {"prefer": prefer, "accept-encoding": packed, "origin": "http://x.example"}
    for name in ("default", new_name()):
        answer = api.request(method, at(name) + path, headers=headers)
        assert (answer.status_code, answer.json() if answer.content else None) == (status, body)
        assert answer.headers["access-control-allow-origin"] == "*"


def test_headers_are_read_together(api: httpx.Client) -> None:
    answer = api.get("/health", headers=[("prefer", "code=503"), ("prefer", "wait=5")])
    assert answer.status_code == 503


IGNORED = (
    "", ",", "return=minimal", "respond-async", "wait=10", "handling=lenient", "x-code=404", "code-x=404", "recode=404",
    "dynamic=true", 'note="a, code=404"', "code/404", "delays=5", "status=404", ";;", "=404", "\u00e9=1",
)  # fmt: skip


@pytest.mark.parametrize("prefer", IGNORED)
def test_other_preferences_are_ignored(api: httpx.Client, prefer: str) -> None:
    for method, path in (("GET", f"/flows/{FLOW}"), ("POST", "/flows/filter"), ("GET", "/nothing"), ("PUT", "/health")):
        plain = api.request(method, path)
        answer = api.request(method, path, headers=httpx.Headers({"prefer": prefer}, encoding="latin-1"))
        assert (answer.status_code, answer.content) == (plain.status_code, plain.content)
        differing = set(plain.headers.items()) ^ set(answer.headers.items())
        assert {name for name, _ in differing} <= {"date"}


@pytest.mark.parametrize(
    ("prefer", "words"),
    [
        ("code=abc", "takes code=STATUS"), ("code=", "takes code=STATUS"), ("code", "takes code=STATUS"),
        ("code=4 04", "takes code=STATUS"), ("code=199", "from 200 to 599"), ("code=600", "from 200 to 599"),
        ("code=-404", "from 200 to 599"), ("delay=x", "delay=SECONDS"), ("delay=-1", "at most 60"),
        ("delay=61", "at most 60"), ("delay=nan", "at most 60"), ("delay=inf", "at most 60"),
        ("code=999999999999", "from 200 to 599"), ("example=nothing", "it has example (200), example (405)"),
        ("code=201", "no such example"), ("code=404, example=x", "no such example"), ("example=", "no such example"),
    ],
)  # fmt: skip
def test_invalid_preference_is_rejected(api: httpx.Client, prefer: str, words: str) -> None:
    answer = api.get("/health", headers={"prefer": prefer})
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_path_without_an_operation_has_no_examples(api: httpx.Client) -> None:
    answer = api.get("/nothing", headers={"prefer": "code=200"})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("it has none.")


def test_preferred_delay(api: httpx.Client) -> None:
    for prefer, status in (("delay=0.3", 200), ("delay=0.3, code=503", 503)):
        start = time.monotonic()
        assert api.get("/health", headers={"prefer": prefer}).status_code == status
        assert time.monotonic() - start >= 0.3


def test_preferred_response_has_no_side_effects(server: StandIn) -> None:
    with server.workspace() as workspace, httpx.Client(base_url=workspace.url) as api:
        assert api.delete(f"/flows/{FLOW}", headers={"prefer": "code=204"}).status_code == 204
        assert api.post("/flows/", json={"name": "x"}, headers={"prefer": "code=201"}).status_code == 201
        assert api.get(f"/flows/{FLOW}").status_code == 200
        assert api.get("/flows/name/x").status_code == 404
        recorded = [(request["status"], request["headers"].get("prefer")) for request in reversed(workspace.requests)]
        assert recorded == [(404, None), (200, None), (201, "code=201"), (204, "code=204")]


def test_every_example_of_the_contract_can_be_selected(api: httpx.Client) -> None:
    ours = Api.load(own_folder())
    count = 0
    for operation in ours.operations.values():
        path = re.sub(r"\{\w*id\}", FLOW, operation.path)
        path = re.sub(r"\{\w+\}", "x", path)
        for (status, name), value in examples_of(operation).items():
            headers = {"prefer": f'code={status}, example="{name}"'}
            answer = api.request(operation.method, path, headers=headers)
            assert answer.status_code == status, (operation.id, name)
            assert (answer.json() if answer.content else None) == value
            count += 1
    assert count > 60


@pytest.mark.parametrize(
    ("header", "preferences"),
    [
        ("", Preferences()),
        ("code=404", Preferences(404)),
        ("example=a, delay=1.5", Preferences(None, "a", 1.5)),
        ('example="a b"', Preferences(None, "a b")),
        ('x="y;code=404"; code=500', Preferences(500)),
    ],
)
def test_header_is_parsed(header: str, preferences: Preferences) -> None:
    assert preferences_in(header) == preferences


@pytest.mark.parametrize("part", [" ", ",", ";", '"', "a", "=", ',a="', ", a", "code= "])
def test_long_header_is_parsed_quickly(part: str) -> None:
    for header in (part * 20_000, f'code={part * 20_000}"', f"code={part * 20_000},x"):
        start = time.process_time()
        with suppress(BadRequest):
            preferences_in(header)
        assert time.process_time() - start < 1  # a backtracking pattern would take minutes
