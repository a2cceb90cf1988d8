"""`make bench-writes`: what a write costs with a store, by its rows and the clients that write at once.

Each store is as many artifacts, none with a key; each client creates flows and deletes them again, so that the store
stays as large as it is. In memory is the same server without a store, in the same run.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx

from bench.places import RESULTS

TITLE = "# Writes with a store, measured by `make bench-writes`"
ROWS = (300, 10_000, 50_000)
CLIENTS = (1, 16)
SECONDS = 6.0  # of writing, for each cell
TEXT = "x" * 200
MOMENT = "2026-01-01T00:00:00Z"
MEBIBYTE = 2**20


def main() -> None:
    """Print the table line by line, and write it to `bench/results/writes.md`."""
    lines = []
    for line in table():
        print(line, flush=True)
        lines.append(line)
    (RESULTS / "writes.md").write_text("\n".join((TITLE, "", *lines, "")), encoding="utf-8")


def table() -> Iterator[str]:
    yield "| rows | file | clients | writes/s | median | slowest in 100 | in memory, median |"
    yield "|---:|---:|---:|---:|---:|---:|---:|"
    with tempfile.TemporaryDirectory() as folder:
        for rows in ROWS:
            fixtures = fixture_set(Path(folder) / str(rows), rows)
            store = Path(folder) / f"{rows}.json"
            for clients in CLIENTS:
                with served(fixtures, "--store", str(store)) as kept, served(fixtures) as memory:
                    times, in_memory = measured(kept, clients), measured(memory, clients)
                size = store.stat().st_size / MEBIBYTE
                slow = statistics.quantiles(times, n=100)[-1]
                yield (
                    f"| {rows:,} | {size:.1f} MiB | {clients} | {len(times) / SECONDS:,.0f} | {median(times)} "
                    f"| {slow * 1000:,.1f} ms | {median(in_memory)} |"
                )


def median(times: list[float]) -> str:
    return f"{statistics.median(times) * 1000:,.1f} ms"


def fixture_set(folder: Path, rows: int) -> Path:
    folder.mkdir()
    with (folder / "artifacts.jsonl").open("w", encoding="utf-8") as file:
        for number in range(rows):
            row = {"id": str(UUID(int=number)), "created": MOMENT, "updated": MOMENT, "type": "markdown", "data": TEXT}
            file.write(f"{json.dumps(row)}\n")
    return folder


@contextmanager
def served(fixtures: Path, *options: str) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "understudy",
        "serve",
        "--quiet",
        "--port",
        "0",
        "--fixtures",
        str(fixtures),
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        yield next(line.partition("=")[2].strip() for line in process.stdout if "export" in line)
        process.terminate()


def measured(url: str, clients: int) -> list[float]:
    """The seconds that each write took, of all that came to an end in time."""
    times: list[float] = []
    end = time.monotonic() + SECONDS
    threads = [threading.Thread(target=write, args=[url, f"flow-{number}", end, times]) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def write(url: str, name: str, end: float, times: list[float]) -> None:
    with httpx.Client(base_url=url, timeout=60) as api:

        def timed(method: str, path: str, body: object = None) -> httpx.Response:
            start = time.monotonic()
            answer = api.request(method, path, json=body).raise_for_status()
            if time.monotonic() < end:
                times.append(time.monotonic() - start)
            return answer

        while time.monotonic() < end:
            row = timed("POST", "/flows/", {"name": name}).json()
            timed("DELETE", f"/flows/{row['id']}")


if __name__ == "__main__":
    main()
