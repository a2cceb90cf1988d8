"""A request to an application in this process, without the objects of an HTTP client, which take longer than the
response.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp, Message

from understudy.sampling.answers import Answer
from understudy.sampling.sending import answer_from_parts

PLAIN = re.compile(r"(?:/(?!\.)[\w\-.~%!$&'()*+,;=:@]*)*(?:\?[\w\-.~%!$&'()*+,;=:@/?]*)?", re.ASCII)
"""A path that clients send as it is."""


async def exchange(app: ASGIApp, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
    """The response of an application.

    Args:
        app: the application.
        method: the method.
        path: the path with its query; what a path cannot have is encoded.
        headers: the headers.
        content: the body.
    """
    received: list[Message] = []
    sent = [{"type": "http.request", "body": content or b""}]

    async def receive() -> Message:
        return sent.pop() if sent else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        received.append(message)

    await app(scope_of(method, path, headers, content), receive, send)
    head, *parts = received
    answered = [(name.decode().lower(), value.decode()) for name, value in head["headers"]]
    return answer_from_parts(head["status"], answered, b"".join(part.get("body", b"") for part in parts))


def scope_of(method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> dict[str, Any]:
    sent = path if PLAIN.fullmatch(path) else httpx.URL(f"http://host{path}").raw_path.decode()
    way, _, query = sent.partition("?")
    size = {} if content is None else {"content-length": str(len(content))}
    given = {"host": "localhost", **size, **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "server": ("localhost", None),
        "client": ("127.0.0.1", 0),
        "root_path": "",
        "path": unquote(way),
        "raw_path": way.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }
