"""A process that serves: its socket, what it says once it is ready, and its end."""

import errno
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click
import uvicorn
from uvicorn.config import LOGGING_CONFIG

from understudy import fixtures
from understudy.app import create_app
from understudy.contract import reason_of
from understudy.errors import UnderstudyError
from understudy.folder import Api
from understudy.http import Perform, at_once
from understudy.workspace import Workspace

LONG = 2**24  # bytes of a file that takes some seconds to load
STEPS = 200  # of a progress bar


class Server(uvicorn.Server):
    """Uvicorn's server, which calls `ready` once it accepts requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


@dataclass(frozen=True)
class Source:
    """Rows to serve, in words where they come from and what is odd there, and how operations are performed."""

    workspace: Workspace
    origin: str
    warnings: list[str]
    perform: Perform


@contextmanager
def source(api: Api, fixture_set: Path, store: Path | None) -> Iterator[Source]:
    """The rows of a fixture set in memory, or those of a store, which starts from the set.

    Raises:
        UnderstudyError: they cannot be loaded, or the store is in use.
    """
    if store is None:
        workspace = Workspace.empty(api.catalog)
        fixtures.load(fixture_set, workspace, watched)
        yield Source(workspace, str(fixture_set), list(fixtures.dangling(workspace)), at_once)
        return
    # TinyDB and what tells times in words are for those who keep a store.
    from understudy.store import commits, opening  # noqa: PLC0415

    with opening.opened(store, api.catalog, fixture_set) as kept:
        perform = commits.Commits(kept.workspace, kept.changes, kept.keep).perform
        yield Source(kept.workspace, opening.origin(kept, fixture_set), list(opening.warnings(kept)), perform)


def watched(lines: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The lines of a file, with a progress bar where it takes long and somebody looks."""
    size = path.stat().st_size
    hidden = size < LONG or not sys.stderr.isatty()
    with click.progressbar(
        length=size, label=f"loading {path.name}", hidden=hidden, file=sys.stderr, update_min_steps=size // STEPS
    ) as bar:
        for line in lines:
            yield line
            bar.update(len(line))


def serve(api: Api, fixture_set: Path, store: Path | None, host: str, port: int, log_level: str, called: float) -> None:
    """Serve an API from a fixture set until the process is asked to stop.

    Args:
        api: what is served.
        fixture_set: the folder that the workspace starts from.
        store: the file that keeps the workspace; None to forget it at the end.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        log_level: one of uvicorn's.
        called: when the command was called, by `time.perf_counter`, in seconds.

    Raises:
        UnderstudyError: the address cannot be listened on, or the rows cannot be loaded.
    """
    with listen(host, port) as listener, source(api, fixture_set, store) as rows:
        for warning in rows.warnings:
            click.secho(f"warning: {warning}", fg="yellow", err=True)

        def ready() -> None:
            click.echo(greeting(api, rows, url_of(listener, api), time.perf_counter() - called))

        config = uvicorn.Config(
            create_app(api, rows.workspace, rows.perform),
            log_config=logging_of(log_level),
            log_level=log_level,
            access_log=log_level in ("info", "debug"),  # otherwise each line is put together, and thrown away
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        # Uvicorn raises the signal that stopped it once more; having stopped is all that was asked.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, heeded)
        Server(config, ready).run(sockets=[listener])


def logging_of(level: str) -> dict[str, Any]:
    """Uvicorn's logging, with our own lines among its."""
    ours = {"understudy": {"handlers": ["default"], "level": level.upper(), "propagate": False}}
    return {**LOGGING_CONFIG, "loggers": {**LOGGING_CONFIG["loggers"], **ours}}


def heeded(number: int, frame: FrameType | None) -> None:
    """A signal that needs nothing more."""


def listen(host: str, port: int) -> socket.socket:
    """A socket on an address, bound here so that a taken port is known before anything is loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        hint = "; is another server running? choose another with --port" if error.errno == errno.EADDRINUSE else ""
        raise UnderstudyError(f"cannot listen on {host}:{port} ({reason_of(error)}){hint}") from None
    return listener


def url_of(listener: socket.socket, api: Api) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{api.contract.base_path}"


def greeting(api: Api, source: Source, url: str, seconds: float) -> str:
    lines = [
        f"Understudy stands in at {click.style(url, fg='green', bold=True)}, {seconds:.2f} s after it was called.",
        f"  loaded  {source.workspace.counts()} from {source.origin}",
        f"  docs    {url.removesuffix(api.contract.base_path)}/docs",
    ]
    if api.contract.environment_variable:
        lines.append(f"  export {api.contract.environment_variable}={url}")
    return "\n".join(lines)
