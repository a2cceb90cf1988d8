"""A copy of the checkout in which mutations are applied, and tests run."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutations import Mutation

IGNORED = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")
KEPT = (".ci", ".github")  # which tests read
SUMMARY = " short test summary info "
FAILURE = re.compile(r"^(?:FAILED|ERROR) (?P<test>[^[\n]*?(?:\[.*?\])?)(?: - (?P<reason>.*))?$", re.MULTILINE)
PASSED, FAILED, NONE_LEFT = 0, 1, 5  # what pytest exits with


@dataclass(frozen=True)
class Run:
    """The result of tests: whether they passed, or the first that failed and why."""

    passed: bool
    test: str = ""
    reason: str = ""


class Checkout:
    """A copy of a checkout.

    Args:
        root: the checkout.
        folder: where the copy is made; it must not exist.
        limit: seconds that the tests of one run may take.
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

    def run(self, tests: Sequence[str], *options: str) -> Run:
        """Run tests of one file by their ids, or all by its path, up to the first failure."""
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
            [*command, *options, *tests],
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
                return Run(passed=False, test=file_of(tests[0]), reason=f"did not end within {self._limit:g} seconds")
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # also the servers that a test has left
        status = process.returncode
        return Run(passed=True) if status in (PASSED, NONE_LEFT) else failure(file_of(tests[0]), status, output)


def write(path: Path, source: bytes) -> None:
    """Write a module, whose .pyc Python would trust where the size and, in whole seconds, the time are the same."""
    path.write_bytes(source)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def file_of(test: str) -> str:
    """The file of a test, which is given by its id, or a file itself."""
    return test.partition("::")[0]


def failure(file: str, status: int, output: str) -> Run:
    """The failure that pytest's summary names first; if there is no name, such as after a crash, that of the file."""
    _, _, summary = output.rpartition(SUMMARY)
    failed = FAILURE.search(summary)
    if status == FAILED and failed:
        return Run(passed=False, test=failed["test"], reason=(failed["reason"] or "")[:200])
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    return Run(passed=False, test=file, reason=f"pytest ended with {status}: {last}"[:200])
