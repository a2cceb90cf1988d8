"""The states that runs are and were in."""

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from understudy.operations.handler_results import Answer
from understudy.workspaces.workspace import Workspace

from .states import OWNERS, STATES

Pair = tuple[str, str]


def read_observed_states(workspace: Workspace, order_by: str, limit: int, query: str | None = None) -> Answer:
    first: dict[Pair, str] = {}
    last: dict[Pair, str] = {}
    for state in states(workspace):
        pair = (state["type"], state["name"])
        time = state["timestamp"].removesuffix("Z")  # without it, texts of times are in order
        first[pair] = min(first.get(pair, time), time)
        last[pair] = max(last.get(pair, time), time)
    prefix = lower((query or "").strip())
    pairs = sorted(pair for pair in first if any(lower(word).startswith(prefix) for word in pair))
    if order_by == "LAST_SEEN_DESC":
        pairs.sort(key=last.__getitem__, reverse=True)
    return [
        {
            "state_type": kind,
            "state_name": name,
            "first_seen": f"{first[kind, name]}Z",
            "last_seen": f"{last[kind, name]}Z",
        }
        for kind, name in pairs[:limit]
    ]


def states(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """All states of runs, including those that were loaded only as a part of their run."""
    for runs in OWNERS:
        for row in workspace[runs].live:
            state = from_json(workspace[runs].encoded(row))["state"]
            if state is not None:
                yield state
        history = workspace[STATES[runs]]
        yield from (from_json(history.encoded(row)) for row in history.live)


def lower(text: str) -> str:
    """A text in lower case as in SQLite, which only converts ASCII letters."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
