"""Servers for tests, each a process on a free port."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import httpx

ROOT = Path(__file__).parent.parent
REAL = ROOT / os.environ.get("UNDERSTUDY_REAL", ".real")
"""The environment of the real server: that of `make test-real`, or of `make follow`."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def stand_in(fixtures: Path, *options: str) -> Iterator[httpx.Client]:
    """Understudy on a fixture set, started by its command; a client whose paths begin at the API."""
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--fixtures", str(fixtures)]
    with running([*command, "--quiet", *options], dict(os.environ)) as process:
        assert process.stdout is not None
        url = greeting(process.stdout)[-1].partition("=")[2].strip()
        with client(url) as api:
            yield api


def greeting(stdout: IO[str]) -> list[str]:
    """The output of a server once it runs, up to the line that exports its URL."""
    lines = []
    for line in stdout:
        lines.append(line)
        if line.strip().startswith("export "):
            return lines
    raise AssertionError("it never said that it was ready")


@contextmanager
def real_server(
    fixtures: Path, home: Path, more: Mapping[str, str] | None = None, *, services: bool = False
) -> Iterator[httpx.Client]:
    """A real Prefect server on a fixture set, from the environment that `make .real` makes; `more` are settings.

    With `services`, it runs background services, too: schedules, and those that store events and task runs.
    """
    port = free_port()
    database = home / "prefect.db"
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "DO_NOT_TRACK": "1",
        **(more or {}),
    }
    home.mkdir(exist_ok=True)
    shutil.copyfile(empty_database(environment), database)
    load(fixtures, database, environment)
    command = [
        str(REAL / "bin/prefect"),
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        *(() if services else ("--no-services",)),
    ]
    with running(command, environment), client(f"http://127.0.0.1:{port}/api", RealTransport()) as api:
        wait_for(api)
        yield api


class RealTransport(httpx.HTTPTransport):
    """Sends a request again that met a locked database, as Prefect's client does, or a connection that was closed.

    A real server closes connections after internal errors without notice.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(2):
            with suppress(httpx.ReadError, httpx.RemoteProtocolError):
                response = super().handle_request(request)
                if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    return response
                response.close()
        return super().handle_request(request)


def empty_database(environment: Mapping[str, str]) -> Path:
    """A database of the real server without rows, made once for its environment: migrations take most of a start."""
    kept = REAL / "empty.db"
    if not kept.exists():
        with TemporaryDirectory(dir=REAL) as folder:
            made, no_rows = Path(folder, "made.db"), Path(folder, "rows")
            no_rows.mkdir()
            url = {"PREFECT_HOME": folder, "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{made}"}
            load(no_rows, made, {**environment, **url})
            made.replace(kept)  # tests in other processes may make it at the same time
    return kept


def load(fixtures: Path, database: Path, environment: Mapping[str, str]) -> None:
    loader = [str(REAL / "bin/python"), str(ROOT / "tests/real/load.py"), str(fixtures), str(database)]
    subprocess.run(loader, env=environment, check=True)


@contextmanager
def running(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def client(url: str, transport: httpx.HTTPTransport | None = None) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=60, transport=transport)


def wait_for(api: httpx.Client, seconds: float = 240) -> None:
    wait_until(lambda: is_up(api), f"{api.base_url} did not come up", seconds)


def wait_until(condition: Callable[[], object], otherwise: str, seconds: float = 60) -> None:
    """Wait until a condition holds; fail with a message if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.01)


def is_up(api: httpx.Client) -> bool:
    try:
        return api.get("/health").is_success
    except httpx.HTTPError:
        return False
