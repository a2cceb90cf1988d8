"""A process that serves: its socket, what it says once it is ready, and its end."""

import errno
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click
import uvicorn
from uvicorn.config import LOGGING_CONFIG

from understudy.app import create_app
from understudy.contract import reason_of
from understudy.errors import UnderstudyError
from understudy.fixtures import FixtureSet
from understudy.folder import Api
from understudy.journal import Journal
from understudy.site import Site
from understudy.tenants import DEFAULT, Keeper, Kept, Memory, Tenants

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


@contextmanager
def opened(api: Api, folder: Path, store: Path | None, journal: int, workspaces: int) -> Iterator[Site]:
    """A site on a fixture set, or on stores that start from it, with its default workspace open.

    Raises:
        UnderstudyError: the rows cannot be loaded, or the store is in use.
    """
    fixture_set = FixtureSet(folder, api.catalog, watched)
    tenants = Tenants(keeper(fixture_set, store), workspaces)
    tenants.open(DEFAULT)
    try:
        yield Site(api, fixture_set, tenants, Journal(journal))
    finally:
        tenants.close()


def keeper(fixture_set: FixtureSet, store: Path | None) -> Keeper:
    if store is None:
        return Memory(fixture_set)
    # TinyDB and what tells times in words are for those who keep a store.
    from understudy.store.files import Files  # noqa: PLC0415

    return Files(store, fixture_set)


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


def serve(host: str, port: int, log_level: str, called: float, site: AbstractContextManager[Site]) -> None:
    """Serve a site until the process is asked to stop.

    Args:
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        log_level: one of uvicorn's.
        called: when the command was called, by `time.perf_counter`, in seconds.
        site: opens what is served, once the address is ours.

    Raises:
        UnderstudyError: the address cannot be listened on, or the site cannot be opened.
    """
    with listen(host, port) as listener, site as opened:
        default = opened.tenants[DEFAULT].kept
        for warning in default.warnings():
            click.secho(f"warning: {warning}", fg="yellow", err=True)

        def ready() -> None:
            click.echo(greeting(opened, default, url_of(listener, opened.api), time.perf_counter() - called))

        # Uvicorn raises the signal that stopped it once more; having stopped is all that was asked.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, heeded)
        Server(config_of(opened, log_level), ready).run(sockets=[listener])


def config_of(site: Site, log_level: str | None) -> uvicorn.Config:
    """How a site is served; without a level, the logging of this process is left as it is."""
    return uvicorn.Config(
        create_app(site),
        log_config=logging_of(log_level) if log_level else None,
        log_level=log_level,
        access_log=log_level in ("info", "debug"),  # otherwise each line is put together, and thrown away
        lifespan="on",
        timeout_graceful_shutdown=1,
    )


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


def greeting(site: Site, rows: Kept, url: str, seconds: float) -> str:
    contract = site.api.contract
    lines = [
        f"Understudy stands in at {click.style(url, fg='green', bold=True)}, {seconds:.2f} s after it was called.",
        f"  loaded  {rows.workspace.counts()} from {rows.origin}",
        f"  docs    {url.removesuffix(contract.base_path)}/docs",
    ]
    if contract.environment_variable:
        lines.append(f"  export {contract.environment_variable}={url}")
    return "\n".join(lines)
