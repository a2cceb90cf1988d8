"""A mutant: one behaviour of a server changed, and the requests that show it."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.mutants.exchange import JSON_TYPE, Answer, Request


@dataclass
class BrokenServer:
    """A running broken server: how it sends requests to the correct server behind it, and its state."""

    ask: Callable[[Request], Awaitable[Answer]]
    memory: dict[Any, Any] = field(default_factory=dict)


Behaviour = Callable[[Request, BrokenServer], Awaitable[Answer]]
"""What becomes of a request."""


@dataclass(frozen=True)
class Step:
    """A request that shows a mutant. In its path and body, "$1" is the first new id that an answer showed."""

    method: str
    path: str
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mutant:
    name: str
    says: str
    behaviour: Behaviour
    seen_by: Sequence[Step]

    @property
    def writes(self) -> bool:
        """Whether only a change of rows shows it."""
        return any(not is_safe(step) for step in self.seen_by)


async def unchanged(request: Request, broken: BrokenServer) -> Answer:
    """The server, unchanged."""
    return await broken.ask(request)


def is_safe(step: Step) -> bool:
    return step.method in ("GET", "HEAD", "OPTIONS", "PUT") or step.path.endswith(("/filter", "/count", "/paginate"))


def get(path: str, **headers: str) -> Step:
    return Step("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def post(path: str, **body: Any) -> Step:
    return sent("POST", path, body)


def patch(path: str, **body: Any) -> Step:
    return sent("PATCH", path, body)


def delete(path: str) -> Step:
    return Step("DELETE", path)


def sent(method: str, path: str, body: Any) -> Step:
    return Step(method, path, json.dumps(body), {"content-type": JSON_TYPE})
