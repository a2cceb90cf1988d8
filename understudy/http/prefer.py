"""The `Prefer` header: the response that a client wants, with the preferences of other mock servers."""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.contract.contract import MEDIA_TYPE
from understudy.errors import BadRequest
from understudy.http.connections import pause, unless_stopped
from understudy.http.error_responses import error_of
from understudy.http.responses import encode, send_json
from understudy.http.routing_table import ROUTE
from understudy.operations.operation import Operation
from understudy.operations.request_headers import headers_of

NAME = b"prefer"
PREFERENCE = re.compile(r'(?:^|[,;])\s*([\w-]+)\s*(?:=(?:\s*"([^"]*)"\s*|([^",;]*)))?(?=[,;]|$)')
EMPTY = "empty"  # the name of the example of a response without a body
LONGEST = 60  # seconds


@dataclass(frozen=True)
class Preferences:
    """A status, the name of an example of the contract, and seconds to wait; None for those that are not given."""

    code: int | None = None
    example: str | None = None
    delay: float = 0


class PreferMiddleware:
    """Responds as the `Prefer` header of a request requires."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or NAME not in headers_of(scope):
            return self._app(scope, receive, send)
        preferences = preferences_in(
            ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == NAME)
        )
        return unless_stopped(self._respond(preferences, scope, receive, send), scope, receive)

    async def _respond(self, preferences: Preferences, scope: Scope, receive: Receive, send: Send) -> None:
        await pause(preferences.delay, scope)
        if preferences.code is None and preferences.example is None:
            await self._app(scope, receive, send)
            return
        route = scope[ROUTE]
        status, body = response_for(preferences, route and route.operation)
        await send_json(scope, send, status, body)


def preferences_in(header: str) -> Preferences:
    """Parse a header. Unknown preferences are ignored.

    Raises:
        BadRequest: a known preference is not valid.
    """
    found = list(PREFERENCE.finditer(header))
    given = {match[1].lower(): (match[2] or match[3] or "").strip() for match in reversed(found)}  # first wins
    try:
        code = int(given["code"]) if "code" in given else None
        delay = float(given.get("delay", 0))
    except ValueError:
        raise BadRequest("`Prefer` takes code=STATUS, delay=SECONDS and example=NAME.") from None
    if not 0 <= delay <= LONGEST or not (code is None or 200 <= code <= 599):  # noqa: PLR2004 - statuses
        raise BadRequest(f"`Prefer` takes a code from 200 to 599, and a delay of at most {LONGEST} seconds.")
    return Preferences(code, given.get("example"), delay)


def response_for(preferences: Preferences, operation: Operation | None) -> tuple[int, bytes]:
    """The example of the contract that a client prefers, else the usual error of a status.

    Raises:
        ApiError: the error; or the contract has no such example.
    """
    examples = {} if operation is None else examples_of(operation)
    fitting = [
        (status, value)
        for (status, name), value in examples.items()
        if preferences.code in (None, status) and preferences.example in (None, name)
    ]
    if fitting:
        status, value = fitting[0]
        return status, b"" if status == HTTPStatus.NO_CONTENT else encode(value)
    if preferences.example is None and preferences.code is not None and preferences.code >= HTTPStatus.BAD_REQUEST:
        raise error_of(preferences.code, None)
    names = ", ".join(f"{name} ({status})" for status, name in examples) or "none"
    raise BadRequest(f"The contract has no such example for this operation; it has {names}.")


def examples_of(operation: Operation) -> Mapping[tuple[int, str], Any]:
    """The examples of an operation's responses, by status and name."""
    found: dict[tuple[int, str], Any] = {}
    for status, response in operation.place.entries("responses"):
        if not status.isdecimal():
            continue
        content = response.get("content")
        if content is None:
            found[int(status), EMPTY] = None
            continue
        media = content.get(MEDIA_TYPE)
        if media is None:
            continue
        if "example" in media.value:
            found[int(status), "example"] = media.value["example"]
        for name, example in media.value.get("examples", {}).items():
            found[int(status), name] = example.get("value")
    return found
