"""Requests to an application in this process: it sees what an HTTP client sends, and its response is read as usual."""

import asyncio
import json

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from understudy.reference.direct_exchange import exchange
from understudy.sampling.answers import Answer

COMPARED = ("method", "path", "raw_path", "query_string", "scheme", "root_path")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Responds with what it has received."""
    message = await receive()
    shown = {name: str(scope[name]) for name in COMPARED}
    headers = {name.decode(): value.decode() for name, value in scope["headers"] if name != b"host"}
    body = json.dumps({**shown, **headers, "body": message["body"].decode()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Shown", b"all")]})
    await send({"type": "http.response.body", "body": body[:10], "more_body": True})
    await send({"type": "http.response.body", "body": body[10:]})


async def by_http_client(method: str, path: str, headers: dict[str, str], content: bytes | None) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(echo)) as client:
        client.headers.clear()
        return await client.request(method, f"http://localhost{path}", headers=headers, content=content)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/rows",
        "/api/rows/?a=1&b=%20x+y",
        "/api/rows/a%2Fb%20c/é",
        '/api/rows/a b"|?q=a b"',
        "/api/./rows/../rows",
        "/api/%zz?%",
        "/api//rows?a=/?b",
    ],
)
@pytest.mark.parametrize("content", [None, b"", b'{"a": 1}'])
def test_application_sees_what_an_http_client_sends(method: str, path: str, content: bytes | None) -> None:
    headers = {"Content-Type": "application/json", "X-Mode": "a, b"}
    expected = asyncio.run(by_http_client(method, path, headers, content))
    found = asyncio.run(exchange(echo, method, path, headers, content))
    shown = [{"content-length": "0", **each} for each in (found.body, expected.json())]  # or none, without a body
    assert shown[0] == shown[1]
    assert found.headers == {"x-shown": "all"}


@pytest.mark.parametrize(
    ("headers", "content", "body"),
    [
        ([(b"content-type", b"application/json")], b'{"a": 1.0}', {"a": 1.0}),
        ([(b"content-type", b"text/plain; charset=latin-1")], "é".encode("latin-1"), "é"),
        ([], b"", ""),
    ],
)
def test_response_is_read(headers: list[tuple[bytes, bytes]], content: bytes, body: object) -> None:
    async def respond(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    assert asyncio.run(exchange(respond, "GET", "/", {}, None)) == Answer(201, body)
