"""A process that serves: its socket, what it says once it is ready, and its end."""

import errno
import signal
import socket
import time
from pathlib import Path
from types import FrameType

import click
import uvicorn

from understudy import fixtures
from understudy.app import create_app
from understudy.contract import reason_of
from understudy.errors import UnderstudyError
from understudy.folder import Api
from understudy.workspace import Workspace


class Server(uvicorn.Server):
    """Uvicorn's server, which says that it is ready in our words."""

    def __init__(self, config: uvicorn.Config, greeting: str, started: float) -> None:
        super().__init__(config)
        self._greeting = greeting
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            click.echo(self._greeting.format(seconds=time.perf_counter() - self._started))


def serve(api: Api, fixture_set: Path, host: str, port: int, log_level: str, started: float) -> None:
    """Serve an API from a fixture set until the process is asked to stop.

    Args:
        api: what is served.
        fixture_set: the folder that the workspace starts from.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        log_level: one of uvicorn's.
        started: when the process started, by `time.perf_counter`, in seconds.

    Raises:
        UnderstudyError: the address cannot be listened on, or the fixture set cannot be loaded.
    """
    listener = listen(host, port)
    workspace = Workspace(api.catalog)
    for warning in fixtures.load(fixture_set, workspace, api.catalog):
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    config = uvicorn.Config(create_app(api, workspace), log_level=log_level, lifespan="on", timeout_graceful_shutdown=1)
    greeting = greet(api, workspace, fixture_set, url_of(listener, api))
    # Uvicorn passes the signal that stopped it on; having stopped is all that was asked.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ignored)
    Server(config, greeting, started).run(sockets=[listener])


def ignored(number: int, frame: FrameType | None) -> None:
    """A signal that has been heeded."""


def listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        hint = "; is another server running? choose another with --port" if error.errno == errno.EADDRINUSE else ""
        raise UnderstudyError(f"cannot listen on {host}:{port} ({reason_of(error)}){hint}") from None


def url_of(listener: socket.socket, api: Api) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{api.contract.base_path}"


def greet(api: Api, workspace: Workspace, fixture_set: Path, url: str) -> str:
    rows = ", ".join(f"{len(table)} {name}" for name, table in workspace.items() if table)
    site = url.removesuffix(api.contract.base_path)
    lines = [
        f"Understudy stands in at {click.style(url, fg='green', bold=True)}, {{seconds:.2f}} s after it was called.",
        f"  loaded  {rows or 'no rows'}, from {fixture_set}",
        f"  docs    {site}/docs",
    ]
    if api.contract.environment_variable:
        lines.append(f"  export {api.contract.environment_variable}={url}")
    return "\n".join(lines)
