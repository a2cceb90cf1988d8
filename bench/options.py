"""The options of the benchmark."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from bench.jobs import JOBS
from bench.places import PARTIAL, RESULTS
from bench.results import DEMO_SIZE
from bench.servers import ALL

START, LATENCY = "start", "latency"

SIZES = (DEMO_SIZE, "10000", "100000", "1000000")
JOB_NAMES = (START, *JOBS, LATENCY)
SERVER_NAMES = tuple(server.name for server in ALL)
ROUNDS, SECONDS = 3, 3
SMALLEST = 1000


@dataclass(frozen=True)
class Options:
    rounds: int = ROUNDS
    seconds: int = SECONDS
    sizes: tuple[str, ...] = SIZES
    servers: tuple[str, ...] = SERVER_NAMES
    jobs: tuple[str, ...] = JOB_NAMES

    def folder(self, given: Path | None) -> Path:
        """The folder of the results: those of a partial run are kept apart, unless a folder is given."""
        return given or (RESULTS if self == Options() else PARTIAL)


def names(known: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """Reads some of some names, with commas between; they stay in the order of all."""

    def read(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
        given = value.split(",")
        for name in given:
            if name not in known:
                raise click.BadParameter(f"{name!r} is none of {', '.join(known)}")
        return tuple(name for name in known if name in given)

    return read


def sizes(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """Reads `demo` and numbers of artifacts, with commas between; the smallest comes first."""
    given = set(value.split(","))
    for size in given:
        if size != DEMO_SIZE and not (size.isdecimal() and int(size) >= SMALLEST):
            raise click.BadParameter(f"{size!r} is neither `{DEMO_SIZE}` nor a number of artifacts from {SMALLEST} on")
    return tuple(sorted(given, key=lambda size: 0 if size == DEMO_SIZE else int(size)))
