"""Processes of servers: started in new sessions, measured through /proc, and stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# A server must not outlive a benchmark that is killed; setpriv is Debian's, and becomes the command itself.
FOLLOW = ("setpriv", "--pdeathsig", "KILL")
PATIENCE = 5.0  # seconds from SIGTERM to SIGKILL

# The positions of these in /proc/PID/stat after the name of the command.
STATE, SESSION, UTIME, STIME, RSS = 0, 3, 11, 12, 21


@dataclass(frozen=True)
class Process:
    """A server's process with all that it has started."""

    popen: subprocess.Popen[bytes]
    log: Path

    def memory(self) -> int:
        """The resident bytes of all its processes; pages that two of them share count twice."""
        return sum(int(stat[RSS]) for stat in self._stats()) * PAGE

    def cpu(self) -> float:
        """The seconds of processor time, user and system, that its living processes have had."""
        return sum(int(stat[UTIME]) + int(stat[STIME]) for stat in self._stats()) / TICK

    def ended(self) -> bool:
        return self.popen.poll() is not None

    def last_words(self) -> str:
        """The last line that it wrote."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def end(self) -> None:
        self._signal(signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and (not self.ended() or self._stats()):
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def _stats(self) -> list[list[str]]:
        found = (stat_of(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [stat for stat in found if self._owns(stat)]

    def _owns(self, stat: list[str]) -> bool:
        return bool(stat) and int(stat[SESSION]) == self.popen.pid and stat[STATE] != "Z"

    def _signal(self, number: signal.Signals) -> None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._owns(stat_of(entry)):
                with suppress(ProcessLookupError):
                    os.kill(int(entry.name), number)


def stat_of(entry: Path) -> list[str]:
    """The fields of a process after its name, which may contain spaces; none if it has ended."""
    try:
        return (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


@contextmanager
def running(command: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> Iterator[Process]:
    """A process in a new session, so that all that it starts is found, and stopped with it."""
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [*FOLLOW, *command],
            env={**os.environ, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process(popen, log)
    try:
        yield process
    finally:
        process.end()
