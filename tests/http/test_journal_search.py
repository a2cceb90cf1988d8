"""Searches of the journal: which requests match, and how differences are described."""

from typing import Any

import pytest

from tests.http.exchanges import answered
from understudy.http.journal import Exchange
from understudy.http.journal_search import Search
from understudy.workspaces.workspace_names import WORKSPACE

BODY = b'{"flows": {"name": {"any_": ["a", "b"]}}, "limit": 5, "sort": null, "on": true}'
ASKED = {"method": "POST", "path": "/api/flows/filter", "query_string": b"", "headers": [], WORKSPACE: "a/b"}

ALIKE: dict[str, dict[str, Any]] = {
    "nothing is asked": {},
    "the operation": {"operation": "flows.read_flows"},
    "the method": {"method": "POST"},
    "the method in small letters": {"method": "post"},
    "the path": {"path": "/api/flows/filter"},
    "the path without the API's": {"path": "/flows/filter"},
    "the status": {"status": 200},
    "the workspace": {"workspace": "a/b"},
    "the whole body": {
        "body": {"flows": {"name": {"any_": ["a", "b"]}}, "limit": 5, "sort": None, "on": True},
    },
    "a part of the body": {"body": {"limit": 5}},
    "a part deep within": {"body": {"flows": {"name": {}}}},
    "a name that is null": {"body": {"sort": None}},
    "all at once": {"operation": "flows.read_flows", "method": "POST", "status": 200, "body": {"on": True}},
}

UNLIKE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the operation": (
        {"operation": "flows.count_flows"},
        ['operation: wanted "flows.count_flows", found "flows.read_flows"'],
    ),
    "the method": ({"method": "get"}, ['method: wanted "GET", found "POST"']),
    "the path": ({"path": "/flows"}, ['path: wanted "/api/flows", found "/api/flows/filter"']),
    "the status": ({"status": 422}, ["status: wanted 422, found 200"]),
    "the workspace": ({"workspace": "default"}, ['workspace: wanted "default", found "a/b"']),
    "a value": ({"body": {"limit": 6}}, ["body.limit: wanted 6, found 5"]),
    "a value deep within": (
        {"body": {"flows": {"name": {"any_": ["a", "c"]}}}},
        ['body.flows.name.any_[1]: wanted "c", found "b"'],
    ),
    "a list that is shorter": (
        {"body": {"flows": {"name": {"any_": ["a"]}}}},
        ['body.flows.name.any_: wanted ["a"], found ["a", "b"]'],
    ),
    "a name that is not there": ({"body": {"offset": 0}}, ["body.offset: wanted 0, found nothing"]),
    "null, but not there": ({"body": {"offset": None}}, ["body.offset: wanted null, found nothing"]),
    "a text for a number": ({"body": {"limit": "5"}}, ['body.limit: wanted "5", found 5']),
    "a number for a truth": ({"body": {"on": 1}}, ["body.on: wanted 1, found true"]),
    "a list for an object": ({"body": {"flows": []}}, ['body.flows: wanted [], found {"name": {"any_": ["a", "b"]}}']),
    "another kind of body": ({"body": "x"}, [f'body: wanted "x", found {BODY.decode()}']),
    "two things": (
        {"method": "PUT", "body": {"limit": 6, "on": True}},
        ['method: wanted "PUT", found "POST"', "body.limit: wanted 6, found 5"],
    ),
}


def exchange(body: bytes = BODY) -> Exchange:
    made = Exchange(1, ASKED)
    made.record_body(body)
    return answered(made, 200, b"[]")


@pytest.mark.parametrize("name", ALIKE)
def test_matching_requests_are_found(name: str) -> None:
    assert Search(**ALIKE[name]).differences(exchange(), "flows.read_flows", "/api") == []


@pytest.mark.parametrize("name", UNLIKE)
def test_difference_is_reported_with_its_place(name: str) -> None:
    wanted, lines = UNLIKE[name]
    assert Search(**wanted).differences(exchange(), "flows.read_flows", "/api") == lines


@pytest.mark.parametrize(
    ("body", "wanted", "lines"),
    [
        (b"", {"limit": 5}, ['body: wanted {"limit": 5}, found null']),
        (b"{bad", {"limit": 5}, ['body: wanted {"limit": 5}, found "{bad"']),
        (b"{bad", "{bad", []),
        (b"[1, {}]", [1, {}], []),
        (b"[1, {}]", [1, {"a": 1}], ["body[1].a: wanted 1, found nothing"]),
        (b"5", 5, []),
        (b"false", False, []),
        (b"0", False, ["body: wanted false, found 0"]),
    ],
)
def test_body_can_be_any_value(body: bytes, wanted: object, lines: list[str]) -> None:
    assert Search(body=wanted).differences(exchange(body), None, "/api") == lines


def test_api_can_be_at_the_root() -> None:
    assert Search(path="/api/flows/filter").differences(exchange(), None, "") == []
    assert Search(path="/flows/filter").differences(exchange(), None, "") != []


def test_request_without_an_operation_or_response_does_not_match() -> None:
    waiting = Exchange(1, ASKED)
    assert Search(operation="a.b", status=200).differences(waiting, None, "/api") == [
        'operation: wanted "a.b", found null',
        "status: wanted 200, found null",
    ]
