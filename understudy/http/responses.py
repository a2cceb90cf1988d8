"""Responses: encoding, compression and sending of what handlers return."""

import asyncio
import json
from collections.abc import Awaitable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from isal import igzip_lib
from pydantic_core import to_json
from starlette.types import Scope, Send

from understudy.filters.pages import Page
from understudy.operations.handler_results import NO_CONTENT, Content
from understudy.operations.request_headers import headers_of

VARY_ORIGIN: Final = "understudy.vary_origin"  # the key in a scope whose responses are to have `vary: Origin`
COMPRESSED: Final = 500  # bytes from which on responses are compressed, as by the real server
THREADED: Final = 2**20  # bytes from which on that is done in a thread: they take more than a millisecond


def encode(value: Any) -> bytes:
    """The JSON of a value; not-a-number and infinity become null.

    What pydantic-core's encoder cannot do, very deep nesting and half a surrogate pair, `json` does,
    which escapes the latter.
    """
    try:
        return to_json(value, inf_nan_mode="null", timedelta_mode="float", fallback=str)
    except ValueError:
        return json.dumps(value, default=str, separators=(",", ":")).encode("ascii")


compress = partial(igzip_lib.compress, level=1, flag=igzip_lib.COMP_GZIP)
"""The gzip form of bytes: smaller than by zlib's level 1, in a quarter of the time."""

Headers = Iterable[tuple[bytes, bytes]]

JSON: Final = (b"content-type", b"application/json")
GZIP: Final = (b"content-encoding", b"gzip")
VARY: Final = {  # by whether a response is long enough to be compressed, and whether it varies by origin
    (False, False): (),
    (False, True): ((b"vary", b"Origin"),),
    (True, False): ((b"vary", b"Accept-Encoding"),),
    (True, True): ((b"vary", b"Accept-Encoding, Origin"),),
}


def send_json(scope: Scope, send: Send, status: int, body: bytes, headers: Headers = ()) -> Awaitable[None]:
    """Send a whole response; one without a body has neither a type nor a length."""
    return send_response(scope, send, status, body, headers if status == NO_CONTENT[1] else (*headers, JSON))


def send_content(scope: Scope, send: Send, status: int, content: Content) -> Awaitable[None]:
    """Send a whole response that is not JSON."""
    headers = {**content.headers, "content-type": content.media_type}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return send_response(scope, send, status, content.body, encoded)


async def send_response(scope: Scope, send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole response, compressed where it is long and the client accepts gzip.

    Args:
        scope: of the request.
        send: sends ASGI messages.
        status: of HTTP.
        body: not compressed.
        headers: those that do not depend on the body's length and form, its type last.
    """
    is_long = len(body) >= COMPRESSED
    form = [*VARY[is_long, VARY_ORIGIN in scope]]
    if is_long and b"gzip" in headers_of(scope).get(b"accept-encoding", b""):
        body = await compressed(body)
        form.append(GZIP)
    head = [*headers]
    if status != NO_CONTENT[1]:
        head.insert(-1, (b"content-length", b"%d" % len(body)))  # before the type, as on a real server
    head += form
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def compressed(body: bytes) -> bytes:
    """Compress a body by gzip. The result for a page is stored with the page."""
    if isinstance(body, Page) and body.compressed is not None:
        return body.compressed
    packed = compress(body) if len(body) < THREADED else await asyncio.to_thread(compress, body)
    if isinstance(body, Page):
        body.compressed = packed
    return packed


def refusal(status: HTTPStatus, detail: str) -> bytes:
    """The bytes of a whole response to a request that does not reach the application. It closes the connection."""
    body = json.dumps({"detail": detail}).encode()
    head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
