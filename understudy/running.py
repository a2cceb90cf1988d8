"""Servers that run beside other code: in a thread of its process, or in a process of their own."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import socket
from typing import Any

from understudy import server
from understudy.errors import UnderstudyError
from understudy.folder import Api, own_folder
from understudy.validation import Reading

STOPPING = 10  # seconds that a process has to end by itself


@dataclass(frozen=True)
class Options:
    """What a server is started with, as on the command line.

    `descriptor` is that of a socket which listens already; then host and port are not looked at.
    """

    fixtures: str | None = None
    store: str | None = None
    api: str | None = None
    strict: bool = False
    host: str = "127.0.0.1"
    port: int = 0
    journal: int = 1000
    max_workspaces: int = 1000
    descriptor: int | None = None


class ServerThread:
    """A server in a thread of this process."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._url: Future[str] = Future()
        self._server: server.Server | None = None
        self._thread = threading.Thread(target=self._run, name="understudy", daemon=True)

    def start(self) -> str:
        """Start, and return the API's URL once it answers.

        Raises:
            UnderstudyError: it cannot start.
        """
        self._thread.start()
        return self._url.result()

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the start is waited for
            if not self._url.done():
                self._url.set_exception(error)

    def _serve(self) -> None:
        options = self._options
        folder = Path(options.api) if options.api else own_folder()
        api = Api.load(folder, Reading.LETTER if options.strict else Reading.COERCED)
        fixtures = Path(options.fixtures) if options.fixtures else folder / "fixtures" / "demo"
        store = Path(options.store) if options.store else None
        with ExitStack() as stack:
            listener = stack.enter_context(self._listener())
            site = stack.enter_context(server.opened(api, fixtures, store, options.journal, options.max_workspaces))
            url = server.url_of(listener, api)
            self._server = server.Server(server.config_of(site, None), lambda: self._url.set_result(url))
            self._server.run(sockets=[listener])

    def _listener(self) -> socket:
        if self._options.descriptor is None:
            return server.listen(self._options.host, self._options.port)
        return socket(fileno=self._options.descriptor)


class ServerProcess:
    """A server in a process of its own, which ends with this one, however that ends."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start, and return the API's URL once it answers.

        Raises:
            UnderstudyError: it cannot start.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "understudy.running"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=() if self._options.descriptor is None else (self._options.descriptor,),
        )
        said = exchanged(self._process, json.dumps(asdict(self._options)))
        if "url" not in said:
            self.stop()
            raise UnderstudyError(said.get("error", "the process of the server ended before it served"))
        return str(said["url"])

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            try:
                process.communicate(timeout=STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()


def exchanged(process: subprocess.Popen[str], line: str) -> Mapping[str, Any]:
    """What a process says in a line to a line; nothing where it has ended."""
    said: Mapping[str, Any] = {}
    if process.stdin and process.stdout:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline() or "{}")
    return said


def main() -> None:
    """Serve as the first line of stdin says, until stdin ends: the other half of a ServerProcess."""
    thread = ServerThread(Options(**json.loads(sys.stdin.readline())))
    try:
        said = {"url": thread.start()}
    except UnderstudyError as error:
        said = {"error": str(error)}
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()
    if "url" in said:
        sys.stdin.read()
        thread.stop()


if __name__ == "__main__":
    main()
