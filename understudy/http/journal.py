"""The journal: the last requests that were made, and what they were answered."""

import json
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Collection, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.http.redaction import shown_headers, shown_query
from understudy.operations.request_headers import headers_of
from understudy.workspaces.registry import DEFAULT, WORKSPACE

LONGEST = 65_536  # bytes of a body, a path or a query string that are kept and shown
KEPT = LONGEST + 1  # bytes of a body that are kept: the last one tells that there was more
HEADERS = 100  # headers of a request that are kept
HEAD = 16_384  # bytes of their names and values that are kept
CAPACITY = 128 * 2**20  # bytes that all entries may take: 1,000 entries with the longest bodies and answers fit
ENTRY = 1_000  # bytes, about, of an entry without what it holds
HEADER = 150  # bytes, about, that a header takes beyond its name and value
WORKSPACES = 10_000  # whose evicted requests are counted one by one
NAME_OF_FAULT = 60  # bytes, about, of the name of a fault rule beyond its characters
NAME = 200  # characters of a workspace's name; longer ones name none
GZIP = 16 + zlib.MAX_WBITS  # for zlib, to read gzip's form
EXCHANGE = "understudy.exchange"  # where a request's ASGI scope has its entry, on the way through middleware

Headers = Sequence[tuple[bytes, bytes]]


class Exchange:
    """A request and its answer, which has no status before it is there.

    `moment` is when it came, in seconds since 1970; `seconds` is how long its answer took, and `begun` from when, by
    `time.perf_counter`: the machine's clock may be set meanwhile. `is_over` says that there is no more to come, also
    where the connection was lost before an answer. `faults` names the fault rules that were applied to it. `owner` is
    the journal that it is an entry of, and `size` about how many bytes it takes there.
    """

    __slots__ = (
        "answer", "answer_headers", "begun", "body", "faults", "headers", "is_head_cut", "is_over", "method", "moment",
        "number", "owner", "path", "query", "seconds", "size", "status", "workspace",
    )  # fmt: skip

    def __init__(self, number: int, scope: Scope, owner: "Journal | None" = None) -> None:
        self.number = number
        self.workspace: str = scope.get(WORKSPACE, DEFAULT)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: Headers = scope["headers"]
        self.body = b""
        self.faults: Sequence[str] = ()
        self.status: int | None = None
        self.answer_headers: Headers = ()
        self.answer = b""
        self.moment = time.time()
        self.begun = time.perf_counter()
        self.seconds: float | None = None
        self.is_head_cut = False
        self.is_over = False
        self.owner = owner
        self.size = 0

    def asked(self, body: bytes) -> None:
        self.body = body[:KEPT]

    def answered(self, status: int, answer: bytes, headers: Headers = ()) -> None:
        self.add_answer(status, answer, headers)
        self.end()

    def add_answer(self, status: int, more: bytes, headers: Headers) -> None:
        """Note a part of the answer."""
        self.status, self.answer_headers = status, headers
        self.answer = longer(self.answer, more)
        self.seconds = time.perf_counter() - self.begun

    def end(self) -> None:
        """Note that the request is over, with or without an answer, and have its bytes counted."""
        self.is_over = True
        if self.owner is not None:
            self.owner.weigh(self)

    def head_size(self) -> int:
        """How many bytes the headers, the path and the query string have."""
        size = len(self.path) + len(self.query)
        for name, value in self.headers:
            size += len(name) + len(value)
        return size

    def cut_head(self) -> None:
        """Keep no more of the headers, the path and the query string than their share. What is cut is copied."""
        kept, left = [], HEAD
        for name, value in self.headers[:HEADERS]:
            left -= len(name) + len(value)
            if left < 0:
                break
            kept.append((name, value))
        self.is_head_cut = len(kept) < len(self.headers) or max(len(self.path), len(self.query)) > LONGEST
        self.headers = kept
        self.path, self.query = self.path[:LONGEST], self.query[:LONGEST]
        self.workspace = self.workspace[:LONGEST]

    def as_json(self, harmless: Collection[str] = ()) -> dict[str, Any]:
        """All of it for people and tests; bodies as JSON where they are, else as text.

        Args:
            harmless: names of query parameters whose values are shown.
        """
        answer = unpacked(self.answer, self.answer_headers)
        longest = max(map(len, (self.body, self.answer, answer)))
        return {
            "number": self.number,
            "time": datetime.fromtimestamp(self.moment, timezone.utc).isoformat().replace("+00:00", "Z"),
            "seconds": self.seconds and round(self.seconds, 6),
            "workspace": self.workspace,
            "method": self.method,
            "path": self.path,
            "query": shown_query(self.query.decode("latin-1"), harmless),
            "headers": shown_headers(self.headers),
            "body": self.said,
            "status": self.status,
            "answer": value_of(answer[:LONGEST]),
            "faults": list(self.faults),
            "is_over": self.is_over,
            "is_cut": self.is_head_cut or longest > LONGEST,
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


class Forgotten:
    """How many requests of each workspace had to make room for others.

    There may be any number of workspaces' names: the oldest beyond `WORKSPACES` are counted together, and count for
    every workspace that is not counted by itself, since it may have been one of them.
    """

    def __init__(self) -> None:
        self.total = 0
        self._counts: dict[str, int] = {}
        self._together = 0

    @property
    def names(self) -> Collection[str]:
        """The workspaces that are counted one by one."""
        return self._counts.keys()

    def of(self, workspace: str | None) -> int:
        """How many requests of a workspace, or of all, are forgotten; at most so many where that is not known."""
        return self.total if workspace is None else self._counts.get(workspace, self._together)

    def add(self, workspace: str) -> None:
        self.total += 1
        if len(workspace) <= NAME:
            self._put(workspace, self._counts.get(workspace, self._together) + 1)

    def clear(self, workspace: str | None = None) -> None:
        """Start anew, for one workspace or all."""
        if workspace is None:
            self.total = self._together = 0
            self._counts.clear()
            return
        self.total -= self._counts.pop(workspace, 0)
        if self._together:
            self._put(workspace, 0)

    def _put(self, workspace: str, count: int) -> None:
        self._counts[workspace] = count
        if len(self._counts) > WORKSPACES:
            self._together += self._counts.pop(next(iter(self._counts)))


class Journal:
    """The last requests: at most `size` of them, which take at most `capacity` bytes.

    `is_out_of_bytes` says whether requests had to make room since all together took too many bytes.
    """

    def __init__(self, size: int, capacity: int = CAPACITY) -> None:
        self.size = size
        self.capacity = capacity
        self.forgotten = Forgotten()
        self.is_out_of_bytes = False
        self._count = 0
        self._held = 0  # bytes
        self._exchanges: deque[Exchange] = deque()

    def __len__(self) -> int:
        return len(self._exchanges)

    def begin(self, scope: Scope) -> Exchange:
        """Note a request, whose answer is to come."""
        self._count += 1
        if not self.size:
            return Exchange(self._count, scope)
        exchange = Exchange(self._count, scope, self)
        self._exchanges.append(exchange)
        if len(self._exchanges) > self.size:
            self._evict()
        return exchange

    def weigh(self, exchange: Exchange) -> None:
        """Count the bytes of an entry that is complete, and evict the oldest where all together are too many.

        Those of requests in progress are not counted; there are no more of them than open connections.
        """
        head = exchange.head_size()
        if head > HEAD or len(exchange.headers) > HEADERS:
            exchange.cut_head()
            head = exchange.head_size()
        size = ENTRY + HEADER * len(exchange.headers) + head + len(exchange.body) + len(exchange.answer)
        size += sum(NAME_OF_FAULT + len(name) for name in exchange.faults)
        self._held += size - exchange.size
        exchange.size = size
        while self._held > self.capacity:
            self.is_out_of_bytes = True
            self._evict()

    def _evict(self) -> None:
        oldest = self._exchanges.popleft()
        oldest.owner = None
        self._held -= oldest.size
        self.forgotten.add(oldest.workspace)

    def newest(self) -> Iterator[Exchange]:
        """All that there are, from the newest to the oldest."""
        return iter(list(reversed(self._exchanges)))

    def clear(self, workspace: str | None = None) -> None:
        """Delete the requests to one workspace, or all."""
        kept: deque[Exchange] = deque()
        for exchange in self._exchanges:
            if workspace in (None, exchange.workspace):
                exchange.owner = None
            else:
                kept.append(exchange)
        self._exchanges = kept
        self._held = sum(exchange.size for exchange in kept)
        self.forgotten.clear(workspace)
        self.is_out_of_bytes = self.is_out_of_bytes and self.forgotten.total > 0


class JournalMiddleware:
    """Records each request and its response, as it is sent."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope[EXCHANGE] = self._journal.begin(scope)
        recorder = Recorder(exchange, receive, send, has_body=has_body(scope))
        try:
            await self._app(scope, recorder.receive, recorder.send)
        finally:
            if not exchange.is_over:
                exchange.end()


def has_body(scope: Scope) -> bool:
    """Whether a request has a body (RFC 9112, section 6.3)."""
    headers = headers_of(scope)
    return b"content-length" in headers or b"transfer-encoding" in headers


class Recorder:
    """Passes the messages of a request on, and records them."""

    __slots__ = ("_exchange", "_has_more", "_headers", "_receive", "_send", "_status")

    def __init__(self, exchange: Exchange, receive: Receive, send: Send, *, has_body: bool) -> None:
        self._exchange = exchange
        self._receive = receive
        self._send = send
        self._has_more = has_body
        self._status = 0
        self._headers: Headers = ()

    async def receive(self) -> Message:
        message = await self._receive()
        self._has_more = message.get("more_body", False)
        self._exchange.asked(longer(self._exchange.body, message.get("body", b"")))
        return message

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
            if self._has_more:
                return self._send_after_body(message)
        else:
            self._exchange.add_answer(self._status, message.get("body", b""), self._headers)
            if not message.get("more_body", False):
                self._exchange.end()  # before the client has all of the response, and may look at the journal
        return self._send(message)

    async def _send_after_body(self, message: Message) -> None:
        """Send a response after the body of the request is recorded, which no operation has read."""
        while self._has_more:
            await self.receive()
        await self._send(message)
