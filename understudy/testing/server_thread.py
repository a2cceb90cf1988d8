"""A server in a thread of this process. Its `main` is the program of a `ServerProcess`."""

import gc
import json
import sys
import threading
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from socket import socket
from typing import TextIO

from understudy.errors import UnderstudyError
from understudy.options import Options
from understudy.server import server
from understudy.server.app import create_app
from understudy.server.output import unblocked
from understudy.server.site_loading import opened
from understudy.text import one_line


class ServerThread:
    """A server in a thread of this process."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._url: Future[str] = Future()
        self._server: server.Server | None = None
        self._thread = threading.Thread(target=self._run, name="understudy", daemon=True)

    def start(self) -> str:
        """Start, and return the API's URL once it is ready.

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
        except BaseException as error:  # noqa: BLE001 - any error is raised in `start`
            if not self._url.done():
                self._url.set_exception(error)

    def _serve(self) -> None:
        with ExitStack() as stack:
            listener = stack.enter_context(self._listener())
            site = stack.enter_context(opened(self._options))
            url = server.url_of(listener, site.api)
            config = server.config_of(create_app(site), self._options)
            self._server = server.Server(config, lambda: self._url.set_result(url))
            self._server.run(sockets=[listener])

    def _listener(self) -> socket:
        if self._options.descriptor is None:
            return server.listen(self._options.host, self._options.port)
        return socket(fileno=self._options.descriptor)


def main() -> None:
    """Serve with the options in the first line of stdin, until another line or the end of stdin."""
    answer, sys.stdout = sys.stdout, sys.stderr  # handlers that print must not disturb the reply
    options = sys.stdin.readline()
    if options.strip():  # else the parent has ended, or was interrupted, before it sent them
        with unblocked():
            serve(options, answer)


def serve(options: str, answer: TextIO) -> None:
    try:
        thread = ServerThread(Options(**json.loads(options)))
        reply = {"url": thread.start()}
        gc.freeze()
        gc.enable()
    except UnderstudyError as error:
        reply = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - the parent reports any error
        reply = {"error": one_line(f"{type(error).__name__}: {error}")}
    with suppress(BrokenPipeError), answer:  # the parent may have ended
        answer.write(f"{json.dumps(reply)}\n")
    if "url" in reply:
        sys.stdin.readline()
        thread.stop()
