"""A stand-in for tests: a server that runs as long as a block of code."""

import asyncio
from os import PathLike, fspath
from typing import TYPE_CHECKING

import httpx

from understudy.admin.client import ControlError, RemoteWorkspace, new_url
from understudy.errors import UnderstudyError
from understudy.process import Options, ServerProcess

if TYPE_CHECKING:
    from understudy.thread import ServerThread

Folder = str | PathLike[str]


class Shared(httpx.BaseTransport):
    """Connections that several clients use; closing one of these leaves them open."""

    def __init__(self) -> None:
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)

    def disconnect(self) -> None:
        self._transport.close()


class RemoteServer(RemoteWorkspace):
    """A running server, and its default workspace."""

    def __init__(self, url: str) -> None:
        self.transport = Shared()
        super().__init__(url, self.transport)
        self._workspace_path = ""

    def workspace(self) -> RemoteWorkspace:
        """A new workspace, which starts from the fixture set and which nobody else knows.

        Raises:
            ControlError: the API has but one.
        """
        self._workspace_path = self._workspace_path or self.state()["workspace_path"]
        if not self._workspace_path:
            raise ControlError(f"the API at {self.url} has no workspaces but the default one")
        return RemoteWorkspace(new_url(self.url, self._workspace_path), self.transport)

    def disconnect(self) -> None:
        self.transport.disconnect()


class StandIn(RemoteServer):
    """A server on a free port for as long as a `with` or `async with` block runs, and its default workspace.

    Args:
        fixtures: the fixture set, a folder of JSON Lines; the demo set by default.
        store: the file that keeps what is written; nothing is kept by default.
        api: another API folder than Prefect's.
        strict: take the contract by its letter.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        journal: how many of the last requests are remembered.
        max_workspaces: how many workspaces there may be beyond the default one.
        process: run in a process of its own rather than in a thread of this one: for tests that measure,
            or that keep Python busy themselves.
    """

    def __init__(
        self,
        fixtures: Folder | None = None,
        *,
        store: Folder | None = None,
        api: Folder | None = None,
        strict: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        journal: int = 1000,
        max_workspaces: int = 1000,
        process: bool = False,
    ) -> None:
        self._options = Options(text(fixtures), text(store), text(api), strict, host, port, journal, max_workspaces)
        self._in_process = process
        self._server: ServerProcess | ServerThread | None = None

    def start(self) -> "StandIn":
        """Start, and come back once it answers; for where no block fits.

        Raises:
            UnderstudyError: it cannot start, or has.
        """
        if self._server is not None:
            raise UnderstudyError(f"the stand-in at {self.url} has started already")
        server = ServerProcess(self._options) if self._in_process else thread_of(self._options)
        super().__init__(server.start())
        self._server = server
        return self

    def stop(self) -> None:
        """Stop, and come back once it has; where it does not run, there is nothing to do."""
        server, self._server = self._server, None
        if server is not None:
            self.disconnect()
            server.stop()

    def __enter__(self) -> "StandIn":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    async def __aenter__(self) -> "StandIn":
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *exception: object) -> None:
        await asyncio.to_thread(self.stop)


def thread_of(options: Options) -> "ServerThread":
    # Who runs a process does without importing all that a server needs.
    from understudy.thread import ServerThread  # noqa: PLC0415

    return ServerThread(options)


def text(path: Folder | None) -> str | None:
    return None if path is None else fspath(path)
