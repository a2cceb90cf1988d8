"""Recorded responses of a real server to unusual requests and to sessions of writes (`tests/real/record.py`)."""

import json
from typing import Any

import httpx
import pytest

from tests import wire
from tests.real.record import RECORDED, fixture_text, settled
from tests.sessions import Player
from tests.writes import WHOLE_TABLE_WRITES, WRITES, Step


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text(encoding="utf-8"))


def test_unusual_requests_have_equal_responses(small: httpx.Client) -> None:
    requests = list(wire.requests())
    entries = recorded("wire.json")
    assert [str(request) for request in requests] == [request for request, _ in entries], "record again"
    answers = [
        (request, expected, wire.send(str(small.base_url), request))
        for request, (_, expected) in zip(requests, entries, strict=True)
    ]
    assert [
        (str(request), got, expected) for request, expected, got in answers if not agrees(request, expected, got)
    ] == []


def agrees(request: wire.Request, expected: dict[str, Any], got: dict[str, Any]) -> bool:
    if expected["status"] == 500:
        # The real server fails on these; a stand-in returns their errors.
        return got["status"] in (400, 422)
    if not expected["headers"].get("vary", "").startswith("Origin") and not request.path.startswith("/api/"):
        # Outside the API the real server is its web UI, which compresses otherwise.
        expected = {**expected, "headers": {**expected["headers"], "vary": got["headers"]["vary"]}}
    return got == in_this_pythons_words(request, expected)


def in_this_pythons_words(request: wire.Request, expected: dict[str, Any]) -> dict[str, Any]:
    """Python 3.13 has new messages for some JSON errors, and so has a real server that runs on it."""
    body = expected["body"]
    if isinstance(body, dict) and body.get("exception_detail", [{}])[0].get("type") == "json_invalid":
        with pytest.raises(json.JSONDecodeError) as raised:
            json.loads(request.body or b"")
        body["exception_detail"][0] |= {"loc": ["body", raised.value.pos], "ctx": {"error": raised.value.msg}}
    return expected


@pytest.mark.parametrize(("name", "steps"), [*WRITES.items(), *WHOLE_TABLE_WRITES.items()])
def test_session_of_writes_has_equal_responses(own: httpx.Client, name: str, steps: list[Step]) -> None:
    player = Player(own, fixture_text())
    assert [settled(player.play(*step)) for step in steps] == recorded("writes.json")[name]
