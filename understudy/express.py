"""The short way of plain requests, which are most of them.

It leads past all rooms in which such a request is not changed, and finds its operation by its path
alone. Whatever it does not know for sure takes the long way, which answers the same.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.answers import encode, send_json
from understudy.folder import Operation
from understudy.http import Stage, refusal_of

PACKED_FROM = 500  # bytes, from which on an answer varies with what a client can unpack
ID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")  # as Starlette's routes know one
VARY, VARY_IF_LONG = {"vary": "Origin"}, {"vary": "Accept-Encoding, Origin"}


class Found(NamedTuple):
    """An operation, and what the path says."""

    operation: Operation
    arguments: dict[str, Any]


class Express:
    """An ASGI application that answers plain requests for operations, and leaves all others to another."""

    def __init__(self, app: ASGIApp, operations: Iterable[Operation], base_path: str, stage: Stage) -> None:
        self._app = app
        self._routes = Routes(operations, base_path)
        self._stage = stage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._routes.find(scope["method"], scope["path"]) if is_plain(scope) else None
        if found is None:
            await self._app(scope, receive, send)
            return
        headers = {}
        try:
            scope["path_params"] = found.arguments
            status, body = await self._stage.answer(found.operation, scope, receive)
        except Exception as error:  # noqa: BLE001 - as on the long way
            refusal = refusal_of(error, scope)
            status, body, headers = refusal.status, encode(refusal.body), refusal.headers
        await send_json(send, status, body, {**headers, **(VARY if len(body) < PACKED_FROM else VARY_IF_LONG)})


def is_plain(scope: Scope) -> bool:
    """Whether neither CORS nor gzip would do anything to a request's answer."""
    if scope["type"] != "http":
        return False
    headers = dict(scope["headers"])
    return b"origin" not in headers and b"gzip" not in headers.get(b"accept-encoding", b"")


class Routes:
    """Finds operations by method and path: one without names by its whole path, others part by part."""

    def __init__(self, operations: Iterable[Operation], base_path: str) -> None:
        self._literal: dict[tuple[str, str], Found] = {}
        self._named: dict[tuple[str, int], list[Pattern]] = {}
        for operation in operations:
            path = base_path + operation.path
            key = operation.method, path.count("/")
            # Where two fit, the first in the contract counts.
            if "{" in path:
                self._named.setdefault(key, []).append(Pattern(operation, path.split("/")))
            elif all(pattern.read(path.split("/")) is None for pattern in self._named.get(key, ())):
                self._literal[operation.method, path] = Found(operation, {})

    def find(self, method: str, path: str) -> Found | None:
        literal = self._literal.get((method, path))
        if literal is not None:
            return literal
        parts = path.split("/")
        for pattern in self._named.get((method, len(parts) - 1), ()):
            arguments = pattern.read(parts)
            if arguments is not None:
                return Found(pattern.operation, arguments)
        return None


class Pattern:
    """A path of the contract with names in it."""

    def __init__(self, operation: Operation, parts: list[str]) -> None:
        self.operation = operation
        self._fixed = [(place, part) for place, part in enumerate(parts) if "{" not in part]
        self._named = [
            (place, part.strip("{}"), part.strip("{}") in operation.reader.ids)
            for place, part in enumerate(parts)
            if "{" in part
        ]

    def read(self, parts: list[str]) -> dict[str, Any] | None:
        """What the parts of a path say under the names; None where they are not of this form."""
        for place, part in self._fixed:
            if parts[place] != part:
                return None
        arguments: dict[str, Any] = {}
        for place, name, is_id in self._named:
            part = parts[place]
            if not part or (is_id and not ID.fullmatch(part)):
                return None
            arguments[name] = UUID(part) if is_id else part
        return arguments
