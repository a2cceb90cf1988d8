"""One client on a large set: filters of many kinds, their counts, and writes that the next filter has to find."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.client import Client, Request
from bench.errors import BenchError
from bench.filters import Filter, filters
from bench.jobs import CREATED
from bench.results import FilterTimed, Memory, Start, Timed, WriteTimed
from bench.running import up
from bench.servers import Server

WARM = 30  # requests of each kind
WRITES = 50
ENOUGH = 10.0  # seconds for one kind of request, for any number of them; a real server would take hours

Measured = Start | Memory | FilterTimed | WriteTimed


def measured(size: str, fixtures: Path, artifact: dict[str, str], server: Server) -> Iterator[Measured]:
    """The first use of every filter on a fresh server, then all of them warm, then writes."""
    filter_ = filters(artifact["key"], int(size))
    with up(server, fixtures, artifact["id"], {}) as one:
        yield Start(size, server.name, one.seconds, one.memory, starts=1)
        first = {each.name: first_use(one.client, each) for each in filter_}
        for each in filter_:
            yield timed(size, server.name, one.client, each, first[each.name])
        yield written(size, server.name, one.client)
        yield Memory(size, server.name, one.process.memory(), after="latency")


def first_use(api: Client, filter_: Filter) -> tuple[float, float]:
    return api.expect(filter_.listed).seconds, api.expect(filter_.counted).seconds


def timed(size: str, server: str, api: Client, filter_: Filter, first: tuple[float, float]) -> FilterTimed:
    return FilterTimed(
        size=size,
        server=server,
        filter=filter_.name,
        rows=len(api.expect(filter_.listed).json()),
        count=api.expect(filter_.counted).json(),
        listing=Timed(first[0] * 1e3, warm(api, filter_.listed)),
        counting=Timed(first[1] * 1e3, warm(api, filter_.counted)),
    )


def warm(api: Client, request: Request) -> float:
    """The median of a request's latencies, in milliseconds."""
    times: list[float] = []
    end = time.monotonic() + ENOUGH
    while len(times) < WARM and (not times or time.monotonic() < end):
        times.append(api.expect(request).seconds)
    return statistics.median(times) * 1e3


def written(size: str, server: str, api: Client) -> WriteTimed:
    """Writes, each followed by a filter for the new key.

    Raises:
        BenchError: a filter does not find what was written.
    """
    writes: list[float] = []
    finds: list[float] = []
    end = time.monotonic() + ENOUGH
    while len(writes) < WRITES and (not writes or time.monotonic() < end):
        key = f"bench-{len(writes)}"
        answer = api.expect(Request("POST", "/artifacts/", {**CREATED, "key": key}))
        found = api.expect(Request("POST", "/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "limit": 10}))
        if [row["id"] for row in found.json()] != [answer.json()["id"]]:
            raise BenchError(f"{server}: the filter after a write does not find the row")
        writes.append(answer.seconds)
        finds.append(found.seconds)
    return WriteTimed(size, server, statistics.median(writes) * 1e3, statistics.median(finds) * 1e3)
