"""An HTTP transport without a proxy, which takes a quarter of the time of httpx's own."""

import math
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait

import httpx
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from understudy.network.network import Network
from understudy.network.transport import LimitedResponse

KEEPALIVE = 2.0  # seconds; servers close connections that are idle for 5
TLS_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")  # variables
CHUNK = 1 << 16  # bytes that are read at once
TLS_ALERT = b"\x15\x03"  # how the response of a server with TLS to a request without it begins
LONGEST_HEAD = 1 << 20  # bytes before the body, of all responses that are only information too
SENT = "http11.send_request_body.complete"  # what httpcore calls this event
FRAMING = {b"content-length", b"transfer-encoding"}  # without these headers, a body ends with the connection

Origin = tuple[str, bytes, int | None]
"""The scheme, host and port of a URL."""


class Closed(httpx.RemoteProtocolError):
    """The server closed the connection before the first byte of the response."""

    def __init__(self) -> None:
        super().__init__("the server closed the connection without a response")


class DirectTransport(httpx.BaseTransport):
    """A transport that keeps connections open. Bodies are limited as those of `Transport`.

    Of the extension `trace` of httpcore, it supports the event that a request is sent.

    Args:
        network: the network options, of which the proxy is not used.
        keepalive: the seconds after which an idle connection is not used again; 0 to close each one.
        whole: whether the read timeout is for a whole response, rather than for each part of it. Without this, a server
            that sends a byte now and then is waited for without end.

    Raises:
        UnderstudyError: the certificates cannot be used.
    """

    def __init__(self, network: Network, keepalive: float = KEEPALIVE, *, whole: bool = False) -> None:
        self._certificates = network.certificates()
        self._keepalive = keepalive
        self._whole = whole
        self._context: ssl.SSLContext | None = None
        self._idle: dict[Origin, list[tuple[float, socket.socket]]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin = request.url.scheme, request.url.raw_host, request.url.port
        message = written(request)
        line = self._kept(origin) or self._opened(origin, timeouts(request).get("connect"))
        response = self._answered(line, request, message)
        return LimitedResponse(
            response.status,
            headers=response.headers,
            stream=Body(response, self._idle.setdefault(origin, []) if self._keepalive else None),
            extensions={"reason_phrase": response.reason},
        )

    def _answered(self, line: socket.socket, request: httpx.Request, message: bytes) -> "IncomingResponse":
        """Send a request on a connection, and read the head of the response."""
        timeout, trace = timeouts(request).get("read"), request.extensions.get("trace")
        response = IncomingResponse(line, is_bodiless=request.method == "HEAD")
        try:
            with translated(httpx.ReadTimeout, httpx.ReadError):
                line.settimeout(timeout)
                try:
                    line.sendall(message)
                except (BrokenPipeError, ConnectionResetError) as error:
                    raise Closed from error
                if trace is not None:
                    trace(SENT, {})
                if self._whole and timeout is not None:
                    response.limit(timeout)
                response.read_head()
        except BaseException:
            line.close()
            raise
        return response

    def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop()[1].close()

    def _kept(self, origin: Origin) -> socket.socket | None:
        """An open connection; None without one. If a server has sent something unrequested, the connection is
        closed.
        """
        idle = self._idle.get(origin, [])
        while True:
            try:
                since, line = idle.pop()
            except IndexError:  # without asking first, since another thread may take the last one
                return None
            if time.monotonic() < since + self._keepalive and not wait([line], 0):
                return line
            line.close()

    def _opened(self, origin: Origin, timeout: float | None) -> socket.socket:
        scheme, host, port = origin
        name = host.decode("ascii")
        if scheme == "https":
            self._context = self._context or context_of(self._certificates)
        with translated(httpx.ConnectTimeout, httpx.ConnectError):
            line = socket.create_connection((name, port or (443 if scheme == "https" else 80)), timeout)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme != "https" or self._context is None:
                return line
            try:
                return self._context.wrap_socket(line, server_hostname=name)
            except BaseException:
                line.close()
                raise


class IncomingResponse:
    """A response that is read from a connection. httptools calls the methods `on_…`.

    Args:
        line: the connection.
        is_bodiless: whether the response ends with its head, whatever that says.
    """

    def __init__(self, line: socket.socket, *, is_bodiless: bool) -> None:
        self.line = line
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self.may_continue = False  # whether the connection may be used again
        self._is_bodiless = is_bodiless
        self._received = 0  # bytes
        self._seconds = self._end = math.inf  # how long the response may take, and until when, by `time.monotonic`
        self._chunks: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.reason, self.headers = b"", []

    def on_status(self, text: bytes) -> None:
        self.reason += text

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self.status = status if status >= httpx.codes.OK else 0  # before it come those that are only information
        self.is_complete = self._is_bodiless and self.status != 0

    def on_body(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self.status and not self.is_complete:
            self.is_complete, self.may_continue = True, self._parser.should_keep_alive()

    def limit(self, seconds: float) -> None:
        """Set how many more seconds the response may take."""
        self._seconds, self._end = seconds, time.monotonic() + seconds

    def read_head(self) -> None:
        while not self.status:
            self._read()
            if self._received > LONGEST_HEAD and not self.status:
                raise httpx.RemoteProtocolError(f"the headers of the response are longer than {LONGEST_HEAD:,} bytes")

    def chunks(self) -> Iterator[bytes]:
        """The body, in pieces."""
        while True:
            chunks, self._chunks = self._chunks, []
            yield from chunks
            if self.is_complete:
                return
            self._read()

    def _read(self) -> None:
        """Read what has arrived."""
        data = self._arrived()
        if data:
            self._received += len(data)
            self._parse(data)
        elif self.status and FRAMING.isdisjoint(name.lower() for name, _ in self.headers):
            self.is_complete = True
        elif self._received:
            raise httpx.RemoteProtocolError("the server closed the connection before the end of the response")
        else:
            raise Closed

    def _arrived(self) -> bytes:
        """What has arrived; nothing at the end of the connection."""
        left = self._end - time.monotonic()
        late = f"no complete response within {self._seconds:g} seconds"
        if left <= 0:
            raise httpx.ReadTimeout(late)
        if left < math.inf:
            self.line.settimeout(left)
        try:
            return self.line.recv(CHUNK)
        except TimeoutError as error:
            raise httpx.ReadTimeout(late if left < math.inf else str(error)) from error
        except ConnectionResetError as error:
            if self._received:
                raise
            raise Closed from error

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserCallbackError as error:
            raise error.__context__ or error from None  # Ctrl-C came in a method `on_…`
        except HttpParserUpgrade:
            raise httpx.RemoteProtocolError("the server switches to another protocol than HTTP") from None
        except HttpParserError as error:
            if data.startswith(TLS_ALERT) and self._received == len(data):
                raise httpx.RemoteProtocolError("the server uses TLS: its URL begins with https://") from None
            raise httpx.RemoteProtocolError(f"the response is not valid HTTP: {error}") from error


class Body(httpx.SyncByteStream):
    """The body of a response. Once it is read, its connection is added to the idle ones, or closed without a list."""

    def __init__(self, response: IncomingResponse, idle: list[tuple[float, socket.socket]] | None) -> None:
        self._response = response
        self._idle = idle

    def __iter__(self) -> Iterator[bytes]:
        with translated(httpx.ReadTimeout, httpx.ReadError):
            yield from self._response.chunks()

    def close(self) -> None:
        if self._response.may_continue and self._idle is not None:
            self._response.may_continue = False
            self._idle.append((time.monotonic(), self._response.line))
        else:
            self._response.line.close()


def context_of(certificates: ssl.SSLContext | bool) -> ssl.SSLContext:
    """The context for TLS connections.

    Raises:
        httpx.ConnectError: a file that the environment names cannot be used.
    """
    try:
        return httpx.create_ssl_context(certificates)
    except OSError as error:  # an SSLError is one, too
        named = ", ".join(f"{name}={os.environ[name]}" for name in TLS_FILES if name in os.environ)
        raise httpx.ConnectError(f"a file of TLS cannot be used: {named or 'certificates'} ({error})") from None


def written(request: httpx.Request) -> bytes:
    """A request as it is sent.

    Raises:
        httpx.LocalProtocolError: a header has a line end.
    """
    lines = [
        b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path),
        *(b"%b: %b" % header for header in request.headers.raw),
        b"\r\n",
    ]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        raise httpx.LocalProtocolError("a header has a line end")
    return head + request.read()


def timeouts(request: httpx.Request) -> dict[str, float | None]:
    return dict(request.extensions.get("timeout", {}))


@contextmanager
def translated(timeout: type[httpx.TimeoutException], broken: type[httpx.NetworkError]) -> Iterator[None]:
    """Raise the errors of sockets as those of httpx."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error
