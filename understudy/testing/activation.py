"""Socket activation: the port is open at once, and the server starts on the first connection."""

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

    `site` is the scheme, host and port. If the server cannot start, connections are closed, and the reason is written
    to the file `error`.

    Args:
        port: the port to listen on; 0 picks a free one.
        options: the server's options, by their names in `understudy.options.Options`.

    Raises:
        OSError: the port cannot be used.
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
        """Stop the server, if it was started."""
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
        # Lazy imports: many test runs need no server.
        from understudy.errors import UnderstudyError  # noqa: PLC0415
        from understudy.options import Options  # noqa: PLC0415
        from understudy.testing.server_process import ServerProcess  # noqa: PLC0415

        server = ServerProcess(Options(**self._options, descriptor=self._listener.fileno()))
        try:
            server.start()
        except UnderstudyError as error:
            with open(self.error, "w", encoding="utf-8") as file:  # noqa: PTH123 - without importing pathlib
                file.write(str(error))
        else:
            self._server = server
