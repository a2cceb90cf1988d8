"""HTTP as uvicorn speaks it, with limits, and with connections that rules about faults can get at."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from understudy.faults.middleware import TRANSPORT
from understudy.http.addresses import unmapped
from understudy.http.gathering import Gathering
from understudy.http.limits import Limits

LINGERING = 2  # seconds, in which a client that was refused may go on sending before it hangs up


class Protocol(HttpToolsProtocol):
    """One connection. What it does for each request is little, since there are many."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._is_refused = False
        self._is_in_head = True
        self._head = 0  # bytes since something was understood; what ends a body in pieces can be endless too
        self._body = 0
        self._since: float | None = None  # when the request began that comes in, by the loop's clock
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type] # it stands for one
        if self.client is not None:
            self.client = unmapped(self.client[0]), self.client[1]
        if len(self.connections) > self._limits.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"More than {self._limits.connections} connections are open.")
            return
        self._since = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return  # thrown away, so that the refusal is read before the connection is gone
        self._head += len(data)
        super().data_received(data)
        if self._head > self._limits.head and not self._is_refused:
            self._refuse_head()

    # ------------------------------------------------------------------ callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._body = 0
        self._since = self.loop.time()
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        may_be_too_long, self._head = self._head > self._limits.head, 0
        if may_be_too_long and size_of(self.headers) + len(self.url) > self._limits.head:
            self._refuse_head()
        elif length_in(self.headers) > self._limits.body:
            self._refuse_body()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head = 0
        self._body += len(body)
        if self._body > self._limits.body and not self._is_refused:
            self._refuse_body()
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._since = None
        self._is_in_head = True
        self._head = 0
        if not self._is_refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self._is_refused:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    # -------------------------------------------------------------------- refusals

    def _refuse_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The headers take more than {self._limits.head} bytes."
        )

    def _refuse_body(self) -> None:
        self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body takes more than {self._limits.body} bytes.")

    def _refuse_slow(self) -> None:
        if self._is_in_head and self._head == 0:
            self.transport.close()  # nothing was asked
            return
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"The request took more than {self._limits.seconds:g} seconds.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer in place of the application, and hang up once the client has had time to read it."""
        self._is_refused = True
        self._stop_timer()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not (is_answering and self.cycle.response_started) and not self.transport.is_closing():
            self.transport.write(answer(status, detail))
            self.transport.write_eof()
        self.loop.call_later(LINGERING, self.transport.close)

    def _watch(self) -> None:
        """See whether the request that comes in has had its time, and when to look again."""
        now = self.loop.time()
        if self._since is not None and not self.transport.is_reading():
            self._since = now  # it is not the client that lets the other wait
        left = self._limits.seconds - (0 if self._since is None else now - self._since)
        if left > 0:
            self._timer = self.loop.call_later(left, self._watch)
        else:
            self._refuse_slow()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


Headers = list[tuple[bytes, bytes]]


def size_of(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def length_in(headers: Headers) -> int:
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def answer(status: HTTPStatus, detail: str) -> bytes:
    body = json.dumps({"detail": detail}).encode()
    head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
