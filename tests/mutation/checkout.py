"""A copy of the checkout in which mutations are applied, and tests run."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutations import Mutation

IGNORED = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")
KEPT = (".ci", ".github")  # which tests read
SUMMARY = " short test summary info "
PASSED, FAILED = 0, 1  # what pytest exits with


@dataclass(frozen=True)
class Run:
    """What became of a test file: whether it passed, or the first test that failed and why."""

    passed: bool
    test: str = ""
    reason: str = ""


class Checkout:
    """A copy of a checkout.

    Args:
        root: the checkout.
        folder: where the copy is made; it must not exist.
        limit: seconds that the tests of one file may take.
    """

    def __init__(self, root: Path, folder: Path, limit: float) -> None:
        shutil.copytree(root, folder, ignore=IGNORED)
        for name in KEPT:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name)
        self.folder = folder
        self._limit = limit

    @contextmanager
    def mutated(self, module: str, mutation: Mutation) -> Iterator[None]:
        """Within this, the module at a path relative to the checkout has a mutation."""
        path = self.folder / module
        source = path.read_bytes()
        write(path, mutation.applied(source))
        try:
            yield
        finally:
            write(path, source)

    def run(self, test: str) -> Run:
        """Run a test file, or a single test by its id, up to the first failure."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "--tb=line",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
        ]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        with subprocess.Popen(
            [*command, test],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=self._limit)
            except subprocess.TimeoutExpired:
                return Run(passed=False, test=test, reason=f"did not end within {self._limit:g} seconds")
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # also the servers that a test has left
        return Run(passed=True) if process.returncode == PASSED else failure(test, process.returncode, output)


def write(path: Path, source: bytes) -> None:
    """Write a module, whose .pyc Python would trust where the size and, in whole seconds, the time are the same."""
    path.write_bytes(source)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def failure(test: str, status: int, output: str) -> Run:
    """The failure that pytest's summary names first; where it names none, such as after a crash, the whole file's."""
    _, _, summary = output.rpartition(SUMMARY)
    for line in summary.splitlines():
        if status == FAILED and line.startswith(("FAILED ", "ERROR ")):
            name, _, reason = line.partition(" ")[2].partition(" - ")
            return Run(passed=False, test=name, reason=reason[:200])
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    return Run(passed=False, test=test, reason=f"pytest ended with {status}: {last}"[:200])
