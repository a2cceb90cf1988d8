"""A rule: which requests something happens to, and what."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from random import Random
from typing import Any

from starlette.types import Scope

from understudy.cache import Cache
from understudy.errors import ApiError
from understudy.faults.delays import delay_of
from understudy.http.journal_search import full
from understudy.workspaces.registry import DEFAULT, WORKSPACE, canonical

TIMES = 2**26  # bytes that the times of requests may take, which rate limits count
TIME = 32  # bytes, about, of one time
RULE = 5000  # bytes, about, of a rule beyond what it says; most of it are its random numbers
HEADER = 200  # bytes, about, of a header of a rule beyond its name and value
WINDOW = 700  # bytes, about, of the times of one client beyond each of them


@dataclass
class Effect:
    """What happens to one request. Delays are in seconds, `throttle` is in bytes a second."""

    delay: float = 0
    chunk_delay: Callable[[], float] | None = None
    status: int | None = None
    retry_after: int | None = None
    connection: str | None = None
    spoil: str | None = None
    throttle: float | None = None
    stale: float | None = None
    rules: list[str] = field(default_factory=list)
    """The rules that were applied, by name."""


Times = Cache[tuple["Rate", str], deque[float]]
"""The times of the last requests, by rate limit and client. Clients that were not seen for longest are forgotten."""


@dataclass(eq=False)
class Rate:
    """So many requests of each client in so many seconds; what is beyond is a fault."""

    requests: int
    seconds: float
    times: Times

    def wait(self, client: str) -> float:
        """How many seconds a client has to wait for its next request; 0 where this one is within its rate."""
        now = time.monotonic()
        made = self.times.get((self, client)) or deque(maxlen=self.requests)
        if len(made) == self.requests and now - made[0] < self.seconds:
            return self.seconds - (now - made[0])
        made.append(now)
        self.times.put((self, client), made, WINDOW + len(client) + TIME * len(made))
        return 0


class Rule:
    """A rule as the control API and the files of rules say it.

    `matched` counts the requests that it is about, `applied` those that something happened to.

    Args:
        says: the rule, as it was validated by the contract of the control API.
        randomness: what share and delays are drawn by.
        times: where a rate limit keeps the times of requests; by default a place of its own.

    Raises:
        ValueError: its parts do not go together; the text says which.
    """

    def __init__(self, says: Mapping[str, Any], randomness: Random, times: Times | None = None) -> None:
        self.says = says
        self.matched = 0
        self.applied = 0
        self._randomness = randomness
        self._delay = self._drawn(says.get("delay"))
        self._chunk_delay = self._drawn(says.get("chunk_delay"))
        times = Times(TIMES) if times is None else times
        self._rate = Rate(**says["rate"], times=times) if says.get("rate") else None
        self._end = None if says.get("expires") is None else time.monotonic() + says["expires"]
        self._workspace = None if says.get("workspace") is None else workspace_of(says["workspace"])
        if says.get("retry_after") is not None and says.get("answer") is None:
            raise ValueError("`retry_after` needs an `answer`, such as 429 or 503")
        if not self.says_something:
            raise ValueError(f"says nothing that happens; that is one of {', '.join(EFFECTS)}")

    def _drawn(self, delay: Any) -> Callable[[], float] | None:
        return None if delay is None else partial(delay_of(delay).draw, self._randomness)

    @property
    def name(self) -> str:
        """The name that it was given, else what it does."""
        effects = ((name, self.says[name]) for name in EFFECTS if self.says.get(name) is not None)
        texts = (f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in effects)
        return self.says.get("name") or ", ".join(texts)

    @property
    def size(self) -> int:
        """How many bytes it takes, about."""
        return RULE + HEADER * len(self.says.get("headers") or {}) + len(repr(self.says))

    @property
    def says_something(self) -> bool:
        return any(self.says.get(name) is not None for name in EFFECTS)

    @property
    def is_over(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def apply(self, scope: Scope, operation: str | None, base_path: str, effect: Effect) -> None:
        """Add to the effect what the rule does to a request, if anything."""
        if not self._is_about(scope, operation, base_path):
            return
        self.matched += 1
        retry_after = self._due(scope)
        if retry_after is None:
            return
        self.applied += 1
        effect.rules.append(self.name)
        says = self.says
        effect.delay += self._delay() if self._delay else 0
        effect.chunk_delay = effect.chunk_delay or self._chunk_delay
        if effect.status is None and says.get("answer") is not None:
            effect.status = says["answer"]
            own = says.get("retry_after")
            effect.retry_after = own if own is not None or not retry_after else math.ceil(retry_after)
        for name in ("connection", "spoil", "throttle", "stale"):
            if getattr(effect, name) is None:
                setattr(effect, name, says.get(name))

    def _is_about(self, scope: Scope, operation: str | None, base_path: str) -> bool:
        says = self.says
        path = says.get("path")
        return (
            says.get("operation") in (None, operation)
            and (says.get("method") or scope["method"]).upper() == scope["method"]
            and (path is None or is_like(scope["path"], full(path, base_path)))
            and self._workspace in (None, scope.get(WORKSPACE, DEFAULT))
            and all(has_header(scope, name, value) for name, value in (says.get("headers") or {}).items())
        )

    def _due(self, scope: Scope) -> float | None:
        """None where this request is spared; else how many seconds a rate limit has it wait, if that is why."""
        says = self.says
        wait = 0 if self._rate is None else self._rate.wait(client_of(scope))
        is_due = (
            (self._rate is None or wait > 0)
            and (says.get("first") is None or self.applied < says["first"])
            and (says.get("every") is None or self.matched % says["every"] == 0)
            and (says.get("share") is None or self._randomness.random() < says["share"])
        )
        return wait if is_due else None


EFFECTS = ("delay", "chunk_delay", "answer", "connection", "spoil", "throttle", "stale")


def has_header(scope: Scope, name: str, pattern: str) -> bool:
    key = name.lower().encode("latin-1", "replace")
    return any(other == key and is_like(value.decode("latin-1"), pattern) for other, value in scope["headers"])


def client_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def is_like(text: str, pattern: str) -> bool:
    """Whether a text is a pattern, in which `*` stands for anything, and all else for itself."""
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def workspace_of(name: str) -> str:
    """A workspace as the one way in which its name is written.

    Raises:
        ValueError: it is none.
    """
    try:
        return canonical(name)
    except ApiError as error:
        raise ValueError(error.body["detail"].rstrip(".")) from None
