"""One process a store: a lock that goes with its process, however that ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy.errors import StoreError

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a store.

    The lock is the kernel's, on a hidden file beside the store that holds the pid; the file stays, the
    lock does not.

    Raises:
        StoreError: another process holds it; the text has its pid. Or the file cannot be made.
    """
    if sys.platform == "win32":
        raise StoreError(path, "a store needs the file locks of a POSIX system")
    try:
        file = path.with_name(f".{path.name}.lock").open("a+", encoding="ascii")
    except OSError as error:
        raise StoreError(path, f"cannot be written here ({error.strerror})") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StoreError(path, f"is in use by the process {file.read().strip()}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
