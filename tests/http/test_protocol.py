"""HTTP as clients use it: upgrades, half-closed connections, pipelines, framing, and clients that do not read."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import SMALL
from tests.hostile.exchange import headers_in
from understudy import StandIn
from understudy.http.protocol import MOST_LINGERING, PIECE
from understudy.options import Options
from understudy.server import server

PATIENCE = 60  # seconds
HEALTH = b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"
NOBODY = b'{"flows": {"name": {"any_": ["no-such-flow"]}}}'
WEBSOCKET = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)  # fmt: skip


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with StandIn(SMALL) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def impatient() -> Iterator[StandIn]:
    with StandIn(SMALL, client_timeout=1) as stand_in:
        yield stand_in


# ---------------------------------------------------------------------------- wire


def address_of(stand_in: StandIn) -> tuple[str, int]:
    host, _, port = stand_in.url.removeprefix("http://").partition("/")[0].rpartition(":")
    return host, int(port)


def connect(stand_in: StandIn) -> socket.socket:
    return socket.create_connection(address_of(stand_in), timeout=PATIENCE)


def received(connection: socket.socket) -> bytes:
    """All that is received until the server closes the connection, regularly or by a reset."""
    data = b""
    try:
        while some := connection.recv(2**20):
            data += some
    except ConnectionResetError:
        pass
    return data


def sent(stand_in: StandIn, *pieces: bytes, half_close: bool = False) -> bytes:
    with connect(stand_in) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.002)  # so that it arrives separately, most of the time
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return received(connection)


def answers(data: bytes) -> list[tuple[int, Any]]:
    """The status and the JSON of each response; all have a content length."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), head
        length = int(headers_in(head)["content-length"])
        found.append((int(head.split()[1]), json.loads(data[:length] or b"null")))
        assert len(data) >= length, "an answer was cut off"
        data = data[length:]
    return found


def message(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join((f"{line} HTTP/1.1", "Host: x", *headers, "", "")).encode("latin-1") + body


def with_length(line: str, *headers: str, body: bytes = NOBODY) -> bytes:
    return message(line, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, body=body)


def chunked(line: str, *headers: str, body: bytes = NOBODY) -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:])) + b"0\r\n\r\n"
    kind = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    return message(line, *kind, *headers, body=chunks)


LAST = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def flows(stand_in: StandIn) -> int:
    ((_, count),) = answers(sent(stand_in, with_length("POST /api/flows/count", "Connection: close", body=b"{}")))
    return int(count)


# ------------------------------------------------------------------------ upgrades

OFFERS = (
    ("Connection: Upgrade", "Upgrade: h2c"),
    ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    ("upgrade: websocket", "connection: keep-alive, upgrade"),
    WEBSOCKET,
    ("Connection: Upgrade", "Upgrade: TLS/1.0, HTTP/2.0"),
    ("Connection: UPGRADE", "UPGRADE: \xff !"),
    ("Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"),
    ("Connection: Upgrade", "Upgrade:"),
    ("Upgrade: h2c",),
)


def whole(request: bytes) -> tuple[bytes, ...]:
    return (request,)


def in_two(request: bytes) -> tuple[bytes, ...]:
    head, end, body = request.partition(b"\r\n\r\n")
    return head + end, body


def in_many(request: bytes) -> tuple[bytes, ...]:
    return tuple(request[start : start + 7] for start in range(0, len(request), 7))


@pytest.mark.parametrize("pieces", [whole, in_two, in_many])
@pytest.mark.parametrize("framed", [with_length, chunked])
@pytest.mark.parametrize("offer", OFFERS, ids=str)
def test_upgrade_offer_is_ignored(
    stand_in: StandIn,
    offer: tuple[str, ...],
    framed: Callable[..., bytes],
    pieces: Callable[[bytes], tuple[bytes, ...]],
) -> None:
    """The body is read as that of any request, and so are requests behind it."""
    requests = framed("POST /api/flows/count", *offer) + framed("POST /api/flows/filter", *offer)
    assert answers(sent(stand_in, *pieces(requests + LAST))) == [(200, 0), (200, []), (200, True)]


@pytest.mark.parametrize("framed", [with_length, chunked])
def test_delete_request_with_an_upgrade_offer(stand_in: StandIn, framed: Callable[..., bytes]) -> None:
    before = flows(stand_in)
    for offer in OFFERS:
        request = framed("POST /api/flows/bulk_delete", *offer)
        assert answers(sent(stand_in, request + LAST)) == [(200, {"deleted": []}), (200, True)]
    assert flows(stand_in) == before


def test_upgrade_offer_can_close_the_connection(stand_in: StandIn) -> None:
    offer = with_length("POST /api/flows/count", "Connection: close, Upgrade", "Upgrade: h2c")
    assert answers(sent(stand_in, offer + HEALTH)) == [(200, 0)]


def test_upgrade_offer_without_a_body_is_ignored(stand_in: StandIn) -> None:
    offer = message("GET /api/health", "Connection: Upgrade", "Upgrade: h2c")
    assert answers(sent(stand_in, offer * 500 + LAST)) == [(200, True)] * 501


def test_journal_shows_an_upgrade_offer_as_sent(stand_in: StandIn) -> None:
    sent(stand_in, message("GET /api/hello", "Connection: close, Upgrade", "Upgrade: h2c", "X-Last: 1"))
    noted = next(each for each in stand_in.requests if each["path"] == "/api/hello")
    assert {"host", "connection", "upgrade", "x-last"} <= noted["headers"].keys()
    assert noted["headers"]["upgrade"] == "h2c"


def test_body_after_an_upgrade_offer_is_limited() -> None:
    with StandIn(SMALL, max_body=100, max_head=400) as stand_in:
        offer = ("Connection: Upgrade", "Upgrade: h2c")
        for request in (with_length, chunked):
            assert answers(sent(stand_in, request("POST /api/flows/count", *offer, body=b" " * 101)))[0][0] == 413
        for more in (offer, WEBSOCKET):
            assert answers(sent(stand_in, message("GET /api/health", *more, "X: " + "a" * 400)))[0][0] == 431


def test_connect_is_rejected_and_later_data_ignored(stand_in: StandIn) -> None:
    for target in ("/api/health", "example.org:443"):
        ((status, body),) = answers(sent(stand_in, message(f"CONNECT {target}"), HEALTH))
        assert (status, body) == (400, {"detail": "CONNECT is not supported; this server is not a proxy."})


# ---------------------------------------------------------------------- WebSockets


def test_handshake_without_a_websocket_is_rejected(stand_in: StandIn) -> None:
    assert sent(stand_in, message("GET /api/nothing", *WEBSOCKET)).startswith(b"HTTP/1.1 403 Forbidden\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        message("GET /api/nothing", *WEBSOCKET, "Content-Length: 2", body=b"{}"),
        message("POST /api/nothing", *WEBSOCKET),
        chunked("GET /api/nothing", *WEBSOCKET),
        message("GET /api/nothing", *WEBSOCKET[:2]),
        message("GET /api/nothing", *WEBSOCKET).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=str,
)
def test_invalid_handshake_is_an_ordinary_request(stand_in: StandIn, request_: bytes) -> None:
    assert answers(sent(stand_in, request_, half_close=True)) == [(404, {"detail": "Not Found"})]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("X: " + "a" * 9000,), 400),
        (tuple(f"X-{number}: 1" for number in range(200)), 400),
        (("Content-Length: 00",), 400),
    ],
    ids=["long", "many", "length"],
)
def test_malformed_handshake_is_rejected(stand_in: StandIn, headers: tuple[str, ...], status: int) -> None:
    assert answers(sent(stand_in, message("GET /api/nothing", *WEBSOCKET, *headers)))[0][0] == status
    assert answers(sent(stand_in, message("GET /api/\xff", *WEBSOCKET)))[0][0] == 400


def test_handshake_after_other_requests_is_an_ordinary_request(stand_in: StandIn) -> None:
    slow = message("GET /api/health", "Prefer: delay=0.1")
    both = slow + message("GET /api/nothing", *WEBSOCKET) + LAST
    assert [status for status, _ in answers(sent(stand_in, both))] == [200, 404, 200]


# -------------------------------------------------------------------------- framing

HOSTLESS = "The request has no Host header, which HTTP/1.1 requires."
GZIPPED = "The only transfer coding that is supported is chunked."
BAD = (
    (message("POST /api/flows/", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), GZIPPED),
    (message("POST /api/flows/", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), GZIPPED),
    (message("POST /api/flows/", "Transfer-Encoding: ,chunked", body=b"0\r\n\r\n"), GZIPPED),
    (
        message("POST /api/flows/", "Transfer-Encoding: chunked", body=b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
        "The request has a Transfer-Encoding header, which needs HTTP/1.1.",
    ),
    (b"GET /api/health HTTP/1.1\r\n\r\n", HOSTLESS),
    (b"GET /api/health HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", HOSTLESS),
    (message("GET /api/health", "Host: y"), "The request has more than one Host header."),
    (message("GET /api/health", "Host: x"), "The request has more than one Host header."),
    (message("GET /api/health", "Host: y", *WEBSOCKET), "The request has more than one Host header."),
    (b"GET /api/health HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", "The request has more than one Host header."),
    (b"GET /api/health HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/2.0 is not supported; use HTTP/1.1."),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "Invalid HTTP request received."),
    (message("GET /api/health", "Transfer-Encoding : chunked"), "Invalid HTTP request received."),
    (message("GET http://", ), "Invalid HTTP request received."),
)  # fmt: skip
CREATED = with_length("POST /api/flows/", body=b'{"name": "smuggled"}')


@pytest.mark.parametrize(("request_", "words"), BAD, ids=str)
def test_invalid_framing_is_rejected_and_later_data_ignored(stand_in: StandIn, request_: bytes, words: str) -> None:
    before = flows(stand_in)
    assert answers(sent(stand_in, request_ + CREATED)) == [(400, {"detail": words})]
    assert answers(sent(stand_in, request_, CREATED)) == [(400, {"detail": words})]
    assert flows(stand_in) == before


@pytest.mark.parametrize("delay", ["0", "0.2"])
@pytest.mark.parametrize(("request_", "words"), BAD[:6], ids=str)
def test_earlier_requests_are_answered_first(stand_in: StandIn, request_: bytes, words: str, delay: str) -> None:
    before = flows(stand_in)
    good = message("GET /api/health", f"Prefer: delay={delay}") * 2
    assert answers(sent(stand_in, good + request_ + CREATED)) == [(200, True), (200, True), (400, {"detail": words})]
    assert flows(stand_in) == before


def test_too_long_body_is_rejected_in_order() -> None:
    with StandIn(SMALL, max_body=100) as stand_in:
        good = message("GET /api/health", "Prefer: delay=0.2") * 2
        for request in (with_length, chunked):
            long = request("POST /api/flows/count", body=b" " * 101)
            assert [status for status, _ in answers(sent(stand_in, good + long + HEALTH))] == [200, 200, 413]


def test_answered_request_is_not_also_rejected() -> None:
    """A response that is sent before the body is complete is the only one, however the body continues."""

    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": b"1"})

    start = message("POST /", "Transfer-Encoding: chunked")
    with serving(hasty) as address, socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(start)
        got = connection.recv(4096)
        connection.sendall(b"nonsense")
        assert answers(got + received(connection)) == [(200, 1)]


@pytest.mark.parametrize("line", ["GET /api/health HTTP/1.0", "GET /api/health HTTP/1.1\r\nhost:", "GET /api/health"])
def test_unusual_valid_requests_are_accepted(stand_in: StandIn, line: str) -> None:
    """Clients of HTTP/1.0 need no host, which may always be empty; and HTTP/0.9 has no headers."""
    assert answers(sent(stand_in, f"{line}\r\n\r\n".encode(), half_close=True)) == [(200, True)]


# ---------------------------------------------------------------------- half-closed


@pytest.mark.parametrize("more", [(), ("Connection: close",), ("Prefer: delay=0.1",)], ids=str)
def test_half_closed_client_gets_its_response(stand_in: StandIn, more: tuple[str, ...]) -> None:
    for _ in range(10):
        assert answers(sent(stand_in, message("GET /api/health", *more), half_close=True)) == [(200, True)]
        request = with_length("POST /api/flows/count", *more)
        assert answers(sent(stand_in, request, half_close=True)) == [(200, 0)]


def test_all_requests_before_a_half_close_are_answered(stand_in: StandIn) -> None:
    """Even if the requests are more than is parsed at a time."""
    count = PIECE // len(HEALTH) * 3
    assert answers(sent(stand_in, HEALTH * count, half_close=True)) == [(200, True)] * count
    slow = message("GET /api/health", "Prefer: delay=0.1")
    assert answers(sent(stand_in, slow * 3, half_close=True)) == [(200, True)] * 3


INCOMPLETE = (b"GET /api/hea", CREATED[:-1], CREATED[:-20], chunked("POST /api/flows/", body=b'{"name": "x"}')[:-2])


@pytest.mark.parametrize("request_", INCOMPLETE, ids=str)
def test_incomplete_request_is_dropped(stand_in: StandIn, request_: bytes) -> None:
    before = flows(stand_in)
    slow = message("GET /api/health", "Prefer: delay=0.1")
    assert answers(sent(stand_in, request_, half_close=True)) == []
    assert answers(sent(stand_in, HEALTH + slow + request_, half_close=True)) == [(200, True)] * 2
    assert answers(sent(stand_in, HEALTH * (PIECE // len(HEALTH)) + request_, half_close=True))[1:][-1] == (200, True)
    assert flows(stand_in) == before


def test_half_closed_client_gets_a_rejection(stand_in: StandIn) -> None:
    assert answers(sent(stand_in, BAD[0][0], half_close=True)) == [(400, {"detail": GZIPPED})]
    assert answers(sent(stand_in, HEALTH + BAD[0][0], half_close=True)) == [(200, True), (400, {"detail": GZIPPED})]


def test_half_closed_client_gets_a_long_response(impatient: StandIn) -> None:
    """However long it takes to be sent, as long as it continues."""
    with impatient.workspace() as workspace:
        workspace.faults.add(chunk_delay=0.3, path="/artifacts/filter")
        path = workspace.url.partition(":")[2].partition(":")[2].partition("/")[2]
        request = with_length(f"POST /{path}/artifacts/filter", body=b'{"limit": 10}')
        ((status, rows),) = answers(sent(impatient, request, half_close=True))
    assert (status, len(rows)) == (200, 10)


def test_half_closed_client_times_out(impatient: StandIn) -> None:
    for delayed in (
        message("GET /api/health", "Prefer: delay=60"),
        with_length("POST /api/flows/count", "Prefer: delay=60"),
    ):
        assert sent(impatient, delayed, half_close=True) == b""


@pytest.mark.parametrize("more", [b"", HEALTH, HEALTH * 10_000], ids=["alone", "pipelined", "flooded"])
def test_unanswered_request_ends_with_its_client(stand_in: StandIn, more: bytes) -> None:
    with stand_in.workspace() as workspace:
        workspace.faults.add(connection="hang")
        path = workspace.url.partition(":")[2].partition(":")[2].partition("/")[2]
        with connect(stand_in) as connection:
            connection.sendall(message(f"GET /{path}/health"))
            connection.sendall(more)
            time.sleep(0.3)
            connection.shutdown(socket.SHUT_WR)
            assert received(connection) == b""


# ------------------------------------------------------------------------ pipelines

SLOW = message("GET /api/health", "Prefer: delay=1.4")


@pytest.mark.parametrize("end", [LAST, LAST[:20], LAST[:-1], with_length("POST /api/flows/count", "Connection: close")])
def test_pipelined_responses_can_take_longer_than_the_time_limit(impatient: StandIn, end: bytes) -> None:
    """Requests that are sent meanwhile wait for the server, not vice versa."""
    rest = LAST[len(end) :] if LAST.startswith(end) else b""
    with connect(impatient) as connection:
        connection.sendall(SLOW * 2 + end)
        time.sleep(0.1)
        connection.sendall(rest)
        assert [status for status, _ in answers(received(connection))] == [200] * 3


def test_body_waiting_in_a_pipeline_is_not_too_slow(impatient: StandIn) -> None:
    body = b"{}" + b" " * 2**20
    request = with_length("POST /api/flows/count", "Connection: close", body=body)
    with connect(impatient) as connection:
        sender = threading.Thread(target=connection.sendall, args=(SLOW * 2 + request,))
        sender.start()
        assert [status for status, _ in answers(received(connection))] == [200] * 3
        sender.join()


def test_time_limit_of_a_body_starts_when_reading_resumes() -> None:
    body = b"{}" + b" " * 2**20
    request = with_length("POST /api/flows/count", "Connection: close", "Prefer: delay=2.8", body=body)
    with StandIn(SMALL, client_timeout=2) as stand_in, connect(stand_in) as connection:
        time.sleep(1)
        connection.sendall(request[: -(2**19)])
        time.sleep(3.6)
        connection.sendall(request[-(2**19) :])
        assert answers(received(connection)) == [(200, 12)]


def test_long_pipeline_is_answered_in_order(stand_in: StandIn) -> None:
    requests = [message(f"GET /api/{name}") for name in ("health", "nothing", "version")] * 1000
    data = b"".join(requests) + LAST
    with connect(stand_in) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        statuses = [status for status, _ in answers(received(connection))]
        sender.join()
    assert statuses == [200, 404, 200] * 1000 + [200]


def test_memory_of_a_pipeline_is_limited() -> None:
    """Reading and parsing ahead is limited while the first response is pending."""
    began, seen = threading.Event(), []

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        began.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    with serving(counting) as address, socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            connection.sendall(HEALTH * 2**20)  # 40 MiB in all, of which the kernel takes some
        assert began.is_set()
    assert len(seen) == 1


# ------------------------------------------------------------------ custom programs


@contextmanager
def serving(app: ASGIApp, keep_alive: int = 5, **options: Any) -> Iterator[tuple[str, int]]:
    """A server with another application."""
    ready = threading.Event()
    with ExitStack() as stack:
        listener = stack.enter_context(server.listen("127.0.0.1", 0))
        config = server.config_of(app, Options(**options))
        config.lifespan, config.timeout_keep_alive = "off", keep_alive
        running = server.Server(config, ready.set)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert ready.wait(PATIENCE)
            yield listener.getsockname()
        finally:
            running.should_exit = True
            thread.join()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts every WebSocket, and responds to every request with a delay."""
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] == "/silent":
            await receive()
            return
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


def test_open_websockets_count_as_connections() -> None:
    with serving(echo, max_connections=2) as address, ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
            connection.sendall(message("GET /", *WEBSOCKET))
            assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
        with socket.create_connection(address, timeout=PATIENCE) as refused:
            assert answers(received(refused)) == [(503, {"detail": "The limit of 2 connections is reached."})]


@pytest.mark.parametrize("path", ["/", "/silent"])
def test_silent_websocket_is_closed(path: str) -> None:
    """If the client answers no pings, or the application does not accept the handshake."""
    with serving(echo, client_timeout=1) as address, socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(message(f"GET {path}", *WEBSOCKET))
        assert received(connection).startswith(b"HTTP/1.1 101 ") is (path == "/")


def test_websocket_messages_are_limited_like_bodies() -> None:
    with serving(echo, max_body=1000) as address, socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(message("GET /", *WEBSOCKET))
        connection.recv(4096)
        connection.sendall(b"\x82\xfe\x03\xe9" + bytes(4) + bytes(1001))
        assert b"\x03\xf1" in received(connection)  # status 1009: too big


def test_slow_request_may_exceed_the_keep_alive_timeout() -> None:
    with serving(echo, keep_alive=1) as address, socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(HEALTH + LAST[:20])
        time.sleep(1.5)
        connection.sendall(LAST[20:])
        assert answers(received(connection)) == [(200, {}), (200, {})]


def test_every_request_of_a_disconnected_client_is_notified() -> None:
    began, left = threading.Event(), threading.Event()

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    with serving(waiting, client_timeout=1) as address:
        with socket.create_connection(address, timeout=PATIENCE) as connection:
            connection.sendall(HEALTH * 3)
            assert began.wait(PATIENCE)
        assert left.wait(PATIENCE)


# --------------------------------------------------------------- clients that do not read


@pytest.fixture(scope="module")
def big() -> Iterator[tuple[StandIn, bytes, bytes]]:
    """A server with a short timeout, a request for a long response, and that response's body."""
    with StandIn(SMALL, client_timeout=1, max_connections=4) as stand_in:
        row = with_length("POST /api/artifacts/", "Connection: close", body=b'{"data": "%s"}' % (b"x" * 7_000_000))
        _, _, body = sent(stand_in, row).partition(b"\r\n\r\n")
        yield stand_in, message(f"GET /api/artifacts/{json.loads(body)['id']}"), body


def reading_little(stand_in: StandIn) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    connection.settimeout(PATIENCE)
    connection.connect(address_of(stand_in))
    return connection


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("more", [b"", b"nonsense\r\n\r\n"])
def test_client_that_does_not_read_is_disconnected(big: tuple[StandIn, bytes, bytes], count: int, more: bytes) -> None:
    stand_in, request, _ = big
    with ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(reading_little(stand_in))
            connection.sendall(request * count + more)
        end = time.monotonic() + PATIENCE
        while answers(sent(stand_in, LAST))[0][0] != 200:
            assert time.monotonic() < end, "they were not dropped"
            time.sleep(0.2)


@pytest.mark.parametrize("ending", [b"", b"Connection: close\r\n"])
@pytest.mark.parametrize("half_close", [True, False])
def test_slowly_reading_client_gets_its_whole_response(
    big: tuple[StandIn, bytes, bytes], ending: bytes, half_close: bool
) -> None:
    stand_in, request, body = big
    with reading_little(stand_in) as connection:
        connection.sendall(request[:-2] + ending + b"\r\n")
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        data = b""
        while len(data) < len(body):
            data += connection.recv(2**17)
            time.sleep(0.04)
        while not data.endswith(body):
            some = connection.recv(2**20)
            assert some, "the answer was cut off"
            data += some


def test_rejected_connections_do_not_count_as_open() -> None:
    with StandIn(SMALL, max_connections=2) as stand_in, ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(connect(stand_in))
            connection.sendall(HEALTH)
            connection.recv(4096)

        def refused() -> bool:
            """Whether one more connection is refused; it is not closed by the client."""
            one_more = stack.enter_context(connect(stand_in))
            one_more.sendall(HEALTH)
            return one_more.recv(4096).startswith(b"HTTP/1.1 503 ")

        assert all(refused() for _ in range(10))
        connection.close()
        end = time.monotonic() + PATIENCE
        while refused():
            assert time.monotonic() < end, "the refused ones count"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_number_of_lingering_rejected_connections_is_limited() -> None:
    with StandIn(SMALL, process=True, max_connections=1) as stand_in, ExitStack() as stack:
        stack.enter_context(connect(stand_in)).sendall(HEALTH[:9])
        folder = Path(f"/proc/{stand_in._server._process.pid}/fd")  # type: ignore[union-attr]
        before = len(list(folder.iterdir()))
        for _ in range(MOST_LINGERING * 3):
            assert received(stack.enter_context(connect(stand_in))).startswith(b"HTTP/1.1 503 ")
        assert len(list(folder.iterdir())) <= before + MOST_LINGERING + 5
