"""Random requests for a contract and its data."""

import random
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.curl import curl
from understudy.sampling.random_requests import Request, RequestGenerator, safe_operations
from understudy.sampling.sample_values import Samples

OCCURRED = "2026-02-03T04:05:06Z"
ROWS: dict[str, dict[str, Any]] = {
    "Log": {"id": "00000000-0000-4000-8000-000000000001", "message": "the nightly run failed", "level": 35},
    "FlowRun": {"id": "00000000-0000-4000-8000-000000000002", "start_time": "2026-01-02T03:04:05Z"},
    "ReceivedEvent": {"id": "00000000-0000-4000-8000-000000000003", "event": "tank.filled", "occurred": OCCURRED},
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.load(own_folder() / "openapi.yaml")


def requests(contract: Contract, label: str, count: int = 300) -> Iterator[Request]:
    """Random requests to an operation."""
    randomness = random.Random(1)
    samples = Samples(randomness)
    for schema in contract.schemas():
        row = ROWS.get(schema.path.rpartition("/")[2])
        if row is not None and "x-table" in schema.value:
            samples.learn(schema, [row])
    generator = RequestGenerator((), samples, randomness)
    method, path, operation = next(each for each in safe_operations(contract) if f"{each[0]} {each[1]}" == label)
    return (generator.request(method, path, operation) for _ in range(count))


def test_queries_have_optional_parameters(contract: Contract) -> None:
    queries = {each.path.partition("?")[2] for each in requests(contract, "GET /flow_runs/{id}/graph-v2")}
    assert queries == {"", *(f"since={quote(time)}" for time in ("2026-01-02T03:04:05Z", OCCURRED))}
    secrets = {each.path.partition("?")[2] for each in requests(contract, "GET /block_documents/{id}")}
    assert secrets == {"", "include_secrets=true", "include_secrets=false"}


def test_searches_have_required_and_excluded_words_and_phrases(contract: Contract) -> None:
    filters = (each.body.get("logs") or {} for each in requests(contract, "POST /logs/filter", 3000))
    texts = [text for each in filters if isinstance(text := (each.get("text") or {}).get("query"), str)]
    for start in ("nightly", "-nightly", "!nightly", "+nightly", '"nightly run"', '-"nightly run"'):
        assert any(text.startswith(start) for text in texts), start


def test_numbers_are_mostly_those_of_rows(contract: Contract) -> None:
    filters = (each.body.get("logs") or {} for each in requests(contract, "POST /logs/filter", 3000))
    levels = [(each.get("level") or {}).get("le_") for each in filters]
    assert levels.count(35) > sum(level in (0, 1, 5) for level in levels) > 0


def test_objects_have_some_of_their_properties_with_texts_of_fields(contract: Contract) -> None:
    filters = [each.body.get("filter") or {} for each in requests(contract, "POST /events/filter")]
    names = [name for each in filters for name in (each.get("event") or {}).get("name") or ()]
    assert names.count("tank.filled") > len(names) / 2
    assert any(name != "tank.filled" and "tank.filled".startswith(name) for name in names)
    times = [time for each in filters for time in (each.get("occurred") or {}).values()]
    assert set(times) == {OCCURRED}, "times are not cut, and not those of other rows"
    pairs = [pair for each in filters for pair in pairs_of(each.get("related"))]
    assert pairs
    assert all(len(pair) == 2 for pair in pairs)


def pairs_of(related: Any) -> list[Any]:
    parts = related if isinstance(related, list) else [related or {}]
    return [pair for part in parts for pair in part.get("resources_in_roles") or ()]


def test_path_has_each_value_of_an_enum(contract: Contract) -> None:
    paths = {each.path for each in requests(contract, "POST /events/count-by/{countable}")}
    assert paths == {f"/events/count-by/{word}" for word in ("day", "time", "event", "resource")}


ENCODED: list[tuple[Request, bytes | None]] = [
    (Request("POST", "/", "/", {"a": "é"}), '{"a": "é"}'.encode()),
    (Request("POST", "/", "/", ["\ud800"]), b'["\\ud800"]'),
    (Request("POST", "/", "/"), b"null"),
    (Request("GET", "/", "/"), None),
    (Request("GET", "/", "/", {"a": 1}, content=b"{bad"), b"{bad"),
]


@pytest.mark.parametrize(("request_", "content"), ENCODED)
def test_body_is_encoded_in_utf_8_if_possible(request_: Request, content: bytes | None) -> None:
    assert request_.encoded == content


def test_curl_command_accepts_compression_and_has_one_media_type() -> None:
    media_type = "application/json; charset=utf-8"
    headers = {"accept-encoding": "gzip", "content-type": media_type}
    request = Request("POST", "/flows/count", "/flows/count", {"a": "é"}, headers=headers)
    words = shlex.split(curl("http://server", request))
    assert "--compressed" in words
    assert [word for word in words if word.startswith("content-type")] == [f"content-type: {media_type}"]
    assert words[-2:] == ["-d", '{"a": "é"}']
