"""Uvicorn's HTTP protocol with limits, and with access to connections for fault injection."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from understudy.errors import BadRequest
from understudy.http.connections import TRANSPORT
from understudy.http.framing import Headers, body_length, head_without_upgrade, is_websocket_handshake, size_of
from understudy.http.limits import Limits
from understudy.http.request_log import REFUSAL, RequestLog
from understudy.http.responses import refusal
from understudy.http.write_buffer import WriteBuffer
from understudy.network.ip_addresses import unmapped
from understudy.text import counted

LINGERING = 2  # seconds in which a refused client can continue to send before the connection is closed
MOST_LINGERING = 100  # refused connections that can do so at a time
PIECE = 4096  # bytes that are parsed at a time, which makes some 150 pipelined requests at most
AHEAD = 2**16  # bytes beyond which reading pauses until earlier requests are complete
INVALID = "Invalid HTTP request received."


class Refused(Exception):
    """Stops the parser in a request that is refused."""


class Protocol(HttpToolsProtocol):
    """One connection.

    Args:
        limits: the limits of a client.
        refused: the connections of the server that were refused and are about to close; they do not count as open.
        log: where requests have a line that are refused before they are given to the application.
    """

    transport: WriteBuffer  # type: ignore[assignment] # it wraps one
    flow: "ReadControl"

    def __init__(
        self, *args: Any, limits: Limits, refused: "set[Protocol]", log: RequestLog | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._refused = refused
        self._log = log
        self.url = b""  # uvicorn sets it with the first request, which may never begin
        self._is_over = False  # no further requests are read: one was refused, or opened a WebSocket
        self._is_in_head = True
        self._head = 0  # bytes since something was parsed; the trailer of a chunked body can be endless too
        self._body = 0
        self._since: float | None = None  # when the incoming request began, by the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self._unread = b""  # received, and parsed once the earlier requests are complete
        self._running: RequestResponseCycle | None = None  # the last request that was given to the application
        self._offering: Headers | None = None  # the headers of a request whose offer to upgrade is ignored
        self._refusal = b""  # a response to be sent once the earlier requests are complete
        self._half_closed: float | None = None  # when the client closed its side, by the loop's clock
        self._written = 0  # bytes of responses at the last check of a half-closed connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(WriteBuffer(transport, self.loop, self._limits.seconds))  # type: ignore[arg-type]
        self.flow = ReadControl(self.transport, self.loop, self._is_full)
        if self.client is not None:
            self.client = unmapped(self.client[0]), self.client[1]
        if len(self.connections) - len(self._refused) > self._limits.connections:
            limit = counted(self._limits.connections, "connections")
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"The limit of {limit} is reached.")
            return
        self._since = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._refused.discard(self)
        self.pipeline.clear()
        self._disconnect()
        super().connection_lost(exc)
        self.transport.lost()

    def shutdown(self) -> None:
        if self in self._refused:
            self.transport.close()
        else:
            super().shutdown()

    # --------------------------------------------------------------------- parsing

    def data_received(self, data: bytes) -> None:
        # Data after a refusal is discarded, so that the client can read the refusal before the connection is closed. So
        # is data that will never get a response.
        if self._is_over or self.transport.closes_at_eof:
            return
        if self._unread or self.pipeline or len(data) > PIECE:
            self._parse(self._unread + data)
            return
        used = self._feed(data)
        if used < len(data) or self.pipeline:
            self._parse(data[used:])

    def _parse(self, data: bytes) -> None:
        """Parse data until requests wait in the pipeline; the rest is parsed once they are complete."""
        left = memoryview(data)
        while left and not self._is_over and not self.pipeline:
            left = left[self._feed(left[:PIECE]) :]
        self._unread = b"" if self._is_over else bytes(left)
        if self.pipeline:
            # Uvicorn does not read while requests wait, and so does not notice that a client has disconnected.
            if self._is_full():
                self.flow.pause_reading()
            else:
                self.flow.resume_reading()

    def _is_full(self) -> bool:
        return len(self._unread) > AHEAD and not self.transport.closes_at_eof

    def _feed(self, piece: memoryview | bytes) -> int:
        """Parse a piece, and return how many bytes of it were used."""
        self._unset_keepalive_if_required()
        self._head += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            self._upgrade()
            end: int = offer.args[0]
            return end
        except httptools.HttpParserError:
            if not self._is_over:
                self.logger.warning(INVALID)
                self._refuse(HTTPStatus.BAD_REQUEST, INVALID)
        if self._head > self._limits.head and not self._is_over:
            self._refuse_head()
        return len(piece)

    def _upgrade(self) -> None:
        """Open a WebSocket for a client that requests one, and ignore any other offer (RFC 9110, section 7.8).

        A WebSocket handshake after requests in progress is ignored as well.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if not self._is_over and is_websocket_handshake(method, version, self.headers) and self._current is None:
            self._is_over = True
            self._stop_timer()
            self.handle_websocket_upgrade()
        elif not self._is_over:
            # The parser treats data after an offer as another protocol, so it gets the head again without the offer.
            self._offering = self.headers
            self.parser = new_parser(self)
            self._feed(head_without_upgrade(method, self.url, version, self.headers))

    # ------------------------------------------------------------------- callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._body = 0
        self._since = self.loop.time()
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        if self._offering is not None:
            self.headers[:], self._offering = self._offering, None
        self._check_head()
        if self.parser.should_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            return  # to `_upgrade`
        super().on_headers_complete()
        self._is_in_head = False
        if not self.pipeline:
            self._running = self.cycle

    def on_body(self, body: bytes) -> None:
        self._head = 0
        self._body += len(body)
        if self._body > self._limits.body:
            self._refuse_body()
            raise Refused
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_in_head:  # else the client offers an upgrade, and the body is still to come
            self._since = None
            self._is_in_head = True
            self._head = 0
            super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._running = self.pipeline[-1][0]
        super().on_response_complete()
        if self._since is not None:
            self._unset_keepalive_if_required()  # another request is coming in already
        if self._unread and not self.pipeline and not self.transport.is_closing():
            self._parse(self._unread)
            self.flow.resume_reading()
        if self._is_over or self._half_closed is not None:
            self._finish()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Continue with the requests that a client sent before it closed its side (RFC 9112, section 9.6)."""
        if self._half_closed is None:
            self._half_closed = self.loop.time()
            self._written = self.transport.written
            self._finish()
        return True

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    # -------------------------------------------------------------------- refusals

    def _check_head(self) -> None:
        """Refuse a request whose head is too long, or whose framing is wrong.

        Raises:
            Refused: the request is refused.
        """
        may_be_too_long, self._head = self._head > self._limits.head, 0
        try:
            length = body_length(self.parser.get_http_version(), self.headers)
        except BadRequest as error:
            self._refuse(HTTPStatus.BAD_REQUEST, error.body["detail"])
            raise Refused from None
        if may_be_too_long and size_of(self.headers) + len(self.url) > self._limits.head:
            self._refuse_head()
        elif length > self._limits.body:
            self._refuse_body()
        elif self.parser.should_upgrade() and self.parser.get_method() == b"CONNECT":
            self._refuse(HTTPStatus.BAD_REQUEST, "CONNECT is not supported; this server is not a proxy.")
        else:
            return
        raise Refused

    def _refuse_head(self) -> None:
        limit = counted(self._limits.head, "bytes")
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The headers take more than {limit}.")

    def _refuse_body(self) -> None:
        limit = counted(self._limits.body, "bytes")
        self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body takes more than {limit}.")

    def _refuse_slow(self) -> None:
        if self._is_in_head and self._head == 0:
            self.transport.close()  # no request was sent
            return
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"The request took more than {self._limits.seconds:g} s.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Respond to the incoming request in place of the application, and read no further."""
        self._is_over = True
        is_given_on = not self._is_in_head and self._running is self.cycle
        is_answered = is_given_on and self.cycle.response_started
        if not is_answered:
            self._refusal = refusal(status, detail)
            self._note_refusal(status, detail, is_given_on=is_given_on)
        self._since = None
        self._finish()

    def _note_refusal(self, status: HTTPStatus, detail: str, *, is_given_on: bool) -> None:
        """Log a request as refused: by the application that has received it, or here, if its path is known."""
        if is_given_on:
            self.scope[REFUSAL] = status.value, detail  # type: ignore[typeddict-unknown-key]
        elif self._log is not None and self._since is not None and self.url:
            request = {
                "method": self.parser.get_method().decode("ascii"),
                "raw_path": self.url.partition(b"?")[0],
                "client": self.client,
            }
            self._log.write(request, status.value, self.loop.time() - self._since, detail)

    # -------------------------------------------------------------------- closing

    @property
    def _current(self) -> RequestResponseCycle | None:
        """The request in progress."""
        running = self._running
        return None if running is None or running.response_complete or running.disconnected else running

    def _finish(self) -> None:
        """Close the connection, once all complete requests have their responses."""
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()
        current = self._current
        is_given_up = self._half_closed is not None and self.transport.closes_at_eof
        if current is not None and not current.more_body and not is_given_up:
            return
        self._stop_timer()
        self._disconnect()
        if self._is_over:
            self._refused.add(self)
        if self._refusal and not self.transport.is_closing():
            self.transport.write(self._refusal)
            self._refusal = b""
        if self._half_closed is not None or len(self._refused) > MOST_LINGERING:
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()
            self._timer = self.loop.call_later(LINGERING, self.transport.close)

    def _disconnect(self) -> None:
        """Notify the application that the client of the current request has disconnected."""
        current = self._current
        if current is not None:
            current.disconnected = True
            current.message_event.set()

    def _watch(self) -> None:
        """Check whether the incoming request has timed out, and schedule the next check.

        A client that has closed its side may have disconnected, so its response has a timeout too: since it did so, or
        since the last piece of a response.
        """
        now = self.loop.time()
        if self._half_closed is not None:
            if self.transport.written > self._written:
                self._half_closed, self._written = now, self.transport.written
            begun = self._half_closed
        elif self._since is None or self.pipeline or self.flow.read_paused:
            begun = now  # the server is not waiting for the client
        else:
            begun = max(self._since, self.flow.reading_since)
        if begun + self._limits.seconds > now:
            self._timer = self.loop.call_at(begun + self._limits.seconds, self._watch)
        elif self._half_closed is not None:
            self.transport.abort()
        else:
            self._refuse_slow()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ReadControl(FlowControl):
    """Pauses reading while too much has been read ahead.

    Attributes:
        reading_since: when it last resumed reading, by the loop's clock.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop, is_full: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._loop = loop
        self._is_full = is_full
        self.reading_since = 0.0

    def resume_reading(self) -> None:
        if self.read_paused and not self._is_full():
            self.reading_since = self._loop.time()
            super().resume_reading()


def new_parser(protocol: Protocol) -> httptools.HttpRequestParser:
    """A parser like uvicorn's: data after a request that closes the connection is ignored."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
