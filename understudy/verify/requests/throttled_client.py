"""The client for the server that is verified, with a budget and a rate limit."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx

from understudy.contract.contract import MEDIA_TYPE
from understudy.errors import UnderstudyError
from understudy.network.failures import reason_of
from understudy.sampling.answers import Answer
from understudy.sampling.client_authentication import CsrfTokens
from understudy.sampling.conversations import Conversations
from understudy.sampling.random_requests import Request
from understudy.sampling.sending import answer_of
from understudy.text import one_line

PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)  # seconds to wait before each repetition of a request to a busy server

MOST_URLS = 1000  # the maximum number of parsed URLs to remember


class BudgetSpent(Exception):
    """The run has sent as many requests as it may."""


class NoAnswer(UnderstudyError):
    """A request was sent, and no HTTP response was received."""

    def __init__(self, request: Request, text: str) -> None:
        super().__init__(text)
        self.request = request


class ThrottledClient:
    """Sends requests.

    Args:
        client: the HTTP client, with the server and the headers of every request.
        budget: the maximum number of requests.
        rate: the maximum number of requests per second; None for no limit.
        conversations: the streams of the server; None if they cannot be reached.
    """

    def __init__(
        self, client: httpx.Client, budget: int, rate: float | None, conversations: Conversations | None = None
    ) -> None:
        client.event_hooks = {**client.event_hooks, "request": [*client.event_hooks["request"], self._count]}
        self._client = client
        self._conversations = conversations
        self._budget = budget
        self._pause = 0.0 if rate is None else 1 / rate
        self._next = 0.0
        self._deadline = math.inf
        self._may_hang_up = False
        self._pauses: tuple[float, ...] = PAUSES
        self._urls: dict[str, httpx.URL] = {}
        self.asked = 0

    @property
    def url(self) -> str:
        return str(self._client.base_url).rstrip("/")

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return str(self._client.base_url.copy_with(userinfo=b"")).rstrip("/")

    @property
    def left(self) -> int:
        return 0 if time.monotonic() >= self._deadline else self._budget - self.asked

    def end_in(self, seconds: float) -> None:
        """Send no more requests after a number of seconds."""
        self._deadline = time.monotonic() + seconds

    def allow(self, requests: int) -> None:
        """Allow a number of further requests, to delete what was created."""
        self._budget, self._deadline = max(self._budget, self.asked + requests), math.inf

    def spend(self, requests: int) -> None:
        """Count requests that other code has sent."""
        self.asked += requests

    def tokens(self) -> dict[str, str]:
        """The CSRF headers for a change that other code sends."""
        auth = self._client.auth
        if not isinstance(auth, CsrfTokens):
            return {}
        with suppress(httpx.HTTPError, BudgetSpent):  # the change finds out by itself that there is no answer
            auth.renew(self._client)
        return auth.headers

    def ask(self, request: Request) -> Answer:
        """The response to a request. See `send`."""
        return answer_of(self.send(request))

    @property
    def has_streams(self) -> bool:
        return self._conversations is not None

    def converse(self, request: Request, seconds: float) -> Answer:
        """The response to a request on a stream. See `Conversations.ask`.

        Raises:
            BudgetSpent: no more requests may be sent.
            NoAnswer: the server could not be reached.
        """
        self._count()
        reason = "this client has no WebSockets"
        try:
            if self._conversations is not None:
                return self._conversations.ask(request, seconds)
        except OSError as error:
            reason = one_line(str(error)) or type(error).__name__
        raise NoAnswer(request, f"{self.shown}: {request.path} cannot be opened ({reason})")

    def close_streams(self) -> None:
        """Close all streams that are open."""
        if self._conversations is not None:
            self._conversations.close()

    def send(
        self, request: Request, content: bytes | None = None, meanwhile: Callable[[], object] | None = None
    ) -> httpx.Response:
        """The response to a request. Its body is replaced by `content`, if that is given.

        A 503 means that the server is busy, such as Prefect on SQLite while its database is locked. The request is
        repeated a few times, unless the server has stayed busy before.

        Args:
            request: the request.
            content: the body.
            meanwhile: what to do while the server responds, each time that the request is sent.

        Raises:
            BudgetSpent: no more requests may be sent.
            NoAnswer: there was no response; the text names the server and the request.
        """
        content = request.encoded if content is None else content
        head = {**({} if content is None else {"content-type": MEDIA_TYPE}), **request.headers}
        build = partial(self._built, request, content, head, {} if meanwhile is None else {"trace": after(meanwhile)})
        for pause in self._pauses:
            response = self._sent(request, build)
            if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                return response
            time.sleep(pause)
        response = self._sent(request, build)
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            self._pauses = ()
        return response

    def _sent(self, request: Request, build: Callable[[], httpx.Request]) -> httpx.Response:
        try:
            response = self._on_a_line(build)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            text = f"{self.shown}: {request.method} {request.path} got no response ({reason_of(error)})"
            raise NoAnswer(request, text) from None
        self._may_hang_up = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        return response

    def _on_a_line(self, build: Callable[[], httpx.Request]) -> httpx.Response:
        """The response on an open connection, or on a new one if the server has just closed the open one.

        Uvicorn closes it after a response with 500, and does not read requests that were sent in the meantime.
        """
        try:
            return self._client.send(build())
        except httpx.TransportError:
            if not self._may_hang_up:
                raise
            return self._client.send(build())

    def _built(
        self, request: Request, content: bytes | None, head: Mapping[str, str], extensions: Mapping[str, Any]
    ) -> httpx.Request:
        """A request as the client builds it. The URL of each path is parsed only once."""
        if request.path not in self._urls:
            if len(self._urls) >= MOST_URLS:
                self._urls.clear()
            self._urls[request.path] = self._client.build_request(request.method, request.path).url
        headers = httpx.Headers(self._client.headers)
        headers.update(head)
        return httpx.Request(
            request.method,
            self._urls[request.path],
            headers=headers,
            cookies=self._client.cookies,
            content=content,
            extensions={"timeout": self._client.timeout.as_dict(), **extensions},
        )

    def _count(self, _request: httpx.Request | None = None) -> None:
        """Count a request that is about to be sent, including requests for tokens and repeated ones, and keep to the
        rate.

        Raises:
            BudgetSpent: no more requests may be sent.
        """
        if self.left <= 0:
            raise BudgetSpent
        self.asked += 1
        if self._pause:
            now = time.monotonic()
            time.sleep(max(0.0, self._next - now))
            self._next = max(self._next, now) + self._pause


def after(work: Callable[[], object]) -> Callable[[str, object], None]:
    """The extension `trace` of a request, which does some work when the request has been sent."""

    def trace(event: str, _info: object) -> None:
        if event.endswith("send_request_body.complete"):
            work()

    return trace
