"""Workers of background tasks get the same runs in the same order as from a real server."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx

from tests.real.conftest import Pair
from tests.test_streams import SCHEDULED, background_run, heard, say, stream, subscribe

DEFERRED = {"type": "SCHEDULED", "state_details": {"deferred": True}}


def given(api: httpx.Client) -> list[str]:
    """Schedule background tasks, and return the names of those that a worker gets."""
    runs = {}
    for name in ("first", "second", "third"):
        made = api.post("/task_runs/", json={"task_key": "load", "dynamic_key": str(uuid4()), "name": name})
        runs[name] = made.raise_for_status().json()["id"]
    for name in ("third", "first", "second"):
        api.post(f"/task_runs/{runs[name]}/set_state", json={"state": DEFERRED}).raise_for_status()
    names = {run: name for name, run in runs.items()}
    names |= {background_run(api, "save"): "saved", background_run(api, "load", "AwaitingRetry"): "retried"}
    found = []
    with stream(api, SCHEDULED) as worker:
        subscribe(worker, "save", "load")
        for _ in names:
            found.append(names[heard(worker)["id"]])
            say(worker, {"type": "ack"})
    return found


def test_background_runs_are_given_in_the_same_order(pair: Callable[[Path], Pair], tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    real, ours = pair(tmp_path / "rows")
    assert given(ours) == given(real)
