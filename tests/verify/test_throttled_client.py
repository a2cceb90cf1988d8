"""The client: its limits of requests and of their rate, and how it sends requests."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import SMALL
from tests.servers import free_port, stand_in
from tests.verify.contexts import URL, InProcess
from understudy.network.direct_transport import DirectTransport
from understudy.network.network import Network
from understudy.sampling.random_requests import Request
from understudy.sampling.sending import answer_of
from understudy.verify.requests.throttled_client import PAUSES, BudgetSpent, NoAnswer, ThrottledClient

HELLO = Request("GET", "/hello", "/hello")
COUNT = Request("POST", "/flows/count", "/flows/count")


@pytest.fixture
def server(small_app: ASGIApp) -> Iterator[httpx.Client]:
    with httpx.Client(transport=InProcess(small_app), base_url=f"{URL}/") as client:
        yield client


def throttled_client(server: httpx.Client, budget: int = 10, rate: float | None = None) -> ThrottledClient:
    return ThrottledClient(server, budget, rate)


def test_budget_is_enforced(server: httpx.Client) -> None:
    asking = throttled_client(server, budget=2)
    assert [asking.ask(HELLO).status for _ in range(2)] == [200, 200]
    for _ in range(2):
        with pytest.raises(BudgetSpent):
            asking.ask(HELLO)
    assert (asking.asked, asking.left) == (2, 0)


def test_requests_of_others_count(server: httpx.Client) -> None:
    asking = throttled_client(server, budget=5)
    asking.spend(5)
    with pytest.raises(BudgetSpent):
        asking.ask(HELLO)
    assert asking.asked == 5


def test_budget_can_only_be_increased(server: httpx.Client) -> None:
    asking = throttled_client(server, budget=1)
    asking.ask(HELLO)
    asking.allow(2)
    assert asking.left == 2
    asking.allow(0)
    assert asking.left == 2


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of the client, on a simulated clock."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    monkeypatch.setattr(time, "monotonic", lambda: 100 + sum(made))
    return made


def test_rate_is_kept_by_a_pause_before_each_request_except_the_first(
    server: httpx.Client, pauses: list[float]
) -> None:
    asking = throttled_client(server, rate=4)
    for _ in range(4):
        asking.ask(HELLO)
    assert pauses == [0, 0.25, 0.25, 0.25]


def test_response_time_does_not_count_as_a_pause(
    server: httpx.Client, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = throttled_client(server, rate=4)
    for now in (100.0, 100.2, 107.0, 107.0):
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        asking.ask(HELLO)
    assert pauses == [0, pytest.approx(0.05), 0, 0.25]


def test_without_a_rate_there_are_no_pauses(server: httpx.Client, pauses: list[float]) -> None:
    asking = throttled_client(server)
    for _ in range(3):
        asking.ask(HELLO)
    assert pauses == []


def test_post_without_a_body_is_sent_as_json(server: httpx.Client) -> None:
    sent = throttled_client(server).send(COUNT).request
    assert (sent.content, sent.headers["content-type"]) == (b"null", "application/json")
    sent = throttled_client(server).send(HELLO).request
    assert sent.content == b""
    assert "content-type" not in sent.headers


def test_bytes_are_sent_unchanged_with_the_headers_of_the_request(server: httpx.Client) -> None:
    unusual = Request("POST", "/flows/count", "/flows/count", {"limit": 1}, headers={"x-odd": "1"})
    response = throttled_client(server).send(unusual, b"{bad")
    assert (response.request.content, response.request.headers["x-odd"]) == (b"{bad", "1")
    assert response.status_code == 422


@pytest.mark.parametrize("transport", [httpx.HTTPTransport, lambda: DirectTransport(Network())])
def test_other_work_is_done_while_waiting_for_a_response(transport: Callable[[], httpx.BaseTransport]) -> None:
    done: list[str] = []
    with stand_in(SMALL) as api, httpx.Client(transport=transport(), base_url=api.base_url) as client:
        response = throttled_client(client).send(COUNT, meanwhile=lambda: done.append("once"))
    assert (response.status_code, done) == (200, ["once"])


def test_response_is_a_value_or_else_a_text(server: httpx.Client) -> None:
    assert throttled_client(server).ask(COUNT).body == 12
    assert answer_of(httpx.Response(200, text="{bad")).body == "{bad"
    assert answer_of(httpx.Response(204)).body == ""


def test_url_ends_without_a_slash(server: httpx.Client) -> None:
    assert throttled_client(server).url == URL


def test_missing_response_is_reported_with_server_and_request() -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    with httpx.Client(base_url=url) as client, pytest.raises(NoAnswer) as error:
        ThrottledClient(client, 1, None).ask(HELLO)
    assert error.value.request == HELLO
    assert str(error.value).startswith(f"{url}: GET /hello got no response (")


class Busy:
    """A server that is busy for the first requests."""

    def __init__(self, requests: int) -> None:
        self.left = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.left -= 1
        await PlainTextResponse("", 503 if self.left >= 0 else 200)(scope, receive, send)


def test_request_to_a_busy_server_is_repeated(pauses: list[float]) -> None:
    with httpx.Client(transport=InProcess(Busy(2)), base_url=URL) as client:
        asking = throttled_client(client)
        assert asking.ask(HELLO).status == 200
    assert (asking.asked, pauses) == (3, list(PAUSES[:2]))


def test_permanently_busy_server_is_waited_for_once(pauses: list[float]) -> None:
    with httpx.Client(transport=InProcess(Busy(100)), base_url=URL) as client:
        asking = throttled_client(client, budget=100)
        assert [asking.ask(HELLO).status for _ in range(2)] == [503, 503]
    assert (asking.asked, pauses) == (len(PAUSES) + 2, list(PAUSES))


@contextmanager
def closing(first: bytes) -> Iterator[str]:
    """The URL of a server that closes a connection without notice at its second request.

    The very first response is `first`, the others are 200.
    """
    answers = iter([first])

    def answer(line: socket.socket) -> None:
        with line:
            line.recv(65536)
            status = next(answers, b"200 OK")
            line.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")
            line.recv(1)  # what is left unread makes the end a reset

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[line], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_server_may_close_the_connection_after_an_error(pauses: list[float]) -> None:
    with closing(b"500 Internal Server Error") as url, httpx.Client(base_url=url) as client:
        asking = throttled_client(client)
        assert [asking.ask(HELLO).status for _ in range(2)] == [500, 200]


def test_connection_closed_at_another_time_is_a_missing_response(pauses: list[float]) -> None:
    with closing(b"200 OK") as url, httpx.Client(base_url=url) as client:
        asking = throttled_client(client)
        assert asking.ask(HELLO).status == 200
        with pytest.raises(NoAnswer):
            asking.ask(HELLO)
