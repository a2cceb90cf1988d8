"""The `Prefer` header: which response a client wants, in the words that other mock servers use too."""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.contract.contract import MEDIA_TYPE
from understudy.errors import BadRequest
from understudy.http.connections import unless_stopped
from understudy.http.error_responses import error_of
from understudy.http.responses import encode, send_json
from understudy.http.routing_table import ROUTE
from understudy.operations.api_folder import Operation
from understudy.operations.request_headers import headers_of

NAME = b"prefer"
WISH = re.compile(r'(?:^|[,;])\s*([\w-]+)\s*(?:=(?:\s*"([^"]*)"\s*|([^",;]*)))?(?=[,;]|$)')
EMPTY = "empty"  # what the answer of a status without a body is called
LONGEST = 60  # seconds


@dataclass(frozen=True)
class Wishes:
    """A status, the name of an example of the contract, seconds to wait; None where it is all the same."""

    code: int | None = None
    example: str | None = None
    delay: float = 0


class PreferMiddleware:
    """Answers as the `Prefer` header of a request wants it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or NAME not in headers_of(scope):
            return self._app(scope, receive, send)
        wishes = wishes_in(",".join(value.decode("latin-1") for name, value in scope["headers"] if name == NAME))
        return unless_stopped(self._answer(wishes, scope, receive, send), scope, receive)

    async def _answer(self, wishes: Wishes, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(wishes.delay)
        if wishes.code is None and wishes.example is None:
            await self._app(scope, receive, send)
            return
        route = scope[ROUTE]
        status, body = answer_for(wishes, route and route.operation)
        await send_json(scope, send, status, body)


def wishes_in(header: str) -> Wishes:
    """What a header says; other preferences than ours are none of our business.

    Raises:
        BadRequest: one of ours makes no sense.
    """
    found = list(WISH.finditer(header))
    said = {match[1].lower(): (match[2] or match[3] or "").strip() for match in reversed(found)}  # the first one counts
    try:
        code = int(said["code"]) if "code" in said else None
        delay = float(said.get("delay", 0))
    except ValueError:
        raise BadRequest("`Prefer` takes code=STATUS, delay=SECONDS and example=NAME.") from None
    if not 0 <= delay <= LONGEST or not (code is None or 200 <= code <= 599):  # noqa: PLR2004 - statuses
        raise BadRequest(f"`Prefer` takes a code from 200 to 599, and a delay of at most {LONGEST} seconds.")
    return Wishes(code, said.get("example"), delay)


def answer_for(wishes: Wishes, operation: Operation | None) -> tuple[int, bytes]:
    """The example of the contract that is wanted, else the usual error of a status.

    Raises:
        ApiError: that error; or there is no such example.
    """
    examples = {} if operation is None else examples_of(operation)
    fitting = [
        (status, value)
        for (status, name), value in examples.items()
        if wishes.code in (None, status) and wishes.example in (None, name)
    ]
    if fitting:
        status, value = fitting[0]
        return status, b"" if status == HTTPStatus.NO_CONTENT else encode(value)
    if wishes.example is None and wishes.code is not None and wishes.code >= HTTPStatus.BAD_REQUEST:
        raise error_of(wishes.code, None)
    there = ", ".join(f"{name} ({status})" for status, name in examples) or "none"
    raise BadRequest(f"The contract has no such example for this operation; it has {there}.")


def examples_of(operation: Operation) -> Mapping[tuple[int, str], Any]:
    """The examples of an operation's answers, by status and name."""
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
