"""The request log: a line for each request, with its method, path, status, and time in milliseconds."""

import json
from collections.abc import Callable
from datetime import datetime, timezone
from time import perf_counter
from typing import Final, TextIO

import click
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.http.not_found import HINT
from understudy.text import escape

REFUSAL: Final = "understudy.refusal"
"""The key in a request's ASGI scope of the status and the reason with which its connection has refused it meanwhile."""

COLOURS: Final = {2: "green", 3: "cyan", 4: "yellow", 5: "red"}  # by the first digit of a status
ERRORS: Final = 400  # the least status of an error
LONGEST: Final = 1000  # characters of a path

Form = Callable[[Scope, int | None, float, str | None], str]
"""Formats the line of a request with its status (None without a response), its milliseconds, and a hint."""


class RequestLog:
    """Writes a line for each request.

    Args:
        stream: where the lines go; writing there must not block.
        form: formats a line.
    """

    def __init__(self, stream: TextIO, form: Form) -> None:
        self._stream = stream
        self._form = form

    def write(self, scope: Scope, status: int | None, seconds: float, hint: str | None) -> None:
        """Write the line of a request.

        Args:
            scope: has the `method`, the `raw_path` and the `client` of the request.
            status: that of its response; None if it got none.
            seconds: how long it took.
            hint: what else to say about it.
        """
        self._stream.write(f"{self._form(scope, status, seconds * 1000, hint)}\n")


class RequestLogMiddleware:
    """Logs each request, once its response is sent.

    Args:
        app: the next application.
        log: where the lines go.
    """

    def __init__(self, app: ASGIApp, log: RequestLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = perf_counter()
        start: Message | None = None

        async def noted(message: Message) -> None:
            nonlocal start
            start = start or message
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            status = start["status"] if start else None
            hint = hint_in(start) if start and start["status"] >= ERRORS else None
            status, hint = scope.get(REFUSAL, (status, hint))
            self._log.write(scope, status, perf_counter() - begin, hint)


def hint_in(start: Message) -> str | None:
    return next((value.decode("ascii") for name, value in start["headers"] if name == HINT), None)


def path_of(scope: Scope) -> str:
    """The path as it was sent, percent-encoded, so that a space in it does not forge a status; a long one is cut."""
    path = escape(scope["raw_path"].decode("ascii", "backslashreplace"))
    return path if len(path) <= LONGEST else f"{path[:LONGEST]}..."


def as_text(scope: Scope, status: int | None, milliseconds: float, hint: str | None) -> str:
    line = f"{scope['method']} {path_of(scope)} {status or 'no response'} {milliseconds:.1f} ms"
    return f"{line}  {hint}" if hint else line


def as_coloured_text(scope: Scope, status: int | None, milliseconds: float, hint: str | None) -> str:
    result = click.style(status or "no response", fg=COLOURS.get((status or 500) // 100))
    line = f"{click.style(scope['method'], bold=True)} {path_of(scope)} {result} {milliseconds:.1f} ms"
    return f"{line}  {click.style(hint, fg='yellow')}" if hint else line


def as_json(scope: Scope, status: int | None, milliseconds: float, hint: str | None) -> str:
    client = scope.get("client")
    line = {
        "time": datetime.now(timezone.utc).isoformat(),
        "level": "info",
        "logger": "understudy.requests",
        "client": f"{client[0]}:{client[1]}" if client else None,
        "method": scope["method"],
        "path": path_of(scope),
        "status": status,
        "milliseconds": round(milliseconds, 3),
    }
    return json.dumps({**line, "hint": hint} if hint else line)
