"""The journal: the last requests and their responses."""

import json
import time
import zlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from starlette.types import Scope

from understudy.http.redaction import shown_headers, shown_query
from understudy.workspaces.workspace_names import DEFAULT, WORKSPACE

LONGEST = 65_536  # bytes of a body, a path or a query string that are stored and shown
STORED = LONGEST + 1  # bytes of a body that are stored: the last one shows that there was more
HEADERS = 100  # headers of a request that are stored
HEAD = 16_384  # bytes of their names and values that are stored
CAPACITY = 128 * 2**20  # bytes of all entries: enough for 1,000 entries with the longest bodies and responses
ENTRY = 1_000  # approximate bytes of an entry without its content
HEADER = 150  # approximate bytes of a header beyond its name and value
WORKSPACES = 10_000  # whose dropped requests are counted one by one
NAME_OF_FAULT = 60  # approximate bytes of the name of a fault rule beyond its characters
NAME = 200  # characters of a workspace's name; longer ones are not valid
GZIP = 16 + zlib.MAX_WBITS  # zlib's parameter for the gzip format
EXCHANGE = "understudy.exchange"  # the key of a request's entry in the ASGI scope

Headers = Sequence[tuple[bytes, bytes]]


class Exchange:
    """A request and its response. The status is None before the response.

    `moment` is when the request arrived, in seconds since 1970; `seconds` is how long the response took, measured from
    `begun` by `time.perf_counter`, which does not change with the machine's clock. `is_over` is true once the request
    is complete, even if the connection was lost before a response. `faults` names the fault rules that were applied.
    `owner` is the journal of the entry, and `size` its approximate size there in bytes.
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

    def record_body(self, body: bytes) -> None:
        self.body = body[:STORED]

    def add_to_response(self, status: int, more: bytes, headers: Headers) -> None:
        """Record a part of the response."""
        self.status, self.answer_headers = status, headers
        self.answer = longer(self.answer, more)
        self.seconds = time.perf_counter() - self.begun

    def end(self) -> None:
        """Mark the request as complete, with or without a response, and count its bytes."""
        self.is_over = True
        if self.owner is not None:
            self.owner.weigh(self)

    def head_size(self) -> int:
        """The bytes of the headers, the path and the query string."""
        size = len(self.path) + len(self.query)
        for name, value in self.headers:
            size += len(name) + len(value)
        return size

    def cut_head(self) -> None:
        """Cut the headers, the path and the query string to their limits."""
        headers, left = [], HEAD
        for name, value in self.headers[:HEADERS]:
            left -= len(name) + len(value)
            if left < 0:
                break
            headers.append((name, value))
        self.is_head_cut = len(headers) < len(self.headers) or max(len(self.path), len(self.query)) > LONGEST
        self.headers = headers
        self.path, self.query = self.path[:LONGEST], self.query[:LONGEST]
        self.workspace = self.workspace[:LONGEST]

    def as_json(self, harmless: Collection[str] = ()) -> dict[str, Any]:
        """The entry as shown by the control API. Bodies are JSON if they are valid JSON, else text.

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
            "body": self.body_value,
            "status": self.status,
            "answer": value_of(answer[:LONGEST]),
            "faults": list(self.faults),
            "is_over": self.is_over,
            "is_cut": self.is_head_cut or longest > LONGEST,
        }

    @property
    def body_value(self) -> Any:
        """The value of the request's body; None without a body."""
        return value_of(self.body[:LONGEST])


def longer(body: bytes, more: bytes) -> bytes:
    """A body with more added, cut to the stored length."""
    return (body + more)[:STORED] if body else more[:STORED]


def value_of(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def unpacked(body: bytes, headers: Headers) -> bytes:
    is_packed = (b"content-encoding", b"gzip") in headers
    return zlib.decompressobj(GZIP).decompress(body, STORED) if is_packed else body


class DroppedCounts:
    """The number of dropped requests of each workspace.

    The number of workspaces is not bounded: the oldest beyond `WORKSPACES` are counted together. Their count is used
    for each workspace without a count of its own, since it may have been one of them.
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
        """The number of dropped requests of a workspace, or of all; an upper limit if it is not known."""
        return self.total if workspace is None else self._counts.get(workspace, self._together)

    def add(self, workspace: str) -> None:
        self.total += 1
        if len(workspace) <= NAME:
            self._put(workspace, self._counts.get(workspace, self._together) + 1)

    def clear(self, workspace: str | None = None) -> None:
        """Reset the count of one workspace, or all counts."""
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

    `is_out_of_bytes` is true if requests were dropped because of their size.
    """

    def __init__(self, size: int, capacity: int = CAPACITY) -> None:
        self.size = size
        self.capacity = capacity
        self.dropped = DroppedCounts()
        self.is_out_of_bytes = False
        self._count = 0
        self._bytes = 0
        self._exchanges: deque[Exchange] = deque()

    def __len__(self) -> int:
        return len(self._exchanges)

    def begin(self, scope: Scope) -> Exchange:
        """Record a request without its response."""
        self._count += 1
        if not self.size:
            return Exchange(self._count, scope)
        exchange = Exchange(self._count, scope, self)
        self._exchanges.append(exchange)
        if len(self._exchanges) > self.size:
            self._drop_oldest()
        return exchange

    def weigh(self, exchange: Exchange) -> None:
        """Count the bytes of a complete entry, and drop the oldest entries beyond the capacity.

        Requests in progress are not counted; there are no more of them than open connections.
        """
        head = exchange.head_size()
        if head > HEAD or len(exchange.headers) > HEADERS:
            exchange.cut_head()
            head = exchange.head_size()
        size = ENTRY + HEADER * len(exchange.headers) + head + len(exchange.body) + len(exchange.answer)
        size += sum(NAME_OF_FAULT + len(name) for name in exchange.faults)
        self._bytes += size - exchange.size
        exchange.size = size
        while self._bytes > self.capacity:
            self.is_out_of_bytes = True
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._exchanges.popleft()
        oldest.owner = None
        self._bytes -= oldest.size
        self.dropped.add(oldest.workspace)

    def newest(self) -> Iterator[Exchange]:
        """All entries, from the newest to the oldest."""
        return iter(list(reversed(self._exchanges)))

    def clear(self, workspace: str | None = None) -> None:
        """Delete the requests to one workspace, or all."""
        others: deque[Exchange] = deque()
        for exchange in self._exchanges:
            if workspace in (None, exchange.workspace):
                exchange.owner = None
            else:
                others.append(exchange)
        self._exchanges = others
        self._bytes = sum(exchange.size for exchange in others)
        self.dropped.clear(workspace)
        self.is_out_of_bytes = self.is_out_of_bytes and self.dropped.total > 0
