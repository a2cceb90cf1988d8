"""`StandIn`: a server for the duration of a `with` block."""

from os import PathLike, fspath
from threading import Lock
from typing import TYPE_CHECKING, Any

from understudy.admin.client import RemoteWorkspace, new_path
from understudy.admin.control_calls import site_of
from understudy.admin.control_errors import ControlError
from understudy.errors import UnderstudyError
from understudy.network.direct_transport import DirectTransport
from understudy.network.network import DEFAULT_NETWORK
from understudy.options import Options
from understudy.testing.server_process import ServerProcess

if TYPE_CHECKING:
    from understudy.testing.server_thread import ServerThread

Folder = str | PathLike[str]


class SharedTransport(DirectTransport):
    """A transport for several clients, which stays open when one of them is closed.

    It has no locks: the one of httpx's own stays locked if Ctrl-C comes at the wrong moment.
    """

    def __init__(self) -> None:
        super().__init__(DEFAULT_NETWORK)

    def close(self) -> None:
        """Do nothing: closing a client does not close the shared connections."""

    def disconnect(self) -> None:
        super().close()


class RemoteServer(RemoteWorkspace):
    """A running server, and its default workspace. The arguments are those of `RemoteWorkspace`."""

    def __init__(self, url: str, token: str | None = None, *, prefix: str | None = None) -> None:
        self.transport = SharedTransport()
        self._token = token
        super().__init__(url, self.transport, token, prefix=prefix)
        self._workspace_path = ""

    def workspace(self) -> RemoteWorkspace:
        """A new workspace with the rows of the fixture set.

        Raises:
            ControlError: the API has only the default workspace.
        """
        self._workspace_path = self._workspace_path or self.state()["workspace_path"]
        if not self._workspace_path:
            raise ControlError(f"the API at {self.url} has only the default workspace")
        url = f"{site_of(self.url)}{self._calls.prefix}{new_path(self._workspace_path)}"
        return RemoteWorkspace(url, self.transport, self._token, prefix=self._calls.prefix)

    def disconnect(self) -> None:
        self.transport.disconnect()


class StandIn(RemoteServer):
    """A server on a free port for as long as a `with` or `async with` block runs, and its default workspace.

    `async with` works with asyncio and with trio.

    Args:
        fixtures: the fixture set, a folder of JSON Lines; the demo set by default.
        process: whether to run in a child process rather than in a thread: for tests that measure time, or that keep
            Python busy.
        options: further options, by their names in `understudy.options.Options`.

    Raises:
        TypeError: an option does not exist.
    """

    def __init__(self, fixtures: Folder | None = None, *, process: bool = False, **options: Any) -> None:
        given = {"fixtures": fixtures, **options}
        self._options = Options(
            **{name: fspath(value) if isinstance(value, PathLike) else value for name, value in given.items()}
        )
        self._in_process = process
        self._server: ServerProcess | ServerThread | None = None
        self._changing = Lock()  # held while starting or stopping, since a task that starts it can be cancelled

    def start(self) -> "StandIn":
        """Start the server, and return once it is ready. Use it where a `with` block does not fit.

        Raises:
            UnderstudyError: it cannot start, or is already started.
        """
        with self._changing:
            if self._server is not None:
                raise UnderstudyError(f"the stand-in at {self.url} is already started")
            server = ServerProcess(self._options) if self._in_process else thread_of(self._options)
            super().__init__(server.start(), self._options.admin_token, prefix="")
            self._server = server
        return self

    def stop(self) -> None:
        """Stop the server, and return once it has stopped. Does nothing if it is not running."""
        with self._changing:
            server, self._server = self._server, None
            if server is not None:
                self.disconnect()
                server.stop()

    def __enter__(self) -> "StandIn":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    async def __aenter__(self) -> "StandIn":
        import anyio.to_thread  # noqa: PLC0415 - only for `async with`

        try:
            return await anyio.to_thread.run_sync(self.start)
        except anyio.get_cancelled_exc_class():
            await self.__aexit__()  # stop what the thread has started
            raise

    async def __aexit__(self, *exception: object) -> None:
        import anyio.to_thread  # noqa: PLC0415 - as above

        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)


def thread_of(options: Options) -> "ServerThread":
    # A lazy import: not needed for a process.
    from understudy.testing.server_thread import ServerThread  # noqa: PLC0415

    return ServerThread(options)
