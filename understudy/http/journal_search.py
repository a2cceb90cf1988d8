"""Searching the journal: the criteria for requests, and how a request differs from them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from understudy.http.journal import Exchange

ABSENT = object()
MOST = 1000  # differences that are counted
LISTED = 20  # differences that are listed
SHOWN = 200  # characters of a value, or of the place where it is, that are shown

Place = tuple["Place | None", "str | int"]
"""The place of a value: the place of its parent, and its name or number there."""


class Difference(NamedTuple):
    """The wanted and the found value at a place."""

    place: Place
    wanted: Any
    found: Any

    def __str__(self) -> str:
        found = "nothing" if self.found is ABSENT else brief(self.found)
        return f"{shortened(''.join(parts_of(self.place)))}: wanted {brief(self.wanted)}, found {found}"


@dataclass(frozen=True)
class Search:
    """The criteria for requests; None for those that are not given.

    `path` can be given without the API's base path. `body` is what the request's body must contain: of an object, some
    of its names; of a list, all items.
    """

    operation: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None
    workspace: str | None = None
    body: Any = None

    def distance(self, exchange: Exchange, operation: str | None, base_path: str) -> int:
        """The number of differences, up to `MOST`; 0 if the request matches."""
        return sum(1 for _ in islice(self._differences(exchange, operation, base_path), MOST))

    def is_met(self, exchange: Exchange, operation: str | None, base_path: str) -> bool:
        return next(self._differences(exchange, operation, base_path), None) is None

    def differences(self, exchange: Exchange, operation: str | None, base_path: str) -> list[str]:
        """The differences as lines, up to `LISTED`; empty if the request matches."""
        found = list(islice(self._differences(exchange, operation, base_path), LISTED + 1))
        return [*map(str, found[:LISTED]), *(["and more"] if len(found) > LISTED else [])]

    def _differences(self, exchange: Exchange, operation: str | None, base_path: str) -> Iterator[Difference]:
        wanted = {
            "operation": (self.operation, operation),
            "method": (self.method and self.method.upper(), exchange.method),
            "path": (self.path and full(self.path, base_path), exchange.path),
            "status": (self.status, exchange.status),
            "workspace": (self.workspace, exchange.workspace),
        }
        for name, (value, found) in wanted.items():
            if value not in (None, found):
                yield Difference((None, name), value, found)
        if self.body is not None:
            yield from compared((None, "body"), self.body, exchange.body_value)


def full(path: str, base_path: str) -> str:
    return path if path.startswith(f"{base_path}/") else base_path + path


def compared(place: Place, wanted: Any, found: Any) -> Iterator[Difference]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, part in wanted.items():
            yield from compared((place, name), part, found.get(name, ABSENT))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (part, other) in enumerate(zip(wanted, found, strict=True)):
            yield from compared((place, number), part, other)
    elif type(wanted) is not type(found) or wanted != found:
        yield Difference(place, wanted, found)


def parts_of(place: Place) -> Iterator[str]:
    """The names in the path of a place, as far as they are shown."""
    around, name = place
    if around is not None:
        yield from parts_of(around)
        yield f"[{name}]" if isinstance(name, int) else f".{name[:SHOWN]}"
    else:
        yield str(name)


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def brief(value: Any) -> str:
    """A value as JSON, cut if it is long. Only the part that is shown is serialized."""
    text = ""
    for piece in pieces(value):
        text += piece
        if len(text) > SHOWN:
            break
    return shortened(text)


def pieces(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for number, (name, part) in enumerate(value.items()):
            yield f"{', ' if number else '{'}{json.dumps(name[:SHOWN])}: "
            yield from pieces(part)
        yield "}"
    elif isinstance(value, list) and value:
        for number, part in enumerate(value):
            yield ", " if number else "["
            yield from pieces(part)
        yield "]"
    else:
        yield json.dumps(value[: SHOWN + 1] if isinstance(value, str) else value)
