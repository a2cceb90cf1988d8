"""Keeps a server busy with all kinds of requests, and checks it: `python -m tests.server.soak --minutes 30`."""

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from tests.conftest import SMALL
from tests.servers import ROOT
from tests.workspaces.urls import at, new_name
from understudy.admin.client import RemoteWorkspace
from understudy.workspaces.workspace_names import DEFAULT

WARM_UP = 0.3  # of the time, before memory is first measured
MIB = 2**20
GROWTH = 1.15  # allowed memory at the end, relative to that after the warm-up
MORE_MEMORY = 8 * MIB  # beyond that
SHORT, MORE_MEMORY_IF_SHORT = (
    60,
    64 * MIB,
)  # seconds of a run that ends before the server is warm, and its additional memory
STOPPING = 5  # seconds
JOURNAL = 200  # requests, soon reached
EXPECTED = ("warning: ", "WARNING:  Invalid HTTP request received.")  # lines of stderr
RESETS = 1 / 500  # of the writes
FAULTY = (500, 503, 429)
ENDS = (("PENDING", "RUNNING", "COMPLETED"), ("PENDING", "RUNNING", "FAILED"), ("CRASHED",), ("RUNNING", "COMPLETED"))
RULES: tuple[list[dict[str, Any]], ...] = (
    [{"share": 0.2, "answer": 503, "retry_after": 1}],
    [{"every": 7, "connection": "reset"}, {"every": 5, "connection": "drop"}],
    [{"share": 0.1, "connection": "cut"}, {"share": 0.1, "corrupt": "mistyped"}],
    [{"stale": 1}, {"share": 0.2, "delay": {"median": 0.005, "p99": 0.05}}],
    [{"share": 0.1, "chunk_delay": 0.005}, {"share": 0.1, "throttle": 100_000}],
    [{"rate": {"requests": 50, "seconds": 1}, "answer": 429}],
    [{"share": 0.1, "connection": "hang", "expires": 0.5}],
)


@dataclass
class Tally:
    """The outcomes of requests. `unexpected` are responses with an unexpected status."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    unexpected: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: httpx.Response, expected: tuple[int, ...]) -> None:
        with self._lock:
            self.statuses[answer.status_code] += 1
            if answer.status_code not in expected:
                self.unexpected.append(
                    f"{answer.request.method} {answer.request.url} -> {answer.status_code} {answer.text[:200]}"
                )

    def note_loss(self, error: Exception, *, expected: bool) -> None:
        with self._lock:
            self.lost += 1
            if not expected:
                self.unexpected.append(repr(error))


@dataclass(frozen=True)
class Figures:
    """The results of a run. Memory is in bytes, `stopping` in seconds."""

    requests: int
    seconds: float
    statuses: dict[int, int]
    lost: int
    unexpected: list[str]
    warm: int
    end: int
    connections: int
    stopping: float
    returncode: int | None
    errors: list[str]

    def __str__(self) -> str:
        rate = self.requests / self.seconds
        return "\n".join(
            [
                f"requests  {self.requests:,} in {self.seconds:.0f} s, {rate:,.0f} a second; {self.lost:,} lost",
                f"statuses  {', '.join(f'{status}: {count:,}' for status, count in sorted(self.statuses.items()))}",
                f"memory    {self.warm / MIB:.1f} MiB after the warm-up, {self.end / MIB:.1f} MiB at the end",
                f"at rest   {self.connections} connections open",
                f"stopped   in {self.stopping:.2f} s with status {self.returncode}",
                f"stderr    {len(self.errors)} lines",
                *(f"unusual   {line}" for line in (*self.unexpected[:10], *self.errors[:10])),
            ]
        )

    def complaints(self) -> Iterator[str]:
        """Descriptions of what is wrong."""
        if self.unexpected:
            yield f"{len(self.unexpected)} unexpected responses, such as {self.unexpected[0]}"
        if self.errors:
            yield f"stderr says {self.errors[0]!r}"
        if self.end > self.warm * GROWTH + (MORE_MEMORY_IF_SHORT if self.seconds < SHORT else MORE_MEMORY):
            yield "memory grew"
        if self.connections:
            yield f"{self.connections} connections are left"
        if self.returncode != 0 or self.stopping > STOPPING:
            yield "it did not stop as it should"


@contextmanager
def allowing_lost_connections(tally: Tally) -> Iterator[None]:
    """Allow lost connections."""
    try:
        yield
    except httpx.TransportError as error:
        tally.note_loss(error, expected=True)


@contextmanager
def recording_errors(tally: Tally) -> Iterator[None]:
    """Record any exception, to report it at the end."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is
        tally.note_loss(error, expected=False)


Work = Callable[[httpx.Client, Random, Tally], None]

# ----------------------------------------------------------------------------- work


def reads(api: httpx.Client, randomness: Random, tally: Tally) -> None:
    """Lists, counts and pages of the default workspace, compressed and not."""
    packed = {"accept-encoding": randomness.choice(("gzip", "identity"))}
    limit, offset = randomness.randrange(200), randomness.randrange(50)
    tally.note(api.post("/artifacts/filter", json={"limit": limit, "offset": offset}, headers=packed), (200,))
    tally.note(api.post("/flows/filter", json={"flows": {"name": {"like_": "e"}}}, headers=packed), (200,))
    tally.note(api.post("/artifacts/latest/count", json={}), (200,))
    tally.note(api.get("/health"), (200,))


def writes(api: httpx.Client, randomness: Random, tally: Tally) -> None:
    """Rows of the default workspace that are created, changed and deleted; a reset deletes their events."""
    if randomness.random() < RESETS:
        RemoteWorkspace(str(api.base_url), SharedTransport(api)).reset()
    answer = api.post("/artifacts/", json={"key": f"soak-{randomness.randrange(20)}", "data": "x" * 100})
    tally.note(answer, (201,))
    path = f"/artifacts/{answer.json()['id']}"
    tally.note(api.patch(path, json={"data": "y"}), (204,))
    tally.note(api.get(path), (200,))
    tally.note(api.delete(path), (204,))


def workspaces(api: httpx.Client, randomness: Random, tally: Tally) -> None:
    """A workspace that is created, filled, saved, reset, restored and dropped."""
    with workspace_of(api) as workspace:
        own = at(workspace.name)
        for number in range(randomness.randrange(1, 8)):
            tally.note(api.post(f"{own}/flows/", json={"name": f"soak {number}"}), (201,))
        workspace.save("aside")
        workspace.reset()
        tally.note(api.post(f"{own}/flows/count", json={"flows": {"name": {"like_": "soak"}}}), (200,))
        workspace.restore("aside")
        tally.note(api.get(f"{own}/flows/name/soak 0"), (200,))


def faults(api: httpx.Client, randomness: Random, tally: Tally) -> None:
    """Rules for one workspace that are added and removed between requests."""
    with workspace_of(api) as workspace:
        own = at(workspace.name)
        workspace.faults.replace(randomness.choice(RULES))
        for number in range(40):
            with allowing_lost_connections(tally):
                answer = api.post(f"{own}/flows/", json={"name": f"soak {number % 5}"}, timeout=0.5)
                tally.note(answer, (200, 201, *FAULTY))
                tally.note(api.post(f"{own}/flows/filter", json={}, timeout=0.5), (200, *FAULTY))
        workspace.faults.clear()
        tally.note(api.post(f"{own}/flows/count", json={}), (200,))


def runs(api: httpx.Client, randomness: Random, tally: Tally) -> None:
    """Runs that start, log and end, some with tasks; and a deployment with a schedule."""
    with workspace_of(api) as workspace:
        own = at(workspace.name)
        flow_id = api.post(f"{own}/flows/", json={"name": "soak"}).json()["id"]
        for _ in range(randomness.randrange(1, 8)):
            run_id = api.post(f"{own}/flow_runs/", json={"flow_id": flow_id}).json()["id"]
            task = {"flow_run_id": run_id, "task_key": "soak", "dynamic_key": "0"}
            task_id = api.post(f"{own}/task_runs/", json=task).json()["id"]
            for kind, states in (("flow_runs", randomness.choice(ENDS)), ("task_runs", randomness.choice(ENDS))):
                for state in states:
                    path = f"{own}/{kind}/{run_id if kind == 'flow_runs' else task_id}/set_state"
                    tally.note(api.post(path, json={"state": {"type": state}}), (200, 201))
            log = {"name": "soak", "level": 20, "message": "x" * 100, "flow_run_id": run_id}
            log["timestamp"] = "2026-01-01T00:00:00Z"
            tally.note(api.post(f"{own}/logs/", json=[log]), (201,))
            tally.note(api.get(f"{own}/flow_runs/{run_id}/graph-v2"), (200,))
        deployment = {"name": "soak", "flow_id": flow_id, "schedules": [{"schedule": {"interval": 600}}]}
        tally.note(api.post(f"{own}/deployments/", json=deployment), (201,))
        workspace.clock.freeze("2026-01-01T00:00:00Z")
        workspace.clock.advance(hours=3)
        tally.note(api.post(f"{own}/events/filter", json={}), (200,))


def invalid_requests(api: httpx.Client, randomness: Random, tally: Tally) -> None:
    """Requests that are wrong in some way."""
    bad = randomness.randbytes(randomness.randrange(1, 200))
    json_ = {"content-type": "application/json"}
    tally.note(api.post("/flows/filter", content=bad, headers=json_), (200, 400, 422))
    tally.note(api.post("/flows/filter", json={"limit": 1000}), (422,))
    tally.note(api.post("/artifacts/", json={"key": "UPPER"}), (422,))
    tally.note(api.get(f"/nothing/{randomness.random()}"), (404,))
    tally.note(api.put("/health"), (405,))
    tally.note(api.get("/health", headers={"prefer": "code=503"}), (503,))
    tally.note(api.get(at("x/y") + "/health"), (404, 422, 200))


def hang_ups(api: httpx.Client, randomness: Random, tally: Tally) -> None:
    """Clients that disconnect during a request, or send invalid HTTP."""
    url = api.base_url
    head = f"POST {url.path}artifacts/filter HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n".encode()
    data = randomness.choice(
        (b"", b"GET", head, head + b"content-length: 100\r\n\r\n{", head + b"content-length: 2\r\n\r\n{}", bytes(50))
    )
    with socket.create_connection((url.host, url.port or 80), timeout=5) as connection:
        connection.sendall(data)
        time.sleep(randomness.random() / 100)
    tally.note(api.get("/health"), (200,))


WORK: tuple[Work, ...] = (reads, reads, writes, workspaces, runs, runs, faults, invalid_requests, hang_ups)


@contextmanager
def workspace_of(api: httpx.Client) -> Iterator[RemoteWorkspace]:
    """A new workspace, used by connections that are kept alive."""
    url = str(api.base_url).rstrip("/") + at(new_name())
    with RemoteWorkspace(url, SharedTransport(api)) as workspace:
        api.post(f"{at(workspace.name)}/flows/count").raise_for_status()
        yield workspace


class SharedTransport(httpx.BaseTransport):
    """Sends requests over the connections of another client."""

    def __init__(self, api: httpx.Client) -> None:
        self._transport = api._transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


# ------------------------------------------------------------------------------ run


def soak(minutes: float, seed: int = 0) -> Figures:
    """Keep a server busy for some seconds, and check what is left."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "stderr").open("w+", encoding="utf-8") as errors:
        command = [sys.executable, "-m", "understudy", "serve", "--quiet", "--port", "0", "--fixtures", str(SMALL)]
        command += ["--journal", str(JOURNAL), "--seed", str(seed)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            try:
                figures = driven(process, minutes, seed)
            finally:
                process.kill()
        errors.seek(0)
        figures.errors.extend(line.rstrip() for line in errors if not line.startswith(EXPECTED))
    return figures


def driven(process: "subprocess.Popen[str]", minutes: float, seed: int) -> Figures:
    assert process.stdout is not None
    url = next(line for line in process.stdout if "export " in line).partition("=")[2].strip()
    start, seconds = time.monotonic(), minutes * 60
    tally, stopping = Tally(), threading.Event()
    threads = [
        threading.Thread(target=worker, args=(url, work, Random(seed * 100 + number), tally, stopping))
        for number, work in enumerate(WORK)
    ]
    for thread in threads:
        thread.start()
    server = RemoteWorkspace(url)
    time.sleep(seconds * WARM_UP)
    warm = server.state()["memory"]
    time.sleep(seconds * (1 - WARM_UP))
    stopping.set()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    settle(lambda: open_sockets(process.pid) == 0)
    state = server.state()
    if [each["workspace"] for each in state["workspaces"]] != [DEFAULT]:
        tally.unexpected.append(f"workspaces are left: {state['workspaces']}")
    settle(lambda: open_sockets(process.pid) == 0)
    connections = open_sockets(process.pid)
    stopped = time.monotonic()
    process.send_signal(signal.SIGTERM)
    returncode = process.wait(timeout=60)
    return Figures(
        tally.statuses.total() + tally.lost, took, dict(tally.statuses), tally.lost, tally.unexpected, warm,
        state["memory"], connections, time.monotonic() - stopped, returncode, [],
    )  # fmt: skip


def worker(url: str, work: Work, randomness: Random, tally: Tally, stopping: threading.Event) -> None:
    """One kind of work, again and again."""
    with httpx.Client(base_url=url, timeout=30) as api:
        while not stopping.is_set():
            with recording_errors(tally):
                work(api, randomness, tally)


def settle(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for a condition, with a timeout."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


def open_sockets(pid: int) -> int:
    """How many connections a process has open; 0 if the system does not show it."""
    folder = Path(f"/proc/{pid}/fd")
    if not folder.exists():
        return 0
    sockets = {str(file.readlink()) for file in folder.iterdir() if file.is_symlink()}
    inodes = {link.removeprefix("socket:[").removesuffix("]") for link in sockets if link.startswith("socket:")}
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    established = [line.split() for line in lines]
    return sum(parts[9] in inodes and parts[3] != "0A" for parts in established)  # 0A is a listening socket


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.server.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    figures = soak(arguments.minutes, arguments.seed)
    complaints = list(figures.complaints())
    sys.stdout.write("\n".join([str(figures), *(f"WRONG: {complaint}" for complaint in complaints), ""]))
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
