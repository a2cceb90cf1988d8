"""The transport without a proxy: how responses end, which connections are used again, and how errors are reported."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

import httpx
import pytest

from tests.servers import free_port
from understudy.network.direct_transport import LONGEST_HEAD, SENT, DirectTransport, IncomingResponse
from understudy.network.network import Network

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
TOO_LONG = r"^the headers of the response are longer than 1,048,576 bytes$"
CLOSE = b""  # instead of a response: the server closes the connection


class Server:
    """Sends given responses, in order, one for each request; `used` are the connections that they are sent on.

    After `CLOSE`, and after the last one, it closes the connection.
    """

    def __init__(self, responses: Sequence[bytes]) -> None:
        self.used: list[int] = []
        self.requests: list[bytes] = []
        self.closed = threading.Semaphore(0)
        self._responses = list(responses)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # the listener or a connection is closed
            for number in count():
                line, _ = self._listener.accept()
                with line:
                    self._answer(line, number)
                self.closed.release()

    def _answer(self, line: socket.socket, number: int) -> None:
        while self._responses and (self._responses[0] == CLOSE or (request := line.recv(65536))):
            response = self._responses.pop(0)
            if response == CLOSE:
                return
            self.used.append(number)
            self.requests.append(request)
            line.sendall(response)

    def stop(self) -> None:
        self._listener.close()


@contextmanager
def exchange(
    *responses: bytes, timeout: float = 10, keepalive: float = 10, whole: bool = False
) -> Iterator[tuple[httpx.Client, Server]]:
    server = Server(responses)
    transport = DirectTransport(Network(), keepalive, whole=whole)
    with httpx.Client(transport=transport, base_url=server.url, timeout=timeout) as client:
        yield client, server
    server.stop()


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_connection_is_reused_after_a_response(response: bytes, body: bytes) -> None:
    with exchange(response, EMPTY) as (client, server):
        assert client.get("/").content == body
        assert client.get("/").content == b""
        assert server.used == [0, 0]


def test_response_has_its_status_reason_and_headers() -> None:
    teapot = b"HTTP/1.1 418 Short and stout\r\nX-Odd: \xe9\r\nx-odd: 2\r\ncontent-length: 0\r\n\r\n"
    with exchange(teapot) as (client, _):
        response = client.get("/")
    assert (response.status_code, response.reason_phrase) == (418, "Short and stout")
    assert response.headers.get_list("x-odd") == ["\u00e9", "2"]


def test_request_is_sent_with_its_headers_and_body() -> None:
    with exchange(EMPTY) as (client, server):
        client.post("/a%20b?c=d", content=b"body", headers={"x-odd": "1"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nx-odd: 1\r\n" in head
    assert body == b"body"


def test_trace_is_called_when_the_request_was_sent() -> None:
    events: list[str] = []
    with exchange(EMPTY) as (client, server):

        def trace(event: str, _info: object) -> None:
            events.append(event)
            while not server.requests:
                time.sleep(0.001)

        client.get("/", extensions={"trace": trace})
    assert events == [SENT]


def test_body_can_end_with_the_connection() -> None:
    with exchange(b"HTTP/1.1 200 OK\r\n\r\nhello", CLOSE, EMPTY) as (client, server):
        assert client.get("/").content == b"hello"
        client.get("/")
        assert server.used == [0, 1]


def test_response_to_head_has_no_body() -> None:
    with exchange(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", EMPTY) as (client, server):
        assert client.head("/").content == b""
        client.get("/")
        assert server.used == [0, 1]


@pytest.mark.parametrize("header", [b"connection: close\r\n", b""])
def test_closed_connection_is_not_reused(header: bytes) -> None:
    first = b"HTTP/1.1 200 OK\r\n" + header + b"content-length: 0\r\n\r\n"
    with exchange(first, CLOSE, EMPTY) as (client, server):
        client.get("/")
        server.closed.acquire()
        client.get("/")
        assert server.used == [0, 1]


def test_connection_idle_for_long_is_not_reused() -> None:
    with exchange(EMPTY, EMPTY, keepalive=0) as (client, server):
        client.get("/")
        client.get("/")
        assert server.used == [0, 1]


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"hello\r\n\r\n",
    ],
)
def test_incomplete_response_is_an_error(response: bytes) -> None:
    with exchange(response, CLOSE) as (client, _), pytest.raises(httpx.RemoteProtocolError):
        client.get("/")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nx: "])
@pytest.mark.parametrize("part", [b"x: 1\r\n", b"x" * 10])
def test_headers_without_an_end_are_an_error(head: bytes, part: bytes) -> None:
    endless = head + part * (LONGEST_HEAD // len(part) + 10_000)
    with exchange(endless) as (client, _), pytest.raises(httpx.RemoteProtocolError, match=TOO_LONG):
        client.get("/")


def test_responses_without_a_final_one_are_an_error() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    endless = early * (LONGEST_HEAD // len(early) + 10_000)
    with exchange(endless) as (client, _), pytest.raises(httpx.RemoteProtocolError, match=TOO_LONG):
        client.get("/")


def test_timeout_is_an_error() -> None:
    with exchange(b"HTTP/1.1 200 OK\r\n", EMPTY, timeout=0.05) as (client, _), pytest.raises(httpx.ReadTimeout):
        client.get("/")


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
DRIPS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "responses before the final one": (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "an extension of a chunk": (CHUNKED + b"2;", b"a"),
    "trailers": (CHUNKED + b"0\r\n", b"x: y\r\n"),
}


@pytest.mark.parametrize("name", DRIPS)
@pytest.mark.parametrize("pause", [0.01, 0], ids=["slow", "fast"])
def test_response_without_an_end_is_a_timeout(name: str, pause: float) -> None:
    first, drop = DRIPS[name]

    def serve() -> None:
        line, _ = listener.accept()
        with line, suppress(OSError):  # the client has left
            line.sendall(first)
            while True:
                line.sendall(drop if pause else drop * 100)
                time.sleep(pause)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        transport = DirectTransport(Network(), whole=True)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            httpx.Client(transport=transport, timeout=0.3) as client,
            pytest.raises((httpx.ReadTimeout, httpx.RemoteProtocolError)) as error,
        ):
            client.get(url)
    assert str(error.value) in ("no complete response within 0.3 seconds", TOO_LONG.strip("^$"))
    assert not pause or isinstance(error.value, httpx.ReadTimeout)


def test_response_that_comes_in_time_is_read_whole() -> None:
    with exchange(CHUNKED + b"2\r\nhe\r\n0\r\n\r\n", EMPTY, whole=True) as (client, server):
        assert client.get("/").content == b"he"
        assert client.get("/").content == b""
        assert server.used == [0, 0]


def test_connection_that_is_closed_without_a_response_is_an_error() -> None:
    """The request is not sent again: the server may have read it."""
    with exchange(CLOSE, EMPTY) as (client, server):
        with pytest.raises(httpx.RemoteProtocolError, match=r"^the server closed the connection without a response$"):
            client.get("/")
        assert server.used == []


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", "the response is not valid HTTP: Expected HTTP/"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "the server uses TLS: its URL begins with https://"),
        (b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "the server switches to another protocol"),
    ],
)
def test_other_protocol_is_named(response: bytes, reason: str) -> None:
    with exchange(response) as (client, _), pytest.raises(httpx.RemoteProtocolError, match=f"^{reason}"):
        client.get("/")


def test_unreachable_server_is_an_error() -> None:
    with (
        httpx.Client(transport=DirectTransport(Network(), 1)) as client,
        pytest.raises(httpx.ConnectError, match="refused"),
    ):
        client.get(f"http://127.0.0.1:{free_port()}")


def test_header_cannot_inject_others() -> None:
    with exchange(EMPTY) as (client, server):
        with pytest.raises(httpx.LocalProtocolError, match="line end"):
            client.get("/", headers={"x-odd": "1\r\nx-more: 2"})
        client.get("/")
    assert len(server.requests) == 1


def test_unread_response_keeps_its_connection() -> None:
    hello = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    with exchange(hello, CLOSE, EMPTY) as (client, server), client.stream("GET", "/") as response:
        client.get("/")
        assert response.read() == b"hello"
        assert server.used == [0, 1]


class Interrupted(BaseException):
    """Raised as Ctrl-C is."""


def test_ctrl_c_while_parsing_a_response_ends_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: IncomingResponse, name: bytes, value: bytes) -> None:
        raise Interrupted

    with exchange(EMPTY, EMPTY) as (client, server):
        with monkeypatch.context() as patch:
            patch.setattr(IncomingResponse, "on_header", interrupt)
            with pytest.raises(Interrupted):
                client.get("/")
        server.closed.acquire(timeout=10)
        assert client.get("/").content == b""
