"""A fault rule: the requests that it applies to, and its effects."""

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
from understudy.workspaces.workspace_names import DEFAULT, WORKSPACE, canonical

TIMES = 2**26  # bytes of the times of requests that rate limits count, at most
TIME = 32  # approximate bytes of one time
RULE = 5000  # approximate bytes of a rule beyond its definition, mostly for its random number generator
HEADER = 200  # approximate bytes of a header of a rule beyond its name and value
WINDOW = 700  # approximate bytes for one client beyond its times


@dataclass
class Effect:
    """The effect of rules on one request. Delays are in seconds, `throttle` is in bytes per second."""

    delay: float = 0
    chunk_delay: Callable[[], float] | None = None
    status: int | None = None
    retry_after: int | None = None
    connection: str | None = None
    corrupt: str | None = None
    throttle: float | None = None
    stale: float | None = None
    rules: list[str] = field(default_factory=list)
    """The names of the applied rules."""


Times = Cache[tuple["Rate", str], deque[float]]
"""The times of the last requests, by rate limit and client. The least recently seen clients are removed first."""


@dataclass(eq=False)
class Rate:
    """A rate limit for each client. Requests beyond it get the fault."""

    requests: int
    seconds: float
    times: Times

    def wait(self, client: str) -> float:
        """The seconds until a client can send its next request; 0 if this one is within the limit."""
        now = time.monotonic()
        made = self.times.get((self, client)) or deque(maxlen=self.requests)
        if len(made) == self.requests and now - made[0] < self.seconds:
            return self.seconds - (now - made[0])
        made.append(now)
        self.times.put((self, client), made, WINDOW + len(client) + TIME * len(made))
        return 0


class Rule:
    """A fault rule, as defined in the control API and in rule files.

    `matched` counts the requests that match, `applied` those that got the fault.

    Args:
        definition: the rule, validated by the contract of the control API.
        randomness: the generator for shares and delays.
        times: the cache for the times of requests of a rate limit; by default a new one.

    Raises:
        ValueError: its fields are not consistent; the text states why.
    """

    def __init__(self, definition: Mapping[str, Any], randomness: Random, times: Times | None = None) -> None:
        self.definition = definition
        self.matched = 0
        self.applied = 0
        self._randomness = randomness
        self._delay = self._drawn(definition.get("delay"))
        self._chunk_delay = self._drawn(definition.get("chunk_delay"))
        times = Times(TIMES) if times is None else times
        self._rate = Rate(**definition["rate"], times=times) if definition.get("rate") else None
        self._end = None if definition.get("expires") is None else time.monotonic() + definition["expires"]
        self._workspace = None if definition.get("workspace") is None else workspace_of(definition["workspace"])
        if definition.get("retry_after") is not None and definition.get("answer") is None:
            raise ValueError("`retry_after` requires an `answer`, such as 429 or 503")
        if not self.has_effect:
            raise ValueError(f"has no effect; it takes one of {', '.join(EFFECTS)}")

    def _drawn(self, delay: Any) -> Callable[[], float] | None:
        return None if delay is None else partial(delay_of(delay).draw, self._randomness)

    @property
    def name(self) -> str:
        """The name of the rule, else its effects."""
        effects = ((name, self.definition[name]) for name in EFFECTS if self.definition.get(name) is not None)
        texts = (f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in effects)
        return self.definition.get("name") or ", ".join(texts)

    @property
    def size(self) -> int:
        """The approximate size in bytes."""
        return RULE + HEADER * len(self.definition.get("headers") or {}) + len(repr(self.definition))

    @property
    def has_effect(self) -> bool:
        return any(self.definition.get(name) is not None for name in EFFECTS)

    @property
    def is_over(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def apply(self, scope: Scope, operation: str | None, base_path: str, effect: Effect) -> None:
        """Add the rule's effects to the effect on a request, if it matches."""
        if not self._matches(scope, operation, base_path):
            return
        self.matched += 1
        retry_after = self._due(scope)
        if retry_after is None:
            return
        self.applied += 1
        effect.rules.append(self.name)
        definition = self.definition
        effect.delay += self._delay() if self._delay else 0
        effect.chunk_delay = effect.chunk_delay or self._chunk_delay
        if effect.status is None and definition.get("answer") is not None:
            effect.status = definition["answer"]
            own = definition.get("retry_after")
            effect.retry_after = own if own is not None or not retry_after else math.ceil(retry_after)
        for name in ("connection", "corrupt", "throttle", "stale"):
            if getattr(effect, name) is None:
                setattr(effect, name, definition.get(name))

    def _matches(self, scope: Scope, operation: str | None, base_path: str) -> bool:
        definition = self.definition
        path = definition.get("path")
        return (
            definition.get("operation") in (None, operation)
            and (definition.get("method") or scope["method"]).upper() == scope["method"]
            and (path is None or is_like(scope["path"], full(path, base_path)))
            and self._workspace in (None, scope.get(WORKSPACE, DEFAULT))
            and all(has_header(scope, name, value) for name, value in (definition.get("headers") or {}).items())
        )

    def _due(self, scope: Scope) -> float | None:
        """None if the fault does not apply to this request; else the seconds to wait for a rate limit, or 0."""
        definition = self.definition
        wait = 0 if self._rate is None else self._rate.wait(client_of(scope))
        is_due = (
            (self._rate is None or wait > 0)
            and (definition.get("first") is None or self.applied < definition["first"])
            and (definition.get("every") is None or self.matched % definition["every"] == 0)
            and (definition.get("share") is None or self._randomness.random() < definition["share"])
        )
        return wait if is_due else None


EFFECTS = ("delay", "chunk_delay", "answer", "connection", "corrupt", "throttle", "stale")


def has_header(scope: Scope, name: str, pattern: str) -> bool:
    key = name.lower().encode("latin-1", "replace")
    return any(other == key and is_like(value.decode("latin-1"), pattern) for other, value in scope["headers"])


def client_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def is_like(text: str, pattern: str) -> bool:
    """Whether a text matches a pattern, in which only `*` is special."""
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def workspace_of(name: str) -> str:
    """The name of a workspace in canonical form.

    Raises:
        ValueError: it is not a valid name.
    """
    try:
        return canonical(name)
    except ApiError as error:
        raise ValueError(error.body["detail"].rstrip(".")) from None
