"""The results in Markdown."""

from collections.abc import Iterable, Iterator

from bench import targets, wrk
from bench.filters import SELECTIVE
from bench.jobs import JOBS, Job
from bench.results import DEMO_SIZE, Cell, FilterTimed, Results
from bench.servers import ALL, BY_NAME

MEBIBYTE = 2**20


def written(results: Results) -> str:
    sections = [
        *heading(results),
        *start_section(results),
        *(line for size in results.sizes() for line in load_section(results, size)),
        *(line for size in results.sizes() for line in filter_section(results, size)),
        *write_section(results),
        *growth_section(results),
        *target_section(results),
    ]
    return "\n".join(sections) + "\n"


def heading(results: Results) -> Iterator[str]:
    yield "# Understudy beside other servers"
    yield ""
    yield f"Measured on {results.date} by `{results.command}`: {results.rounds} rounds of {results.seconds} s,"
    yield f"{wrk.CONNECTIONS} connections. `bench/README.md` says what is compared, and what is unfair."
    yield ""
    yield from table(["machine", ""], ([name, value] for name, value in results.machine.items()), "ll")
    versions = ([BY_NAME[name].title, version] for name, version in results.versions.items())
    yield from table(["server", "version"], versions, "ll")
    for name, reason in results.skipped.items():
        yield f"{BY_NAME[name].title} was left out: {reason}."
        yield ""


def start_section(results: Results) -> Iterator[str]:
    rows = [
        [
            size_label(one.size),
            BY_NAME[one.server].title,
            f"{one.seconds:,.2f} s",
            f"{one.memory / MEBIBYTE:,.0f} MiB",
            mebibytes(results.memory(one.size, one.server)),
            str(one.starts),
        ]
        for one in results.starts
    ]
    if rows:
        yield "## Start and memory"
        yield ""
        yield "To the first artifact that is shown; the median of so many starts."
        yield ""
        yield from table(["set", "server", "start", "memory then", "memory after load", "starts"], rows, "llrrrr")


def load_section(results: Results, size: str) -> Iterator[str]:
    for job in JOBS.values():
        cells = [cell for server in ALL if (cell := results.cell(size, job.name, server.name))]
        if cells:
            yield f"## {job.title}, {size_label(size)}"
            yield ""
            ours = results.cell(size, job.name, "understudy")
            head = ["server", "requests/s", "Understudy / it", "p50", "p99", "CPU a request", "rows", "failed"]
            yield from table(head, (load_row(cell, ours) for cell in cells), "lrrrrrrr")
            yield from plain_remark(job, cells)


def load_row(cell: Cell, ours: Cell | None) -> list[str]:
    return [
        BY_NAME[cell.server].title,
        f"{cell.per_second:,.0f}",
        times(targets.ratio(ours.per_second if ours else None, cell.per_second)),
        milliseconds(cell.p50),
        milliseconds(cell.p99),
        f"{cell.cpu:,.3f} ms",
        "-" if cell.rows is None else str(cell.rows),
        str(cell.failed),
    ]


def plain_remark(job: Job, cells: Iterable[Cell]) -> Iterator[str]:
    sent, usual = job.plain("{id}"), job.request("{id}")
    if sent.path.rstrip("/") != usual.path.rstrip("/") and any(BY_NAME[cell.server].plain for cell in cells):
        yield f"json-server has no such operation; it was asked the nearest that it has, `{sent.method} {sent.path}`."
        yield ""


def filter_section(results: Results, size: str) -> Iterator[str]:
    servers = [server for server in ALL if results.filters_of(size, server.name)]
    if not servers:
        return
    yield f"## Filters, {size_label(size)}"
    yield ""
    yield "One client; the first use on a fresh server, in this order, and the median of those after."
    yield ""
    head = ["filter", "rows", "of", *(name for server in servers for name in filter_columns(server.title))]
    found = [results.filters_of(size, server.name) for server in servers]
    rows = ([name, *filter_row(name, found)] for name in found[0])
    yield from table(head, rows, "lrr" + "r" * 4 * len(servers))


def filter_columns(title: str) -> list[str]:
    return [f"{title}, first", "warm", "count, first", "count, warm"]


def filter_row(name: str, found: list[dict[str, FilterTimed]]) -> Iterator[str]:
    yield str(found[0][name].rows)
    yield f"{found[0][name].count:,}"
    for one in found:
        for timed in (one[name].listing, one[name].counting):
            yield milliseconds(timed.first)
            yield milliseconds(timed.warm)


def write_section(results: Results) -> Iterator[str]:
    if results.writes:
        yield "## Writes by one client"
        yield ""
        rows = (
            [size_label(one.size), BY_NAME[one.server].title, milliseconds(one.write), milliseconds(one.find)]
            for one in results.writes
        )
        yield from table(["set", "server", "`POST /artifacts/`", "the next filter, which finds it"], rows, "llrr")


def growth_section(results: Results) -> Iterator[str]:
    rows = [
        [size_label(size), BY_NAME[server.name].title, milliseconds(found[SELECTIVE].listing.warm)]
        for server in ALL
        for size in results.sizes()
        if (found := results.filters_of(size, server.name))
    ]
    if rows:
        yield "## What a selective filter costs as the set grows"
        yield ""
        yield from table(["set", "server", "warm"], rows, "llr")


def target_section(results: Results) -> Iterator[str]:
    yield "## Targets"
    yield ""
    rows = ([one.what, one.bound, measured(one), verdict(one)] for one in targets.targets(results))
    yield from table(["", "target", "measured", "met"], rows, "lrrl")


def measured(target: targets.Target) -> str:
    if target.measured is None:
        return "not measured"
    return f"{target.measured:,.3g}{target.unit}" + (f" ({target.remark})" if target.remark else "")


def verdict(target: targets.Target) -> str:
    return {True: "yes", False: "**no**", None: "-"}[target.met]


def table(head: list[str], rows: Iterable[list[str]], sides: str) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join({'l': '---', 'r': '---:'}[side] for side in sides)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def size_label(size: str) -> str:
    return "the demo set" if size == DEMO_SIZE else f"{int(size):,} artifacts"


def mebibytes(memory: int | None) -> str:
    return "-" if memory is None else f"{memory / MEBIBYTE:,.0f} MiB"


def milliseconds(value: float) -> str:
    return f"{value:,.2f} ms" if value < 10 else f"{value:,.0f} ms"


def times(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}x" if value < 10 else f"{value:,.0f}x"
