"""Sending and reading: the body of a response as JSON or as text, whether JSON is the same, and cookies."""

import httpx
import pytest

from understudy.sampling.answers import Answer, joined, same
from understudy.sampling.http_client import Client
from understudy.sampling.json_difference import difference
from understudy.sampling.sending import body_of

BRACKETS = "[" * 100_000


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b'{"a": [1, 1.0, true, null]}', {"a": [1, 1.0, True, None]}),
        (b"1.0", 1.0),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b'"\\ud800"', "\ud800"),
        ("\ufeff1".encode(), 1),
        ('"é"'.encode("utf-16"), "é"),
        (b"{bad", "{bad"),
        (b"", ""),
        (BRACKETS.encode(), BRACKETS),
        (b"[" * 400 + b"]" * 400, "[" * 400 + "]" * 400),
        ((BRACKETS + "]" * 100_000).encode(), BRACKETS + "]" * 100_000),
    ],
)
def test_body_is_its_json_value_or_else_its_text(content: bytes, body: object) -> None:
    found = body_of(httpx.Response(200, content=content))
    assert repr(found) == repr(body)


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ({"a": 1, "b": [None]}, {"b": [None], "a": 1}, True),
        ({"a": 1}, {"a": 1.0}, False),
        ([{"a": 1}], [{"a": True}], False),
        ({"a": 0.0, "b": 1}, {"b": 1, "a": -0.0}, False),
        ({"a": 1}, {"a": 2}, False),
    ],
)
def test_json_equality_depends_on_types_but_not_on_field_order(left: object, right: object, is_same: bool) -> None:
    assert same(left, right) is is_same
    assert same(left, left)


def test_cookies_are_kept() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        return httpx.Response(200, headers={"set-cookie": "a=b"} if path == "/set" else {}, text=path)

    with Client(transport=httpx.MockTransport(answer), base_url="http://server") as client:
        for path in ("/set", "/other"):
            client.get(path)
        assert dict(client.cookies) == {"a": "b"}
        assert client.get("/").request.headers["cookie"] == "a=b"


def test_responses_of_several_clients_are_one_list_with_successes_first() -> None:
    answers = [Answer(409, {"detail": "taken"}), Answer(201, {"id": 1}), Answer(200, {"id": 1})]
    expected = [
        {"status": 200, "body": {"id": 1}},
        {"status": 200, "body": {"id": 1}},
        {"status": 409, "body": {"detail": "taken"}},
    ]
    assert joined(answers) == joined(reversed(answers)) == Answer(200, expected)


def test_texts_that_look_the_same_are_shown_with_escapes() -> None:
    assert difference({"name": "e\u0301"}, {"name": "\u00e9"}) == (r"name: 'e\u0301'", r"name: '\xe9'")
    assert difference({"name": "\u00e9"}, {"name": "e"}) == ("name: '\u00e9'", "name: 'e'")
