"""`make bench-writes`: what writes cost with a store, beside the same server without one and other servers that store.

All servers of a size stay up, and take turns. It writes `bench/results/writes.md`.
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from bench import installed, sets, wrk
from bench.client import Answer, Client, Request, client, successful
from bench.jobs import CREATE, CREATED
from bench.places import RESULTS, WORK
from bench.running import Running, up
from bench.servers import BY_NAME, Launch, Server, Stage, understudy

SIZES = (1000, 50_000, 1_000_000)
LARGEST = 50_000  # on which other servers are measured
REWRITTEN = 100_000  # artifacts of the store that is rewritten while others read
ROUNDS, SECONDS = 3, 3.0
CLIENTS = wrk.CONNECTIONS
FLUSHES = 300
LARGE = "x" * 200_000  # the data of an artifact, to make a log outgrow its file soon
STORE = "rows.json"

T = TypeVar("T")


def stored(stage: Stage) -> Launch:
    launch = understudy(stage)
    return replace(launch, command=[*launch.command, "--store", str(stage.folder / STORE)])


WITH_STORE = replace(BY_NAME["understudy"], name="store", title="Understudy with a store", launch=stored)
IN_MEMORY = replace(BY_NAME["understudy"], title="Understudy in memory")
OTHERS = (BY_NAME["real"], BY_NAME["json-server"])


@dataclass
class Writes:
    """What one server did: seconds of each write of one client, and writes a second of many, a number a round."""

    title: str
    start: float
    memory: int
    alone: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Milliseconds of one client's write."""
        return statistics.median(self.alone) * 1e3

    @property
    def per_second(self) -> float:
        return statistics.median(self.together)


def main() -> None:
    lines = ["# Writes with a store, measured by `make bench-writes`", ""]
    for line in report():
        print(line, flush=True)
        lines.append(line)
    (RESULTS / "writes.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def report() -> Iterator[str]:
    others = [server for server in OTHERS if not installed.missing(*server.tools)]
    for server in (WITH_STORE, *others):
        server.install()
    WORK.mkdir(parents=True, exist_ok=True)
    yield f"A flush of 300 bytes to this disk takes {flush_time() * 1e3:.1f} ms, the median of {FLUSHES}."
    yield ""
    yield from created(others)
    yield ""
    yield from completed([WITH_STORE, IN_MEMORY, *(server for server in others if not server.plain)])
    yield ""
    yield (
        f"While the file of {REWRITTEN:,} artifacts is rewritten, the slowest of the reads that one client sends "
        f"without a pause takes {slowest_read() * 1e3:.0f} ms."
    )


def flush_time() -> float:
    """The median seconds of an append of 300 bytes and its fsync."""
    times = []
    with tempfile.TemporaryFile(dir=WORK) as file:
        for _ in range(FLUSHES):
            start = time.perf_counter()
            file.write(b"x" * 300)
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def created(others: list[Server]) -> Iterator[str]:
    """The table of artifacts that are created."""
    yield f"| artifacts | server | start | memory | a create, median | creates/s, {CLIENTS} clients | Understudy / it |"
    yield "|---:|---|---:|---:|---:|---:|---:|"
    for size in SIZES:
        servers = [WITH_STORE, IN_MEMORY, *(others if size <= LARGEST else ())]
        measured = creates(size, servers)
        for writes in measured:
            yield (
                f"| {size:,} | {writes.title} | {writes.start:.2f} s | {writes.memory / 2**20:,.0f} MiB "
                f"| {writes.median:.2f} ms | {writes.per_second:,.0f} "
                f"| {measured[0].per_second / writes.per_second:.2f}x |"
            )


def creates(size: int, servers: list[Server]) -> list[Writes]:
    fixtures = sets.fixture_set(size)
    artifact = sets.known_artifact(fixtures)["id"]
    with ExitStack() as stack:
        running = [stack.enter_context(up(server, fixtures, artifact, {})) for server in servers]
        measured = [Writes(one.server.title, one.seconds, one.memory) for one in running]
        for _ in range(ROUNDS):
            for one, writes in zip(running, measured, strict=True):
                request = one.request(CREATE)
                writes.alone += during(SECONDS, partial(seconds_of, one.client, request))
                load = wrk.load(one.port, one.server.prefix, request, SECONDS)
                writes.together.append((load.requests - load.failed) / load.seconds)
        return measured


def seconds_of(api: Client, request: Request) -> float:
    return api.expect(request).seconds


def during(seconds: float, repeated: Callable[[], T]) -> list[T]:
    """What a function returns, called again and again for some time, and at least once."""
    end = time.monotonic() + seconds
    found: list[T] = []
    while not found or time.monotonic() < end:
        found.append(repeated())
    return found


def completed(servers: list[Server]) -> Iterator[str]:
    """The table of flow runs that are created, started and completed, with three requests each."""
    yield f"| server | flow runs completed/s, {CLIENTS} clients | Understudy / it |"
    yield "|---|---:|---:|"
    fixtures = sets.fixture_set(SIZES[0])
    artifact = sets.known_artifact(fixtures)["id"]
    with ExitStack() as stack:
        running = [stack.enter_context(up(server, fixtures, artifact, {})) for server in servers]
        rounds: list[list[float]] = [[] for _ in running]
        for _ in range(ROUNDS):
            for one, mine in zip(running, rounds, strict=True):
                mine.append(runs_per_second(one))
    rates = [statistics.median(mine) for mine in rounds]
    for one, rate in zip(running, rates, strict=True):
        yield f"| {one.server.title} | {rate:,.0f} | {rates[0] / rate:.2f}x |"


def runs_per_second(one: Running) -> float:
    flow = one.client.expect(Request("POST", "/flows/", {"name": "bench"})).json()["id"]

    def complete(number: int) -> int:
        with client(one.port, one.server.prefix) as api:
            return len(during(SECONDS, lambda: complete_run(api, flow)))

    with ThreadPoolExecutor(CLIENTS) as pool:
        start = time.monotonic()
        runs = sum(pool.map(complete, range(CLIENTS)))
        return runs / (time.monotonic() - start)


def complete_run(api: Client, flow: str) -> None:
    created = sent(api, Request("POST", "/flow_runs/", {"flow_id": flow, "state": {"type": "PENDING"}}))
    for state in ("RUNNING", "COMPLETED"):
        sent(api, Request("POST", f"/flow_runs/{created.json()['id']}/set_state", {"state": {"type": state}}))


def sent(api: Client, request: Request) -> Answer:
    """The response to a request, which is sent again as long as the server is busy, as Prefect's client does.

    Raises:
        BenchError: it is an error.
    """
    answer = api.ask(request)
    while answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer = api.ask(request)
    return successful(request, answer)


def slowest_read() -> float:
    """The seconds of the slowest read while a client writes so much that the file is rewritten."""
    fixtures = sets.fixture_set(REWRITTEN)
    artifact = sets.known_artifact(fixtures)["id"]
    with up(WITH_STORE, fixtures, artifact, {}) as one, client(one.port, one.server.prefix) as reader:
        stopped = threading.Event()
        times: list[float] = []

        def read() -> None:
            while not stopped.is_set():
                times.append(reader.expect(Request("GET", f"/artifacts/{artifact}")).seconds)

        one.client.expect(Request("POST", "/artifacts/", CREATED))  # the first write makes indexes, which takes longer
        thread = threading.Thread(target=read)
        thread.start()
        file = one.process.log.parent / STORE
        before = file.stat().st_ino
        while file.stat().st_ino == before:
            one.client.expect(Request("POST", "/artifacts/", {**CREATED, "data": LARGE}))
        stopped.set()
        thread.join()
        return max(times)


if __name__ == "__main__":
    main()
