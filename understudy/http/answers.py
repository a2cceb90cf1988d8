"""Answers: what handlers return, and how it and errors are sent."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from pydantic_core import to_json
from starlette.types import Send

NO_CONTENT: Final = (b"", HTTPStatus.NO_CONTENT)

Answer = Any
"""JSON as ready bytes, or a value to encode; alone, or as a pair with the status."""


def encode(value: Any) -> bytes:
    """The JSON of a value; not-a-number and infinity become null.

    What pydantic-core's encoder cannot do, very deep nesting and half a surrogate pair, `json` does,
    which escapes the latter.
    """
    try:
        return to_json(value, inf_nan_mode="null", fallback=str)
    except ValueError:
        return json.dumps(value, default=str, separators=(",", ":")).encode("ascii")


JSON: Final = (b"content-type", b"application/json")


async def send_json(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send a whole answer; one without a body has no type and no length either."""
    head = [*headers]
    if status != NO_CONTENT[1]:
        head += [(b"content-length", b"%d" % len(body)), JSON]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


def refusal(status: HTTPStatus, detail: str) -> bytes:
    """The bytes of a whole answer, for a request that reaches no application; the connection is closed after it."""
    body = json.dumps({"detail": detail}).encode()
    head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
