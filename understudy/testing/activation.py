"""A server that is there when somebody first asks for it: its port is open before it runs."""

import select
import socket
import threading
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.testing.server_process import ServerProcess

HOST = "127.0.0.1"


class Activation:
    """Waits for the first connection to a port, and then starts a server for it and all that follow.

    `site` is the scheme, host and port. Where the server cannot start, connections are closed, and the
    reason is left in the file `error`.

    Args:
        port: the port to listen on; 0 takes a free one.
        options: what the server is started with, as `understudy.options.Options` names it.

    Raises:
        OSError: the port is not to be had.
    """

    def __init__(self, port: int, options: Mapping[str, Any]) -> None:
        self._listener = socket.create_server((HOST, port))
        self.site = f"http://{HOST}:{self._listener.getsockname()[1]}"
        self._folder = TemporaryDirectory(prefix="understudy-")
        self.error = f"{self._folder.name}/error"
        self._options = options
        self._server: ServerProcess | None = None
        self._stopped, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._wait, name="understudy", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the server, if it was ever started."""
        self._stop.send(b".")
        self._thread.join()
        self._stop.close()
        self._stopped.close()
        if self._server is not None:
            self._server.stop()
        self._folder.cleanup()

    def _wait(self) -> None:
        with self._listener:
            ready, _, _ = select.select([self._listener, self._stopped], [], [])
            if self._stopped not in ready:
                self._start()

    def _start(self) -> None:
        # Many a run of tests never asks for a server.
        from understudy.errors import UnderstudyError  # noqa: PLC0415
        from understudy.options import Options  # noqa: PLC0415
        from understudy.testing.server_process import ServerProcess  # noqa: PLC0415

        server = ServerProcess(Options(**self._options, descriptor=self._listener.fileno()))
        try:
            server.start()
        except UnderstudyError as error:
            with open(self.error, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib is not worth its import
                file.write(str(error))
        else:
            self._server = server
