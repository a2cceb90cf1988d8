"""The order of events, many of them simultaneous, in pages and counts of a real server and the stand-in."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from tests.real.conftest import Pair, effort

EVENTS, REQUESTS, PAGES = 130, 200, 5
NAMES, RESOURCES = ("a.one", "a.two", "b.one", "prefect.x", "A.one", "none"), ("r.1", "r.2", "r.3", "s.1")
OTHERS, ROLES = ("f.1", "f.2", "q.1"), ("flow", "tag")
SPAN = {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
COUNTED = ("event", "resource", "time", "day")


def drawn_events(randomness: random.Random) -> list[dict[str, Any]]:
    """Events of nine times."""
    return [drawn_event(randomness) for _ in range(EVENTS)]


def drawn_event(randomness: random.Random) -> dict[str, Any]:
    choice = randomness.choice
    time = f"2026-01-{choice((20, 21, 22))}T10:00:0{choice((0, 1, 2))}.000000Z"
    named = {"prefect.resource.name": choice(("n1", "n2"))} if choice((True, True, False)) else {}
    return {
        "id": str(UUID(int=randomness.getrandbits(128), version=4)),
        "occurred": time,
        "received": time,
        "event": choice(NAMES),
        "resource": {"prefect.resource.id": choice(RESOURCES), **named},
        "related": [
            {"prefect.resource.id": choice(OTHERS), "prefect.resource.role": choice(ROLES)}
            for _ in range(choice((0, 1, 2)))
        ],
        "payload": {},
        "follows": None,
    }


def drawn_filter(randomness: random.Random, ids: Sequence[str]) -> dict[str, Any]:
    def some(values: Sequence[str], most: int = 3) -> list[str]:
        return randomness.sample(values, k=randomness.randint(1, most))

    label = randomness.choice(("prefect.resource.id", "prefect.resource.name"))
    criteria: list[tuple[str, Any]] = [
        ("event", {"name": some(NAMES)}),
        ("event", {"prefix": some(("a", "b", "A.", "prefect"))}),
        ("event", {"exclude_name": some(NAMES)}),
        ("resource", {"id": some(RESOURCES)}),
        ("resource", {"id_prefix": some(("r", "s", "r.1"))}),
        ("resource", {"labels": {label: some(("r.*", "n1", "n*", "!n2", "s.1"))}}),
        ("resource", {"distinct": True}),
        ("related", {"role": some(ROLES, 2)}),
        ("related", [{"role": ["flow"]}, {"id": some(OTHERS)}]),
        ("any_resource", {"id_prefix": some(("f", "r.1", "q"))}),
        ("id", {"id": some(ids, 40)}),
    ]
    chosen: dict[str, Any] = {"occurred": SPAN, "order": randomness.choice(("ASC", "DESC"))}
    for name, value in randomness.sample(criteria, k=randomness.choice((0, 1, 1, 1, 2, 2, 3))):
        before = chosen.get(name)
        chosen[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return chosen


def pages(api: httpx.Client, body: dict[str, Any]) -> list[list[str]]:
    """The ids of the events of the first pages."""
    shown = api.post("/events/filter", json=body).raise_for_status().json()
    found = [shown]
    while shown["next_page"] and len(found) < PAGES:
        shown = api.get(shown["next_page"]).raise_for_status().json()
        found.append(shown)
    return [[each["id"] for each in shown["events"]] for shown in found]


def test_pages_and_counts_are_in_the_same_order(
    pair: Callable[[Path], Pair], randomness: random.Random, tmp_path: Path
) -> None:
    events = drawn_events(randomness)
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "events.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in events), "utf-8")
    real, ours = pair(tmp_path / "rows")
    ids = [each["id"] for each in events]
    for _ in range(effort(REQUESTS)):
        filter_ = drawn_filter(randomness, ids)
        body = {"filter": filter_, "limit": randomness.choice((50, 50, 7, 3))}
        assert pages(ours, body) == pages(real, body), json.dumps(body)
        path = f"/events/count-by/{randomness.choice(COUNTED)}"
        counted = [api.post(path, json={"filter": filter_}).json() for api in (ours, real)]
        assert counted[0] == counted[1], f"{path} {json.dumps(filter_)}"
