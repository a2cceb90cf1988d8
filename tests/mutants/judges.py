"""Judges of servers: `understudy verify`, and Schemathesis with its defaults."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.mutants.proxy import SHOWN
from tests.servers import ROOT, running
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

CORRECT = "correct"  # the name of the correct server
PATIENCE = 900  # seconds after which a judge that does not end counts as one that failed

Failures = frozenset[tuple[str, str]]
"""What Schemathesis reports: checks, and the operations that they failed for."""


class Outcome(Enum):
    CAUGHT = "caught"
    MISSED = "missed"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """The outcome of a judge on a server, the seconds that it took, and its output.

    `shown` is the number of its requests that showed the mutant; None if the server did not say it.
    """

    outcome: Outcome
    seconds: float
    words: str = ""
    shown: int | None = None


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its status, what it wrote to stdout and to stderr, and how many seconds it took."""

    status: int
    words: str
    complaint: str
    seconds: float


Judge = Callable[[str, int], Judgement]
"""Judges the API at a URL, with a seed."""


@contextmanager
def server(name: str) -> Iterator[str]:
    """A broken server on the demo set, or the correct one; its URL."""
    with running([sys.executable, "-m", "tests.mutants.serve", name], dict(os.environ)) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def judged(judge: Judge, name: str, seed: int) -> Judgement:
    """The judgement on a broken server, whose rows the judge may change."""
    with server(name) as url:
        return replace(judge(url, seed), shown=shown_by(url))


def shown_by(url: str) -> int | None:
    """How many requests have shown the mutant of a server so far."""
    try:
        return int(httpx.get(urljoin(url, SHOWN), trust_env=False).text)
    except (httpx.HTTPError, ValueError):
        return None


def verify(url: str, seed: int) -> Judgement:
    command = [sys.executable, "-m", "understudy", "verify", url, "--allow-writes", "--seed", str(seed)]
    ended = run(command, ROOT)
    # Python exits with 1, too, if it fails.
    outcomes = {} if "Traceback" in ended.complaint else {0: Outcome.MISSED, 1: Outcome.CAUGHT}
    outcome = outcomes.get(ended.status, Outcome.ERROR)
    return Judgement(outcome, ended.seconds, ended.complaint if outcome is Outcome.ERROR else ended.words)


def schemathesis(baseline: Failures) -> Judge:
    """Schemathesis, which catches a server if it reports failures that it does not report of the correct one."""

    def judge(url: str, seed: int) -> Judgement:
        failures, seconds = schemathesis_run(url, seed)
        if failures is None:
            return Judgement(Outcome.ERROR, seconds)
        new = sorted(failures - baseline)
        words = ", ".join(f"{check} of {operation}" for check, operation in new)
        return Judgement(Outcome.CAUGHT if new else Outcome.MISSED, seconds, words)

    return judge


def correct_failures(seed: int) -> Failures:
    """What Schemathesis reports of the correct server."""
    with server(CORRECT) as url:
        failures, _ = schemathesis_run(url, seed)
    if failures is None:
        raise RuntimeError("Schemathesis did not end on the correct server")
    return failures


def schemathesis_run(url: str, seed: int) -> tuple[Failures | None, float]:
    """The failures that it reports, None if it crashes; and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(Contract.read(own_folder() / "openapi.yaml").document), encoding="utf-8")
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", url]
        command += ["--seed", str(seed), "--report", "json", "--report-json-path", str(report)]
        ended = run(command, Path(folder))
        if ended.status not in (0, 1) or not report.exists():
            return None, ended.seconds
        kinds = json.loads(report.read_text(encoding="utf-8"))["failures"]
    failures = frozenset((kind["type"], operation) for kind in kinds for operation in kind["operations"])
    return failures, ended.seconds


def run(command: list[str], folder: Path) -> Ended:
    start = time.monotonic()
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return Ended(-1, "", "it did not end", time.monotonic() - start)
    return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - start)
