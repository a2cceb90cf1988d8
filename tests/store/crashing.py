"""`python -m tests.store.crashing FILE`: a store is changed over and over, and killed one step later each time.

A step is the beginning or the end of a call into the operating system while the change goes to the disk.
For each, a line tells the call, and whether the file holds the rows of before or of after; the line of
the change that was not killed is the last.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from understudy.operations.api_folder import Api, own_folder
from understudy.store.store import Store

CHANGED = "changed"


def main(path: Path) -> None:
    api = Api.load(own_folder())
    original = path.read_bytes()
    for step in count():
        path.write_bytes(original)
        reader, writer = os.pipe()
        if os.fork() == 0:
            change(Store(path, api.catalog), step, writer)
            os._exit(0)
        os.close(writer)
        _, status = os.wait()
        call = os.read(reader, 1000).decode()
        os.close(reader)
        print(call or "none", "after" if is_changed(Store(path, api.catalog)) else "before", flush=True)  # noqa: T201
        if not os.WIFSIGNALED(status):
            return


def change(store: Store, step: int, told: int) -> None:
    """Change a row, and have the change kept; be killed at a step, whose name goes to the file descriptor `told`."""
    steps = count()

    def profile(frame: FrameType, event: str, function: Any) -> None:
        if event in ("c_call", "c_return") and is_of_the_system(function) and next(steps) == step:
            os.write(told, f"{event.removeprefix('c_')}:{function.__name__}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    store.workspace["flows"].update(0, {"tags": [CHANGED]})
    sys.setprofile(profile)
    store.flush()
    sys.setprofile(None)


def is_of_the_system(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return function.__module__ in ("posix", "io", "_io") or type(owner).__module__ == "_io"


def is_changed(store: Store) -> bool:
    return bool(store.workspace["flows"].values(0)["tags"] == [CHANGED])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
