"""Bodies are parsed as by Python's `json`."""

import json

import httpx
import pytest

from understudy.errors import ApiError
from understudy.operations.json_bodies import parse_json

READ = ['{"a":1,"a":2}', "NaN", "[Infinity,-Infinity]", "1e400", "-0", "-0.0", "12345678901234567890123", "1.0", "1E5",
        '"\\ud83d\\ude00"', "5e-324", "9007199254740993.0", '"\\u0000"', "[" * 900 + "]" * 900,
        "0.1", " \n{}\t", '{"":[]}']  # fmt: skip
REFUSED = [b"1" * 5000, b'"\xff"', b'"\\ud800"', b"01", b'"\x01"', b'{"a":1,}', b"{'a':1}", b"1 2", b"nul", b"-", b"1.",
           b".5", b"\x0c{}", b"[" * 100_000]  # fmt: skip


@pytest.mark.parametrize("text", READ, ids=lambda text: text[:20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_body_is_parsed_as_by_json(text: str, encoding: str) -> None:
    assert repr(parse_json(text.encode(encoding))) == repr(json.loads(text))


@pytest.mark.parametrize("raw", REFUSED, ids=lambda raw: repr(raw[:12]))
def test_invalid_json_is_rejected(raw: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        parse_json(raw)
    assert raised.value.status in (400, 422)


def test_invalid_json_is_shown_as_text(scratch: httpx.Client) -> None:
    text = '{"history_interval_seconds": 5}'
    answer = scratch.post("/task_runs/history", content=text, headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["request_body"]) == (422, text)
    assert {error["type"] for error in answer.json()["exception_detail"]} == {"missing"}
    ignored = scratch.post("/flows/filter", content='{"limit": -1}', headers={"content-type": "text/plain"})
    assert ignored.status_code == 200
