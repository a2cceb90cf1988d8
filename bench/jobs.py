"""The jobs: what every server is asked, and what json-server, which has no such operations, is asked instead."""

from collections.abc import Callable
from dataclasses import dataclass
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

# The servers of a group are started for it: those without rows have one answer an operation, and writes want a fresh
# server.
GROUPS = ((GET, FILTER, COUNT), (FILTER_200,), (CREATE,))
JOBS = {job.name: job for group in GROUPS for job in group}


def by_operation(group: tuple[Job, ...]) -> dict[str, Job]:
    """A job for each operation: the group's, and the usual ones for the others."""
    usual = {job.operation: job for job in (GET, FILTER, COUNT, CREATE)}
    return {**usual, **{job.operation: job for job in group}}
