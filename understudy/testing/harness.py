"""`prefect_test_harness`: a drop-in replacement for Prefect's, with a workspace instead of a server and a database."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from tempfile import TemporaryDirectory

from understudy.admin.client import RemoteWorkspace
from understudy.testing.prefect_settings import pointed_at
from understudy.testing.standin import StandIn


@contextmanager
def prefect_test_harness(server_startup_timeout: int | None = 30) -> Iterator[None]:
    """Point Prefect's SDK at an empty workspace within a block.

    All blocks of a process share one server, which starts with the first and ends with the process.

    Args:
        server_startup_timeout: accepted as by Prefect's own harness, and not needed.

    Raises:
        UnderstudyError: the server cannot start.
    """
    with workspace() as empty, pointed_at(empty.url):
        yield


@contextmanager
def workspace() -> Iterator[RemoteWorkspace]:
    """A workspace without rows."""
    with server().workspace() as empty:
        yield empty


@cache
def server() -> StandIn:
    """The server of this process, with an empty fixture set."""
    folder = TemporaryDirectory(prefix="understudy-")
    started = StandIn(folder.name, process=True).start()
    atexit.register(folder.cleanup)
    atexit.register(started.stop)
    return started
