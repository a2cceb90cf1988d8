"""Servers under load: in rounds, so that what disturbs the machine for a while disturbs them all."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import wrk
from bench.answers import Answers
from bench.jobs import Job
from bench.results import Cell, Memory
from bench.running import Running, up
from bench.servers import Server

WARM_UP = 0.25  # of a round, before the first
TURNS = 2  # of all connections, at the least, that fit into a round of a slow server
LONGEST = 15.0  # seconds of a round
IDLE = 0.1  # of a core, which a server without requests may use
SETTLED = 60.0  # seconds to wait for that, at the most


@dataclass(frozen=True)
class Sample:
    load: wrk.Load
    cpu: float  # seconds of processor time


def measured(
    size: str,
    fixtures: Path,
    artifact: str,
    answers: Answers,
    servers: Sequence[Server],
    jobs: Sequence[Job],
    rounds: int,
    seconds: float,
) -> Iterator[Cell | Memory]:
    """Jobs on servers that all stay up, of which one at a time is loaded; then the memory that each of them has."""
    with ExitStack() as stack:
        running = [stack.enter_context(up(server, fixtures, artifact, answers)) for server in servers]
        for job in jobs:
            yield from cells(size, job, running, rounds, seconds)
        for one in running:
            yield Memory(size, one.server.name, one.process.memory(), ",".join(job.name for job in jobs))


def cells(size: str, job: Job, running: Sequence[Running], rounds: int, seconds: float) -> Iterator[Cell]:
    rows = [rows_of(one, job) for one in running]
    lengths = [length(one, job, seconds) for one in running]
    for one in running:
        sampled(one, job, seconds * WARM_UP)
    samples: list[list[Sample]] = [[] for _ in running]
    for _ in range(rounds):
        for one, mine, enough in zip(running, samples, lengths, strict=True):
            mine.append(sampled(one, job, enough))
    for one, count, mine in zip(running, rows, samples, strict=True):
        yield summed_up(size, job, one, count, mine)


def rows_of(one: Running, job: Job) -> int | None:
    """How many rows a server returns, None if the response is not a list; an error ends the benchmark."""
    answer = one.client.expect(one.request(job).plain()).json()
    return len(answer) if isinstance(answer, list) else None


def length(one: Running, job: Job, seconds: float) -> float:
    """The seconds of a round: as requested, or longer if a server would respond to too few requests in it."""
    turn = one.client.expect(one.request(job)).seconds * wrk.CONNECTIONS
    return max(seconds, min(LONGEST, TURNS * turn))


def sampled(one: Running, job: Job, seconds: float) -> Sample:
    before = one.process.cpu()
    load = wrk.load(one.port, one.server.prefix, one.request(job), seconds)
    sample = Sample(load, one.process.cpu() - before)
    settle(one)
    return sample


def settle(one: Running) -> None:
    """Wait while a server still works on requests whose client has disconnected, which would disturb the next one."""
    end = time.monotonic() + SETTLED
    used, pause = IDLE + 1, 0.2
    while used > IDLE and time.monotonic() < end:
        before = one.process.cpu()
        time.sleep(pause)
        used = (one.process.cpu() - before) / pause


def summed_up(size: str, job: Job, one: Running, rows: int | None, samples: Sequence[Sample]) -> Cell:
    loads = [sample.load for sample in samples]
    return Cell(
        size=size,
        job=job.name,
        server=one.server.name,
        per_second=statistics.median(load.requests / load.seconds for load in loads),
        p50=statistics.median(load.p50 for load in loads),
        p99=statistics.median(load.p99 for load in loads),
        cpu=statistics.median(sample.cpu / max(1, sample.load.requests) for sample in samples) * 1e3,
        rows=rows,
        failed=sum(load.failed for load in loads),
    )
