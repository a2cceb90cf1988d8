"""Responses are compressed if they are long and the client accepts gzip."""

import asyncio
import gzip
from typing import Any

import pytest

from understudy.http.responses import COMPRESSED, THREADED, VARY_ORIGIN, send_json


def sent(body: bytes, accepted: bytes | None, *, status: int = 200, vary_origin: bool = False) -> list[Any]:
    """The ASGI messages of a response."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    scope: dict[str, Any] = {"type": "http", "headers": [] if accepted is None else [(b"accept-encoding", accepted)]}
    if vary_origin:
        scope[VARY_ORIGIN] = True
    asyncio.run(send_json(scope, send, status, body))  # type: ignore[arg-type] # a coroutine
    return messages


@pytest.mark.parametrize("accepted", [b"gzip", b"gzip, deflate", b"br;q=1, gzip;q=0.5"])
@pytest.mark.parametrize("length", [COMPRESSED, 10_000, THREADED, 2 * THREADED])
def test_long_response_is_compressed_for_clients_that_accept_it(length: int, accepted: bytes) -> None:
    body = (b'{"key": "value"}, ' * (length // 18 + 1))[:length]
    start, content = sent(body, accepted)
    headers = dict(start["headers"])
    assert gzip.decompress(content["body"]) == body
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"content-length"] == b"%d" % len(content["body"])
    assert headers[b"vary"] == b"Accept-Encoding"


@pytest.mark.parametrize(("length", "accepted"), [(COMPRESSED - 1, b"gzip"), (10_000, None), (10_000, b"identity")])
def test_other_responses_are_not_compressed(length: int, accepted: bytes | None) -> None:
    start, content = sent(b"x" * length, accepted)
    headers = dict(start["headers"])
    assert content["body"] == b"x" * length
    assert b"content-encoding" not in headers
    assert (b"vary" in headers) == (length >= COMPRESSED)


@pytest.mark.parametrize(("length", "vary"), [(1, b"Origin"), (COMPRESSED, b"Accept-Encoding, Origin")])
def test_cross_origin_response_varies_by_origin(length: int, vary: bytes) -> None:
    assert dict(sent(b"x" * length, b"gzip", vary_origin=True)[0]["headers"])[b"vary"] == vary


def test_headers_are_in_the_order_of_a_real_server() -> None:
    names = [name for name, _ in sent(b"x" * COMPRESSED, b"gzip")[0]["headers"]]
    assert names == [b"content-length", b"content-type", b"vary", b"content-encoding"]


def test_empty_response_has_neither_type_nor_length() -> None:
    start, content = sent(b"", b"gzip", status=204)
    assert (start["headers"], content["body"]) == ([], b"")
