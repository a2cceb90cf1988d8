"""`make bench-flows`: what flows in tests take, in Prefect's harness and in Understudy's, in turns.

It writes `bench/results/flows.md`.
"""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import installed
from bench.errors import BenchError
from bench.places import BENCH, REAL, RESULTS, ROOT

ROUNDS = 3
LIBRARIES = ("prefect", "understudy")
ROWS = (
    ("session", "seconds", "from the start of Python to the first result of a flow"),
    ("session", "imports", "of which the imports"),
    ("flows", "seconds", "a flow with three tasks, logs and an artifact, median"),
    ("flows", "processor", "of which the client's own processor time"),
    ("tests", "seconds", "a test that runs a flow in a harness of its own"),
)
TIMEOUT = 600  # seconds


def main() -> None:
    installed.real_server()
    lines = ["# Flows in tests, measured by `make bench-flows`", ""]
    for line in report():
        print(line, flush=True)
        lines.append(line)
    (RESULTS / "flows.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def report() -> Iterator[str]:
    kinds = dict.fromkeys(kind for kind, _, _ in ROWS)
    found: dict[tuple[str, str], list[dict[str, float]]] = {
        (kind, library): [] for kind in kinds for library in LIBRARIES
    }
    for _ in range(ROUNDS):
        for (kind, library), results in found.items():
            results.append(measured(library, kind))
    yield f"The median of {ROUNDS} rounds."
    yield ""
    yield "| | `prefect_test_harness` of Prefect | of Understudy | ratio |"
    yield "|---|---:|---:|---:|"
    for kind, value, title in ROWS:
        real, own = (statistics.median(result[value] for result in found[kind, library]) for library in LIBRARIES)
        yield f"| {title} | {milliseconds(real)} | {milliseconds(own)} | {real / own:.3g}x |"


def measured(library: str, kind: str) -> dict[str, float]:
    """What `flow_client.py` prints, in a new process and folder.

    Raises:
        BenchError: it fails.
    """
    command = [str(REAL / "bin" / "python"), str(BENCH / "flow_client.py"), library, kind]
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        environment |= {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(Path(home) / "prefect"), "DO_NOT_TRACK": "1"}
        environment |= {"PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"}
        done = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms"


if __name__ == "__main__":
    main()
