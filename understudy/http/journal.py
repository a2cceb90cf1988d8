"""The journal: the last requests that were made, and what they were answered."""

import json
import time
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.workspaces.tenants import DEFAULT, WORKSPACE

LONGEST = 65_536  # bytes of a body that are shown
KEPT = LONGEST + 1  # bytes that are kept: the last one tells that there was more
SECRET = ("authorization", "cookie", "token", "key", "secret", "password")  # in the names of headers
HIDDEN = "(hidden)"
GZIP = 16 + zlib.MAX_WBITS  # for zlib, to read gzip's form

Headers = Iterable[tuple[bytes, bytes]]


class Exchange:
    """A request and its answer, which has no status before it is there.

    `moment` is when it came, in seconds since 1970; `seconds` is how long its answer took.
    """

    __slots__ = (
        "answer", "answer_headers", "body", "headers", "method", "moment", "number", "path", "query", "seconds",
        "status", "workspace",
    )  # fmt: skip

    def __init__(self, number: int, scope: Scope) -> None:
        self.number = number
        self.workspace: str = scope.get(WORKSPACE, DEFAULT)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: Headers = scope["headers"]
        self.body = b""
        self.status: int | None = None
        self.answer_headers: Headers = ()
        self.answer = b""
        self.moment = time.time()
        self.seconds: float | None = None

    def asked(self, body: bytes) -> None:
        self.body = body[:KEPT]

    def answered(self, status: int, answer: bytes, headers: Headers = ()) -> None:
        self.status, self.answer, self.answer_headers = status, answer[:KEPT], headers
        self.seconds = time.time() - self.moment

    def as_json(self) -> dict[str, Any]:
        """All of it for people and tests; bodies as JSON where they are, else as text."""
        answer = unpacked(self.answer, self.answer_headers)
        return {
            "number": self.number,
            "time": datetime.fromtimestamp(self.moment, timezone.utc).isoformat().replace("+00:00", "Z"),
            "seconds": self.seconds and round(self.seconds, 6),
            "workspace": self.workspace,
            "method": self.method,
            "path": self.path,
            "query": self.query.decode("latin-1"),
            "headers": shown(self.headers),
            "body": self.said,
            "status": self.status,
            "answer": value_of(answer[:LONGEST]),
            "is_cut": max(map(len, (self.body, self.answer, answer))) > LONGEST,
        }

    @property
    def said(self) -> Any:
        """The value of the request's body; None where there is none."""
        return value_of(self.body[:LONGEST])


def longer(body: bytes, more: bytes) -> bytes:
    """A body with more of it, as far as it is kept."""
    return (body + more)[:KEPT] if body else more[:KEPT]


def value_of(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def unpacked(body: bytes, headers: Headers) -> bytes:
    is_packed = (b"content-encoding", b"gzip") in headers
    return zlib.decompressobj(GZIP).decompress(body, KEPT) if is_packed else body


def shown(headers: Headers) -> dict[str, str]:
    """Headers without what lets people in."""
    texts = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return {name: HIDDEN if any(word in name for word in SECRET) else value for name, value in texts.items()}


class Journal:
    """The last `size` requests.

    `forgotten` says how many of each workspace were there once, and had to make room.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.forgotten: Counter[str] = Counter()
        self._count = 0
        self._exchanges: deque[Exchange] = deque(maxlen=size)

    def __len__(self) -> int:
        return len(self._exchanges)

    def begin(self, scope: Scope) -> Exchange:
        """Note a request, whose answer is to come."""
        if self._exchanges and len(self._exchanges) == self.size:
            self.forgotten[self._exchanges[0].workspace] += 1
        self._count += 1
        exchange = Exchange(self._count, scope)
        self._exchanges.append(exchange)
        return exchange

    def newest(self) -> Iterator[Exchange]:
        """All that there are, from the newest to the oldest."""
        return iter(list(reversed(self._exchanges)))

    def clear(self, workspace: str | None = None) -> None:
        """Strike out the requests to one workspace, or all."""
        kept = [] if workspace is None else [each for each in self._exchanges if each.workspace != workspace]
        self._exchanges = deque(kept, self.size)
        if workspace is None:
            self.forgotten.clear()
        else:
            del self.forgotten[workspace]


class JournalMiddleware:
    """Notes what passes on the long way; the short way does so by itself."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = self._journal.begin(scope)
        start: Message = {}
        has_more = True

        async def heard() -> Message:
            nonlocal has_more
            message = await receive()
            has_more = message.get("more_body", False)
            exchange.body = longer(exchange.body, message.get("body", b""))
            return message

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                while has_more:
                    await heard()  # what was sent to no operation, nobody else reads
            else:
                answer = longer(exchange.answer, message.get("body", b""))
                exchange.answered(start["status"], answer, start["headers"])
            await send(message)

        await self._app(scope, heard, said)
