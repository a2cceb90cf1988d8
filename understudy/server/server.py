"""The server process: its socket, its greeting once it is ready, and its shutdown."""

import asyncio
import errno
import gc
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from understudy.encoding import reason_of
from understudy.errors import UnderstudyError
from understudy.http.protocol import Protocol
from understudy.http.request_log import RequestLog
from understudy.network.ip_addresses import is_loopback
from understudy.operations.api_folder import Api
from understudy.options import Options
from understudy.server.app import create_app
from understudy.server.file_descriptors import fit_connections
from understudy.server.greeting import greeting
from understudy.server.logs import Logging, websocket_logger
from understudy.server.output import unblocked
from understudy.server.site_loading import opened, reloaded
from understudy.site import Site
from understudy.terminal.console import echo, warn
from understudy.workspaces.workspace_names import DEFAULT

SIGNALLED = 128  # added to the number of a signal, the exit status after it


class Server(uvicorn.Server):
    """Uvicorn's server, which calls `ready` once it accepts requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    def end_unless_stopped(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal that arrives before uvicorn handles signals, or that uvicorn raises again after it has
        stopped.

        Raises:
            SystemExit: the server has not been stopped.
        """
        if not self.should_exit:
            raise SystemExit(SIGNALLED + number)

    def hang_up(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGHUP, which uvicorn does not: stop as after the other signals.

        Raises:
            SystemExit: the server has not started yet.
        """
        if not self.started:
            raise SystemExit(SIGNALLED + number)
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(
    options: Options,
    logging: Logging,
    called: float,
    *,
    watch: bool = False,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Serve until the process is stopped.

    Args:
        options: what to serve, and where.
        logging: how to log requests and errors.
        called: when the command was started, by `time.perf_counter`, in seconds.
        watch: whether to reload when a file changes.
        secrets: shell expressions for `auth` and `api_key`, if they are required.

    Raises:
        UnderstudyError: it cannot listen on the address, or the site cannot be opened.
    """
    # A terminal can stop background processes that write to it (`stty tostop`).
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    if watch:
        sys.dont_write_bytecode = True  # bytecode has times in whole seconds, and would hide a second change within one
    options, shortage = fit_connections(options)
    with unblocked(), listen(options.host, options.port) as listener, opened(options) as site:
        content = site.registry[DEFAULT].content
        for warning in filter(None, (*content.warnings(), *exposure(site, listener), shortage)):
            warn(warning)

        def greet() -> None:
            url = url_of(listener, site.api)
            text = greeting(site, content, url, time.perf_counter() - called, secrets or {})
            echo(text, part=url, fg="green", bold=True)

        request_log = logging.request_log(sys.stderr)
        app_of = partial(create_app, request_log=request_log)
        run(
            config_of(
                reloader(site, app_of) if watch else app_of(site),
                options,
                request_log,
                log_config=logging.configuration(sys.stderr),
                log_level=logging.uvicorn_level(),
            ),
            listener,
            greet,
        )


def run(config: uvicorn.Config, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Run a server until a signal stops it; it calls `ready` once it accepts requests."""

    def keep() -> None:
        # The collector need not search the objects that exist by now, which can be millions of rows.
        gc.freeze()
        gc.enable()
        ready()

    server = Server(config, keep)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.end_unless_stopped)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # it is, after `nohup`
        signal.signal(signal.SIGHUP, server.hang_up)
    server.run(sockets=[listener])


def reloader(site: Site, app_of: Callable[[Site], ASGIApp]) -> ASGIApp:
    """An application that loads the site again when one of its files changes."""
    from understudy.server.reloading import Reloader  # noqa: PLC0415 - only for --watch

    return Reloader(site, reloaded, app_of)


def config_of(app: ASGIApp, options: Options, request_log: RequestLog | None = None, **logging: Any) -> uvicorn.Config:
    """Uvicorn's configuration. Without arguments for logging, the logging of the process is not changed."""
    limits = options.limits
    return uvicorn.Config(
        app,
        http=partial(Protocol, limits=limits, refused=set(), log=request_log),  # type: ignore[arg-type] # uvicorn only calls it
        ws=partial(websocket, limits=limits),  # type: ignore[arg-type] # as above
        ws_max_size=limits.body,
        ws_ping_interval=limits.seconds,
        ws_ping_timeout=limits.seconds,
        lifespan="on",
        interface="asgi3",  # uvicorn guesses, and takes no application for it whose call is a plain function
        timeout_graceful_shutdown=1,
        access_log=False,  # the request log has more, and costs less
        # Otherwise uvicorn reads FORWARDED_ALLOW_IPS and WEB_CONCURRENCY from the environment.
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=list(options.trusted_proxies),
        workers=1,
        **{"log_config": None, **logging},
    )


def websocket(**connection: Any) -> asyncio.Protocol:
    """A connection on which a client requests a WebSocket. This is rare, so the import is lazy."""
    from understudy.http.websocket import WebSocket  # noqa: PLC0415

    protocol = WebSocket(**connection)
    protocol.logger = websocket_logger()
    protocol.conn.debug = False  # its debug lines show the values of headers
    return protocol


def exposure(site: Site, listener: socket.socket) -> Iterator[str]:
    """Warn of a server that other machines can reach without authentication."""
    address = listener.getsockname()[0]
    if not is_loopback(address) and not site.guard.is_on:
        yield f"clients that reach {address} can change the rows without authentication; see --auth and --api-key"


def listen(host: str, port: int) -> socket.socket:
    """Bind a socket, so that a port in use is reported before anything is loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            stack.pop_all()
    except UnicodeError:  # a label of the name is empty, longer than 63 characters, or has invalid characters
        raise UnderstudyError(f"cannot listen on {host}:{port} (not a valid host name)") from None
    except OSError as error:
        hint = "; is another server running? Choose another port" if error.errno == errno.EADDRINUSE else ""
        raise UnderstudyError(f"cannot listen on {host}:{port} ({reason_of(error)}){hint}") from None
    return listener


def url_of(listener: socket.socket, api: Api) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{api.contract.base_path}"
