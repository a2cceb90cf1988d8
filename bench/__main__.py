"""`make bench`: Understudy beside other servers on the same jobs."""

import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import Any

import click

from bench import answers, chart, installed, latency, machine, report, sets, starts, throughput, wrk
from bench.jobs import GROUPS, Job, by_operation
from bench.options import JOB_NAMES, LATENCY, ROUNDS, SECONDS, SERVER_NAMES, SIZES, START, Options, names
from bench.options import sizes as read_sizes
from bench.places import DEMO
from bench.results import DEMO_SIZE, Cell, FilterTimed, Memory, Results, Start, WriteTimed
from bench.running import up
from bench.servers import BY_NAME, Server

Measured = Start | Memory | Cell | FilterTimed | WriteTimed


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=ROUNDS, show_default=True, type=click.IntRange(1), help="Rounds of each job.")
@click.option("--seconds", default=SECONDS, show_default=True, type=click.IntRange(1), help="Of load, each.")
@click.option(
    "--sizes", default=",".join(SIZES), show_default=True, callback=read_sizes, help="The demo set, artifacts."
)
@click.option("--servers", default=",".join(SERVER_NAMES), show_default=True, callback=names(SERVER_NAMES))
@click.option("--jobs", default=",".join(JOB_NAMES), show_default=True, callback=names(JOB_NAMES))
@click.option("--out", type=click.Path(path_type=Path), help="Where results go; else those of a part go elsewhere.")
def main(
    rounds: int, seconds: int, sizes: tuple[str, ...], servers: tuple[str, ...], jobs: tuple[str, ...], out: Path | None
) -> None:
    """Measure Understudy beside other servers, and write a report, the numbers and a chart."""
    signal.signal(signal.SIGTERM, end_on_signal)
    wrk.find()
    options = Options(rounds, seconds, sizes, servers, jobs)
    folder = options.folder(out)
    results = Results(rounds=rounds, seconds=seconds)
    chosen = ready(options, results)
    results.date = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    results.command = command_of(sys.argv[1:])
    results.machine = machine.facts()
    for size in sizes:
        for one in measured(size, options, chosen):
            print(f"{size}: {one}", file=sys.stderr, flush=True)
            add(results, one)
        write(folder, results)
    print(f"The report is {folder / 'results.md'}.")


def command_of(arguments: Sequence[str]) -> str:
    """The command that measures the same again, without the folder of the results, which is one of this machine."""
    before = ["", *arguments][:-1]
    kept = [
        each for last, each in zip(before, arguments, strict=True) if last != "--out" and not each.startswith("--out")
    ]
    return shlex.join(["python", "-m", "bench", *kept])


def end_on_signal(number: int, frame: FrameType | None) -> None:
    """Exit as after an error, so that every server is stopped, too."""
    sys.exit(128 + number)


def ready(options: Options, results: Results) -> list[Server]:
    """The selected servers, installed; those that cannot be installed are named with the reason.

    Understudy is always installed, since some of the others return its responses.
    """
    chosen = []
    for server in (BY_NAME[name] for name in dict.fromkeys((*options.servers, "understudy"))):
        if reason := installed.missing(*server.tools):
            results.skipped[server.name] = reason
            continue
        server.install()
        if server.name in options.servers:
            results.versions[server.name] = server.version()
            chosen.append(server)
    return chosen


def measured(size: str, options: Options, chosen: list[Server]) -> Iterator[Measured]:
    """All measurements at one size."""
    demo = size == DEMO_SIZE
    servers = [server for server in chosen if demo or int(size) <= server.largest]
    fixtures = DEMO if demo else sets.fixture_set(int(size))
    artifact = sets.known_artifact(fixtures)
    if demo and START in options.jobs:
        yield from starts.measured(size, fixtures, artifact["id"], prepared(artifact["id"], ()), servers)
    if not demo and LATENCY in options.jobs:
        for server in servers:
            yield from latency.measured(size, fixtures, artifact, server)
    for group in GROUPS:
        jobs = [job for job in group if job.name in options.jobs]
        if jobs:
            ready_answers = prepared(artifact["id"], group) if demo else {}
            yield from throughput.measured(
                size, fixtures, artifact["id"], ready_answers, servers, jobs, options.rounds, options.seconds
            )


def prepared(artifact: str, group: tuple[Job, ...]) -> answers.Answers:
    """The responses of the servers without rows: those of Understudy on the demo set."""
    with up(BY_NAME["understudy"], DEMO, artifact, {}) as one:
        requests = {operation: job.request(artifact) for operation, job in by_operation(group).items()}
        return answers.gathered(one.client, requests)


def add(results: Results, one: Any) -> None:
    lists: dict[type, list[Any]] = {
        Start: results.starts,
        Memory: results.memories,
        Cell: results.cells,
        FilterTimed: results.filters,
        WriteTimed: results.writes,
    }
    lists[type(one)].append(one)


def write(folder: Path, results: Results) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results.save(folder / "results.json")
    (folder / "results.md").write_text(report.written(results), encoding="utf-8")
    if results.has_cells(DEMO_SIZE):
        (folder / "chart.svg").write_text(chart.drawn(results), encoding="utf-8")


def run() -> None:
    """The command. An error or a missing tool is reported in one line, and the exit status is 2."""
    try:
        main(prog_name="python -m bench", standalone_mode=False)
    except click.ClickException as error:
        print(f"error: {error.format_message()}", file=sys.stderr)
        sys.exit(2)
    except click.Abort:
        sys.exit(130)


if __name__ == "__main__":
    run()
