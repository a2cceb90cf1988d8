"""The routing table: the operation of a method and a path. It is looked up once per request."""

import re
from collections.abc import Awaitable, Iterable
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.operations.operation import Operation

ROUTE = "understudy.route"  # the key of a request's `Route` in its ASGI scope; None where the table has none
ID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")  # the UUIDs that Starlette's routes match


class Route(NamedTuple):
    """An operation, and its path parameters by name."""

    operation: Operation
    arguments: dict[str, Any]


class RoutingTable:
    """Finds operations by method and path: by the whole path, or part by part where it has parameters."""

    def __init__(self, operations: Iterable[Operation], base_path: str) -> None:
        self._fixed: dict[tuple[str, str], Route] = {}
        self._patterns: dict[tuple[str, int], list[Pattern]] = {}
        for operation in operations:
            path = base_path + operation.path
            key = operation.method, path.count("/")
            # If two match, the first in the contract is used.
            if "{" in path:
                self._patterns.setdefault(key, []).append(Pattern(operation, path.split("/")))
            elif all(pattern.match(path.split("/")) is None for pattern in self._patterns.get(key, ())):
                self._fixed[operation.method, path] = Route(operation, {})

    def find(self, method: str, path: str) -> Route | None:
        route = self._fixed.get((method, path))
        if route is not None:
            return route
        parts = path.split("/")
        for pattern in self._patterns.get((method, len(parts) - 1), ()):
            arguments = pattern.match(parts)
            if arguments is not None:
                return Route(pattern.operation, arguments)
        return None

    def has_similar(self, method: str, path: str) -> bool:
        """Whether a path has the form of an operation's path, even if an id in it is not valid."""
        parts = path.split("/")
        return any(pattern.has_form(parts) for pattern in self._patterns.get((method, len(parts) - 1), ()))


class Pattern:
    """A path of the contract that has parameters."""

    def __init__(self, operation: Operation, parts: list[str]) -> None:
        self.operation = operation
        self._fixed_of = itemgetter(*(place for place, part in enumerate(parts) if "{" not in part))
        self._fixed = self._fixed_of(parts)
        self._parameters = [
            (place, part.strip("{}"), operation.path_parameters[part.strip("{}")])
            for place, part in enumerate(parts)
            if "{" in part
        ]

    def match(self, parts: list[str]) -> dict[str, Any] | None:
        """The path parameters in the parts of a path; None where they do not match."""
        if not self.has_form(parts):
            return None
        arguments: dict[str, Any] = {}
        for place, name, is_id in self._parameters:
            part = parts[place]
            # Starlette mounts an API on all paths below it that have no line feed.
            if not part or "\n" in part or (is_id and not ID.fullmatch(part)):
                return None
            arguments[name] = UUID(part) if is_id else part
        return arguments

    def has_form(self, parts: list[str]) -> bool:
        """Whether the parts of a path that are not parameters match."""
        return bool(self._fixed_of(parts) == self._fixed)


class LookupMiddleware:
    """Looks up the route of each request, for all middleware behind it."""

    def __init__(self, app: ASGIApp, table: RoutingTable) -> None:
        self._app = app
        self._table = table

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            scope[ROUTE] = self._table.find(scope["method"], scope["path"])
        return self._app(scope, receive, send)
