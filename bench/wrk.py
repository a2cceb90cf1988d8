"""Load by wrk, and its output."""

import json
import math
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.client import TIMEOUT, Request
from bench.errors import BenchError

SCRIPT = Path(__file__).parent / "wrk.lua"
THREADS, CONNECTIONS = 1, 16
MARK = "measured "


@dataclass(frozen=True)
class Load:
    """What wrk counted: latencies in milliseconds, failures of every kind."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int


def find() -> str:
    """Where wrk is.

    Raises:
        BenchError: it is missing.
    """
    path = shutil.which("wrk")
    if path is None:
        raise BenchError("wrk is missing; it is a package of Debian: apt-get install wrk")
    return path


def version() -> str:
    words = subprocess.run([find(), "--version"], capture_output=True, text=True, check=False)
    return (words.stdout + words.stderr).split()[1].removeprefix("debian/")


def load(port: int, prefix: str, request: Request, seconds: float) -> Load:
    """Send one request repeatedly for some seconds, rounded up to whole ones, as wrk requires."""
    with tempfile.NamedTemporaryFile() as body:
        body.write(request.contents)
        body.flush()
        command = [
            find(),
            f"--threads={THREADS}",
            f"--connections={CONNECTIONS}",
            f"--duration={math.ceil(seconds)}s",
            f"--timeout={TIMEOUT:.0f}s",
            "--latency",
            f"--script={SCRIPT}",
            f"http://127.0.0.1:{port}{prefix}{request.path}",
            "--",
            request.method,
            body.name,
            *(f"{name}: {value}" for name, value in request.headers.items()),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return parsed(done.stdout, done.stderr)


def parsed(output: str, errors: str) -> Load:
    line = next((line for line in output.split("\n") if line.startswith(MARK)), None)
    if line is None:
        raise BenchError(f"wrk measured nothing: {(errors or output).strip() or 'it said nothing'}")
    found = json.loads(line.removeprefix(MARK))
    return Load(
        requests=found["requests"],
        seconds=found["duration"] / 1e6,
        p50=found["p50"] / 1e3,
        p99=found["p99"] / 1e3,
        failed=found["failed"],
    )
