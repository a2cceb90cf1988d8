"""A connection: no more requests than allowed, no faster, and in the form that they are told in."""

import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.types import ASGIApp

from tests.servers import free_port
from tests.verification.meaning.inspections import URL, InProcess
from understudy.verification.generator import Request
from understudy.verification.meaning.connection import BudgetSpent, Connection, NoAnswer, answer_of

HELLO = Request("GET", "/hello", "/hello")
COUNT = Request("POST", "/flows/count", "/flows/count")


@pytest.fixture
def server(small_app: ASGIApp) -> Iterator[httpx.Client]:
    with httpx.Client(transport=InProcess(small_app), base_url=f"{URL}/") as client:
        yield client


def connection(server: httpx.Client, budget: int = 10, rate: float | None = None) -> Connection:
    return Connection(server, budget, rate)


def test_a_budget_is_kept(server: httpx.Client) -> None:
    asking = connection(server, budget=2)
    assert [asking.ask(HELLO).status for _ in range(2)] == [200, 200]
    for _ in range(2):
        with pytest.raises(BudgetSpent):
            asking.ask(HELLO)
    assert (asking.asked, asking.left) == (2, 0)


def test_what_others_send_counts_too(server: httpx.Client) -> None:
    asking = connection(server, budget=5)
    asking.spend(5)
    with pytest.raises(BudgetSpent):
        asking.ask(HELLO)
    assert asking.asked == 5


def test_more_may_be_allowed_but_never_less(server: httpx.Client) -> None:
    asking = connection(server, budget=1)
    asking.ask(HELLO)
    asking.allow(2)
    assert asking.left == 2
    asking.allow(0)
    assert asking.left == 2


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made, which pass at once; no other time passes."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    monkeypatch.setattr(time, "monotonic", lambda: 100 + sum(made))
    return made


def test_a_rate_is_kept_by_a_pause_before_each_request_but_the_first(server: httpx.Client, pauses: list[float]) -> None:
    asking = connection(server, rate=4)
    for _ in range(4):
        asking.ask(HELLO)
    assert pauses == [0, 0.25, 0.25, 0.25]


def test_the_time_that_an_answer_takes_is_no_pause(
    server: httpx.Client, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = connection(server, rate=4)
    for now in (100.0, 100.2, 107.0, 107.0):
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        asking.ask(HELLO)
    assert pauses == [0, pytest.approx(0.05), 0, 0.25]


def test_without_a_rate_there_is_no_pause(server: httpx.Client, pauses: list[float]) -> None:
    asking = connection(server)
    for _ in range(3):
        asking.ask(HELLO)
    assert pauses == []


def test_a_post_has_a_json_body_even_without_one(server: httpx.Client) -> None:
    sent = connection(server).send(COUNT).request
    assert (sent.content, sent.headers["content-type"]) == (b"null", "application/json")
    sent = connection(server).send(HELLO).request
    assert sent.content == b""
    assert "content-type" not in sent.headers


def test_bytes_are_sent_as_they_are_with_the_headers_of_the_request(server: httpx.Client) -> None:
    odd = Request("POST", "/flows/count", "/flows/count", {"limit": 1}, headers={"x-odd": "1"})
    response = connection(server).send(odd, b"{bad")
    assert (response.request.content, response.request.headers["x-odd"]) == (b"{bad", "1")
    assert response.status_code == 422


def test_an_answer_is_a_value_or_else_a_text(server: httpx.Client) -> None:
    assert connection(server).ask(COUNT).body == 12
    assert answer_of(httpx.Response(200, text="{bad")).body == "{bad"
    assert answer_of(httpx.Response(204)).body == ""


def test_its_url_ends_without_a_slash(server: httpx.Client) -> None:
    assert connection(server).url == URL


def test_what_is_not_answered_is_told_with_server_and_request() -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    with httpx.Client(base_url=url) as client, pytest.raises(NoAnswer) as error:
        Connection(client, 1, None).ask(HELLO)
    assert error.value.request == HELLO
    assert str(error.value).startswith(f"{url}: GET /hello cannot be asked (")
