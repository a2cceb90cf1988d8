"""The jobs: the requests to each server, and those to json-server, which does not have these operations."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from bench.client import Request

COMPLETED = {"state": {"type": {"any_": ["COMPLETED"]}}}
CREATED = {
    "key": "bench-report",
    "type": "markdown",
    "description": "Written by the benchmark",
    "data": "# All green\n\nEvery check passed.",
    "metadata_": {"owner": "bench"},
}

SDK = {  # the headers of Prefect's clients that a response depends on, or that cost something to read
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": "prefect/3.9.1 (API 0.8.4)",
    "X-PREFECT-API-VERSION": "0.8.4",
}
DRAWN = 50_000  # bodies, which is more than a server remembers

ToRequest = Callable[[str], Request]  # from the id of an artifact that is there


@dataclass(frozen=True)
class Job:
    """One request, and the operation that it is of; `plain` is the nearest that json-server has."""

    name: str
    title: str
    operation: str
    request: ToRequest
    plain: ToRequest


def related(types: list[str]) -> dict[str, Any]:
    """A filter over artifacts and the runs that made them."""
    return {"artifacts": {"type": {"any_": types}}, "flow_runs": COMPLETED}


def posted(path: str, body: Any) -> ToRequest:
    return lambda _: Request("POST", path, body)


def got(path: str) -> ToRequest:
    return lambda artifact: Request("GET", path.format(artifact))


GET = Job(
    "get",
    "`GET /artifacts/{id}`",
    "artifacts.read_artifact",
    got("/artifacts/{}"),
    got("/artifacts/{}"),
)
FILTER = Job(
    "filter",
    "`POST /artifacts/filter` over artifacts and flow runs, 10 rows",
    "artifacts.read_artifacts",
    posted("/artifacts/filter", {**related(["table"]), "limit": 10}),
    got("/artifacts?type=table&_limit=10"),
)
COUNT = Job(
    "count",
    "`POST /artifacts/count` over artifacts and flow runs",
    "artifacts.count_artifacts",
    posted("/artifacts/count", related(["table"])),
    got("/artifacts?type=table&_limit=1"),
)
# The demo set has 208 artifacts of these two types that completed runs made.
FILTER_200 = Job(
    "filter-200",
    "`POST /artifacts/filter` over artifacts and flow runs, 200 rows",
    "artifacts.read_artifacts",
    posted("/artifacts/filter", {**related(["table", "markdown"]), "limit": 200}),
    got("/artifacts?type=table&type=markdown&_limit=200"),
)
CREATE = Job(
    "create",
    "`POST /artifacts/`",
    "artifacts.create_artifact",
    posted("/artifacts/", CREATED),
    posted("/artifacts", CREATED),
)


def as_sdk(job: Job) -> Job:
    """A job as Prefect's SDK sends it."""

    def request(artifact: str) -> Request:
        return replace(job.request(artifact), headers=SDK)

    return replace(job, name=f"{job.name}-sdk", title=f"{job.title}, as the SDK asks", request=request)


@cache
def drawn() -> tuple[Any, ...]:
    return tuple(drawing())


def drawing() -> Iterator[Any]:
    """Bodies that all differ: operators, values, sort and offset. Nearly all of them have a page of 10 rows."""
    randomness = random.Random(1)
    for number in range(DRAWN):
        types = randomness.choice(
            (
                {"any_": ["table", "markdown", f"report-{number}"]},
                {"any_": ["table", f"report-{number}"]},
                {"not_any_": ["image", f"report-{number}"]},
            )
        )
        key = randomness.choice(({}, {"key": {"exists_": True}}))
        states = ["COMPLETED", *randomness.sample(("FAILED", "CRASHED", "RUNNING"), k=randomness.randrange(3))]
        yield {
            "artifacts": {"type": types, **key},
            "flow_runs": {"state": {"type": {"any_": states}}},
            "sort": randomness.choice(("CREATED_DESC", "UPDATED_DESC", "KEY_DESC", "KEY_ASC", "ID_DESC")),
            "offset": randomness.randrange(20),
            "limit": 10,
        }


def filter_new(artifact: str) -> Request:
    bodies = drawn()
    return Request("POST", "/artifacts/filter", bodies[0], others=bodies[1:])


GET_SDK, FILTER_SDK = as_sdk(GET), as_sdk(FILTER)
FILTER_NEW = Job(
    "filter-new",
    "`POST /artifacts/filter`, a new body each time",
    "artifacts.read_artifacts",
    filter_new,
    got("/artifacts?type=table&_limit=10"),
)
FILTER_NEW_SDK = as_sdk(FILTER_NEW)

# The servers of a group are started for it: those without rows have one answer an operation, and writes want a fresh
# server.
GROUPS = ((GET, GET_SDK, FILTER, FILTER_SDK, COUNT), (FILTER_NEW, FILTER_NEW_SDK), (FILTER_200,), (CREATE,))
JOBS = {job.name: job for group in GROUPS for job in group}


def by_operation(group: tuple[Job, ...]) -> dict[str, Job]:
    """A job for each operation: the group's, and the usual ones for the others."""
    usual = {job.operation: job for job in (GET, FILTER, COUNT, CREATE)}
    return {**usual, **{job.operation: job for job in group}}
