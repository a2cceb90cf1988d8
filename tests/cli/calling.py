"""A process that runs Understudy's commands one after another, which is much faster than a process for each.

It reads a command's arguments from each line of stdin (JSON), and writes the result as a line to stdout.
"""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

READY = "Understudy is running at"  # printed by a server, which would run until it is stopped
PATIENCE = 120  # seconds that a command may take


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, and what it printed."""

    status: int
    output: str
    errors: str


class Caller:
    """Runs commands in one process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, arguments: Sequence[str]) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))


@contextmanager
def caller(folder: Path) -> Iterator[Caller]:
    """A process that runs commands in a folder."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Caller(process)


class Output(io.TextIOWrapper):
    """What a command prints. A server is stopped as soon as it prints that it runs."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8")

    def write(self, text: str) -> int:
        if READY in text:
            signal.raise_signal(signal.SIGTERM)
        return super().write(text)

    @property
    def text(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode()


def hung(number: int, frame: FrameType | None) -> None:
    os._exit(99)  # the caller reads no line, and fails with its arguments


def main() -> None:
    from understudy.cli import commands  # noqa: PLC0415

    answers = sys.stdout
    signal.signal(signal.SIGALRM, hung)
    for line in sys.stdin:
        signal.alarm(PATIENCE)
        sys.stdout, sys.stderr = Output(), Output()
        status = 0
        try:
            commands.run(json.loads(line))
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        print(json.dumps((status, sys.stdout.text, sys.stderr.text)), file=answers, flush=True)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of the tests
    main()
