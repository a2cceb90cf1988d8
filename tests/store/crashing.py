"""`python -m tests.store.crashing FILE ACTION`: kills an action at each of its steps, one after the other.

A step is the beginning or the end of a system call. Each line has the call, and the rows that the store has then; the
last line is that of the action that was not killed.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from understudy.errors import StoreError
from understudy.operations.api_folder import Api, own_folder
from understudy.store import storage
from understudy.store.compaction import NewFile, rewritten
from understudy.store.store import Store

CHANGED = "changed"


def update(store: Store, row: int = 0) -> None:
    store.workspace["flows"].update(row, {"tags": [CHANGED]})


def append(store: Store) -> Callable[[], object]:
    """A write is stored, after another one."""
    update(store)
    store.flush()
    update(store, 1)
    return store.flush


def first(store: Store) -> Callable[[], object]:
    """The first write since the file was written."""
    update(store)
    return store.flush


def rewrite(store: Store) -> Callable[[], object]:
    """A write is stored after the file was deleted."""
    update(store)
    store.path.unlink()
    return store.flush


def stop(store: Store) -> Callable[[], object]:
    """The file is rewritten, and the log deleted."""
    update(store)
    store.flush()
    return store.close


def compaction(store: Store) -> Callable[[], object]:
    """The file is rewritten, and a write is stored meanwhile."""
    update(store)
    store.flush()

    def beside_a_write(path: Path, rows: Any) -> NewFile:
        update(store, 1)
        store.flush()
        return rewritten(path, rows)

    vars(storage)["rewritten"] = beside_a_write
    return store._file._compact_beside  # in this thread


def delete(store: Store) -> Callable[[], object]:
    """The store is deleted."""
    update(store)
    store.flush()
    return store.delete


ACTIONS = {each.__name__: each for each in (append, first, rewrite, stop, compaction, delete)}


def main(path: Path, action: str) -> None:
    api = Api.load(own_folder())
    original = path.read_bytes()
    for step in count():
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        path.write_bytes(original)
        reader, writer = os.pipe()
        if os.fork() == 0:
            run(ACTIONS[action](Store(path, api.catalog)), step, writer)
            os._exit(0)
        os.close(writer)
        _, status = os.wait()
        call = os.read(reader, 1000).decode()
        os.close(reader)
        print(call or "none", state_of(path, api), flush=True)  # noqa: T201
        if not os.WIFSIGNALED(status):
            return


def run(action: Callable[[], object], step: int, called: int) -> None:
    """Run an action, and kill the process at a step, whose name is written to the file descriptor `called`."""
    steps = count()

    def profile(frame: FrameType, event: str, function: Any) -> None:
        if event in ("c_call", "c_return") and is_of_the_system(function) and next(steps) == step:
            os.write(called, f"{event.removeprefix('c_')}:{function.__name__}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(profile)
    action()
    sys.setprofile(None)


def is_of_the_system(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return function.__module__ in ("posix", "io", "_io") or type(owner).__module__ == "_io"


def state_of(path: Path, api: Api) -> str:
    """Which flows of a store are changed, such as "first,second"; or that it does not exist, or why it is rejected."""
    try:
        store = Store(path, api.catalog)
    except StoreError as error:
        return f"refused:{error}".replace(" ", "_")
    if store.written is None:
        return "deleted"
    names = [name for row, name in enumerate(("first", "second")) if is_changed(store, row)]
    return ",".join(names) or "unchanged"


def is_changed(store: Store, row: int = 0) -> bool:
    return bool(store.workspace["flows"].values(row)["tags"] == [CHANGED])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
