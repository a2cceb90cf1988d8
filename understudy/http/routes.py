"""Routes: which operation a method and a path mean."""

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from understudy.folder import Operation

ID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")  # as Starlette's routes know one


class Found(NamedTuple):
    """An operation, and what the path says."""

    operation: Operation
    arguments: dict[str, Any]


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

    def has_form_of(self, method: str, path: str) -> bool:
        """Whether a path has the form of an operation's, though what stands there for an id may be none."""
        parts = path.split("/")
        return any(pattern.fits(parts) for pattern in self._named.get((method, len(parts) - 1), ()))


class Pattern:
    """A path of the contract with names in it."""

    def __init__(self, operation: Operation, parts: list[str]) -> None:
        self.operation = operation
        self._fixed_of = itemgetter(*(place for place, part in enumerate(parts) if "{" not in part))
        self._fixed = self._fixed_of(parts)
        self._named = [
            (place, part.strip("{}"), part.strip("{}") in operation.reader.ids)
            for place, part in enumerate(parts)
            if "{" in part
        ]

    def read(self, parts: list[str]) -> dict[str, Any] | None:
        """What the parts of a path say under the names; None where they are not of this form."""
        if not self.fits(parts):
            return None
        arguments: dict[str, Any] = {}
        for place, name, is_id in self._named:
            part = parts[place]
            if not part or (is_id and not ID.fullmatch(part)):
                return None
            arguments[name] = UUID(part) if is_id else part
        return arguments

    def fits(self, parts: list[str]) -> bool:
        """Whether the parts of a path are those that have no name."""
        return bool(self._fixed_of(parts) == self._fixed)
