"""A server that is killed at random times while clients write: no acknowledged write is lost.

The clients write to several workspaces, reset one of them, and write so much that files are rewritten meanwhile.
Between two servers, stores are compacted and repaired, and these processes are killed, too.
"""

import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.servers import ROOT, wait_until
from tests.store.test_serving import Served, serving
from tests.workspaces.urls import admin, at
from understudy.store.write_log import log_file
from understudy.workspaces.workspace_names import DEFAULT

WORKSPACES = (DEFAULT, *(f"{UUID(int=1)}/{UUID(int=number)}" for number in (1, 2)))
RESET = f"{UUID(int=1)}/{UUID(int=3)}"  # only one client writes to it
WRITERS = 9
MOST_ROWS = 12  # of a writer, from which on it mostly deletes
TEXT = "x" * 100_000  # so that logs outgrow their files now and then
LONGEST = 1.5  # seconds after which a command is killed; more than it takes

Row = dict[str, Any] | None
"""What is known of a row; None where it is not there."""


@dataclass
class Kind:
    """One sort of rows: how they are made, and changed."""

    path: str
    filter: str
    created: Callable[[str], dict[str, Any]]
    changed: Callable[[int], dict[str, Any]]


KINDS = (
    Kind("/artifacts/", "artifacts", lambda name: {"key": name, "data": name}, lambda number: {"data": [number, TEXT]}),
    Kind("/flows/", "flows", lambda name: {"name": name}, lambda number: {"tags": [str(number)]}),
)


@dataclass
class Writer:
    """Writes separate rows, and knows which must exist: `unsure` is the write without a response."""

    name: str
    workspace: str
    kind: Kind
    randomness: random.Random
    rows: dict[str, Row] = field(default_factory=dict)
    unsure: tuple[str, Row] | None = None
    answered: int = 0
    made: int = 0

    @property
    def path(self) -> str:
        return f"{at(self.workspace)}{self.kind.path}"

    def write(self, url: httpx.URL) -> None:
        """Write until the server is killed."""
        with httpx.Client(base_url=url) as api:
            while True:
                try:
                    self._write_once(api)
                except httpx.HTTPError:
                    return
                self.answered += 1
                self.unsure = None

    def _write_once(self, api: httpx.Client) -> None:
        there = [row_id for row_id, row in self.rows.items() if row is not None]
        wish = self.randomness.random() if there else 0.0
        if wish < 0.4 and len(there) < MOST_ROWS:
            self.made += 1
            body = self.kind.created(f"{self.name}-{self.made}")
            self.unsure = ("", body)
            row = api.post(self.path, json=body).raise_for_status().json()
            self.rows[row["id"]] = row
            return
        row_id = self.randomness.choice(there)
        known = self.rows[row_id]
        assert known is not None
        if wish < 0.7:
            changes = self.kind.changed(self.randomness.randrange(10**6))
            self.unsure = (row_id, {**known, **changes})
            api.patch(f"{self.path}{row_id}", json=changes).raise_for_status()
            self.rows[row_id] = {**known, **changes}
        else:
            self.unsure = (row_id, None)
            api.delete(f"{self.path}{row_id}").raise_for_status()
            self.rows[row_id] = None

    def check(self, api: httpx.Client) -> None:
        """Check that acknowledged writes exist, and the other one completely or not at all. Continue from there."""
        for row_id, row in list(self.rows.items()):
            answer = api.get(f"{self.path}{row_id}")
            found = answer.json() if answer.is_success else None
            allowed = [row] + ([self.unsure[1]] if self.unsure and self.unsure[0] == row_id else [])
            assert any(same(found, each) for each in allowed), (self.name, row_id, found, allowed)
            self.rows[row_id] = found
            if found is None:
                del self.rows[row_id]
        if self.unsure and self.unsure[0] == "":
            self._take(api, self.unsure[1] or {})
        self.unsure = None

    def _take(self, api: httpx.Client, body: dict[str, Any]) -> None:
        """A row whose creation had no response exists as it was sent, or not at all."""
        name, value = next(iter(body.items()))
        found = api.post(f"{self.path}filter", json={self.kind.filter: {name: {"any_": [value]}}}).json()
        assert all(same({**row, **body}, row) for row in found)
        self.rows.update({row["id"]: row for row in found})


def same(found: Row, expected: Row) -> bool:
    """Whether two rows are equal except for the time of their last change."""
    if found is None or expected is None:
        return found is expected
    return {**found, "updated": ""} == {**expected, "updated": ""}


@dataclass
class Resetter(Writer):
    """The only one that writes to its workspace, and resets it now and then."""

    resets: bool = False  # whether a reset has no response

    def _write_once(self, api: httpx.Client) -> None:
        if self.randomness.random() < 0.9:
            super()._write_once(api)
            return
        self.resets = True
        admin(api, "POST", f"/workspaces/{self.workspace}/reset").raise_for_status()
        self.resets = False
        self.rows.clear()

    def check(self, api: httpx.Client) -> None:
        """After a reset without a response, all rows exist or none."""
        if self.resets:
            known = [row_id for row_id, row in self.rows.items() if row is not None]
            exist = {api.get(f"{self.path}{row_id}").is_success for row_id in known}
            assert len(exist) <= 1, self.rows
            if exist == {False}:
                self.rows.clear()
            self.resets = False
        super().check(api)


def check_collections(api: httpx.Client, workspace: str) -> None:
    """A create changes two tables: both or neither."""
    paths = f"{at(workspace)}/artifacts"
    rows = list(listed(api, f"{paths}/filter", "id"))
    latest = dict(listed(api, f"{paths}/latest/filter", "latest_id"))
    assert latest.keys() == {key for key, _ in rows}
    assert set(latest.values()) <= {row_id for _, row_id in rows}


def listed(api: httpx.Client, path: str, name: str) -> Iterator[tuple[str, str]]:
    offset = 0
    while rows := api.post(path, json={"offset": offset}).json():
        yield from ((row["key"], row[name]) for row in rows)
        offset += len(rows)


def write_until_killed(served: Served, writers: list[Writer], writes: int) -> None:
    """Kill the server, while all write, after so many more responses."""
    enough = answered(writers) + writes
    threads = [threading.Thread(target=writer.write, args=[served.api.base_url]) for writer in writers]
    for thread in threads:
        thread.start()
    wait_until(lambda: answered(writers) >= enough, "too few writes were answered")
    served.stop(signal.SIGKILL)
    for thread in threads:
        thread.join()


def answered(writers: list[Writer]) -> int:
    return sum(writer.answered for writer in writers)


def compact_or_repair(path: Path, randomness: random.Random) -> str:
    """Compact a store, or replace it with the repaired one. The process may be killed. Returns what was done."""
    repaired = path.with_name("repaired.json")
    compacts = randomness.random() < 0.5
    command = ["compact", str(path)] if compacts else ["repair", str(path), "--to", str(repaired)]
    process = subprocess.Popen(
        [sys.executable, "-m", "understudy", "store", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        printed, _ = process.communicate(timeout=randomness.uniform(0, LONGEST))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"{command[0]}: killed"
    else:
        assert process.returncode == 0, printed
        if not compacts:
            log_file(path).unlink(missing_ok=True)
            repaired.rename(path)
        return f"{command[0]}: completed"
    finally:
        for left in path.parent.glob(f"*{repaired.name}*"):
            left.unlink()


@pytest.mark.timeout(3600)  # 300 rounds, and as long as a busy machine takes
def test_no_acknowledged_write_is_lost(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    seed = random.SystemRandom().randrange(2**32)
    randomness = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    writers: list[Writer] = [
        Writer(f"w{number}", WORKSPACES[number % 3], KINDS[number % 2], random.Random(seed + number))
        for number in range(WRITERS)
    ]
    writers.append(Resetter("r", RESET, KINDS[0], random.Random(seed)))
    done: Counter[str] = Counter()
    rounds = pytestconfig.getoption("rounds")
    for _ in range(rounds):
        with serving(tmp_path / "rows.json") as served:
            check_all(served.api, writers)
            write_until_killed(served, writers, randomness.randint(1, 20 * WRITERS))
        if randomness.random() < 0.3:
            stores = sorted(tmp_path.glob("rows*.json"))
            done[compact_or_repair(randomness.choice(stores), randomness)] += 1
    with serving(tmp_path / "rows.json") as served:
        check_all(served.api, writers)
    assert answered(writers) >= rounds
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{rounds} times killed; {answered(writers)} answered writes were checked, none was lost.", dict(done))  # noqa: T201


def check_all(api: httpx.Client, writers: list[Writer]) -> None:
    for writer in writers:
        writer.check(api)
    for workspace in (*WORKSPACES, RESET):
        check_collections(api, workspace)
