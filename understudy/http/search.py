"""A search of the journal: what a request has to be like, and where one is not."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.http.journal import Exchange

ABSENT = object()


@dataclass(frozen=True)
class Search:
    """What is known of a request; None where that is left open.

    `path` may be given without the API's base path. `body` is what the request's body must have: of an
    object its names, which may be some of many, of a list all items.
    """

    operation: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None
    workspace: str | None = None
    body: Any = None

    def differences(self, exchange: Exchange, operation: str | None, base_path: str) -> list[str]:
        """What is otherwise about a request, a line each; none where it is the one that is looked for."""
        wanted = {
            "operation": (self.operation, operation),
            "method": (self.method and self.method.upper(), exchange.method),
            "path": (self.path and full(self.path, base_path), exchange.path),
            "status": (self.status, exchange.status),
            "workspace": (self.workspace, exchange.workspace),
        }
        lines = [unlike(name, *pair) for name, pair in wanted.items() if pair[0] not in (None, pair[1])]
        return lines if self.body is None else [*lines, *compared("body", self.body, exchange.said)]


def full(path: str, base_path: str) -> str:
    return path if path.startswith(f"{base_path}/") else base_path + path


def compared(place: str, wanted: Any, found: Any) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, part in wanted.items():
            yield from compared(f"{place}.{name}", part, found.get(name, ABSENT))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (part, other) in enumerate(zip(wanted, found, strict=True)):
            yield from compared(f"{place}[{number}]", part, other)
    elif type(wanted) is not type(found) or wanted != found:
        yield unlike(place, wanted, found)


def unlike(place: str, wanted: Any, found: Any) -> str:
    return f"{place}: wanted {json.dumps(wanted)}, found {'nothing' if found is ABSENT else json.dumps(found)}"
