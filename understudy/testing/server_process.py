"""A server in a process of its own, for code that goes on beside it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from understudy.errors import UnderstudyError
from understudy.options import Options

STOPPING = 10  # seconds that a process has to end by itself

# The current folder is that of a project under test, whose modules may have names of the standard library. It is not
# imported from, and what PYTHONPATH names comes behind all that is installed.
PROGRAM = """
import os, sys
if "" in sys.path:
    sys.path.remove("")
named = {os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
sys.path.sort(key=named.__contains__)
sys.path.append(sys.argv[1])
from understudy.testing.server_thread import main
main()
"""


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
        self._process = subprocess.Popen(  # noqa: S603 - nothing in it comes from outside
            [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[2])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=() if self._options.descriptor is None else (self._options.descriptor,),
            start_new_session=True,  # a Ctrl-C is for this process, which then ends that one
        )
        try:
            said = exchanged(self._process, json.dumps(asdict(self._options)))
        except BaseException:
            self.stop()
            raise
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
                process.communicate("\n", timeout=STOPPING)
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
