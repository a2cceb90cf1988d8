"""Servers that run: started, waited for, timed, and ended."""

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from httptools import HttpParserError

from bench.answers import Answers
from bench.client import TIMEOUT, Client, Request, client
from bench.errors import BenchError
from bench.jobs import Job
from bench.places import WORK
from bench.processes import Process, running
from bench.servers import Server, Stage

PAUSE = 0.005  # seconds between two attempts


@dataclass(frozen=True)
class Running:
    """A running server; `seconds` from its start to its first response, `memory` in bytes just after."""

    server: Server
    process: Process
    client: Client
    port: int
    artifact: str
    seconds: float
    memory: int

    def request(self, job: Job) -> Request:
        return (job.plain if self.server.plain else job.request)(self.artifact)


@contextmanager
def up(server: Server, fixtures: Path, artifact: str, answers: Answers) -> Iterator[Running]:
    """A server on a fixture set, once it has shown an artifact that is in it."""
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK, ignore_cleanup_errors=True) as folder:
        stage = Stage(fixtures, answers, Path(folder), free_port())
        launch = server.launch(stage)
        start = time.perf_counter()
        with (
            running(launch.command, launch.environment, stage.folder, stage.folder / "log") as process,
            client(stage.port, server.prefix) as api,
        ):
            wait(server, process, api, Request("GET", f"/artifacts/{artifact}"))
            seconds = time.perf_counter() - start
            yield Running(server, process, api, stage.port, artifact, seconds, process.memory())


def wait(server: Server, process: Process, api: Client, request: Request) -> None:
    """Send the request until there is a successful response.

    Raises:
        BenchError: the server has ended, or takes too long.
    """
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        try:
            if api.ask(request).status == 200:
                return
        except (OSError, HttpParserError):
            api.close()
        if process.ended():
            raise BenchError(f"{server.title} ended before it answered: {process.last_words()}")
        time.sleep(PAUSE)
    raise BenchError(f"{server.title} did not show an artifact within {TIMEOUT:.0f} s: {process.last_words()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
