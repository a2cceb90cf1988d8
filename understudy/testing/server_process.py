"""A server in a child process."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from understudy.errors import UnderstudyError
from understudy.options import Options

STOPPING = 10  # seconds to stop before the process is killed

# The current folder is that of a project under test, whose modules may have names of the standard library. So it is
# removed from the import path, and the folders of PYTHONPATH come after installed packages.
PROGRAM = """
import gc, os, sys
gc.disable()  # objects made at start stay alive; the server enables the collector again
if "" in sys.path:
    sys.path.remove("")
named = {os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
sys.path.sort(key=named.__contains__)
sys.path.append(sys.argv[1])
from understudy.testing.server_thread import main
main()
"""


class ServerProcess:
    """A server in a child process, which ends with this process, however that ends."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start, and return the API's URL once it is ready.

        Raises:
            UnderstudyError: it cannot start.
        """
        self._process = subprocess.Popen(  # noqa: S603 - no untrusted input
            [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[2])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=() if self._options.descriptor is None else (self._options.descriptor,),
            start_new_session=True,  # Ctrl-C is for this process, which then stops the server
        )
        try:
            reply = exchanged(self._process, json.dumps(asdict(self._options)))
        except BaseException:
            self.stop()
            raise
        if "url" not in reply:
            self.stop()
            raise UnderstudyError(reply.get("error", "the server process ended before it was ready"))
        return str(reply["url"])

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            try:
                process.communicate("\n", timeout=STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()


def exchanged(process: subprocess.Popen[str], line: str) -> Mapping[str, Any]:
    """Send a line to a process, and return its reply; empty if it has ended."""
    reply: Mapping[str, Any] = {}
    if process.stdin and process.stdout:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        reply = json.loads(process.stdout.readline() or "{}")
    return reply
