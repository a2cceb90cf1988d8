"""The lock of a store: one process at a time, released however the process ends."""

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from understudy.encoding import reason_of
from understudy.errors import StoreError, StoreWriteError

if sys.platform != "win32":
    import fcntl

IDS = re.compile(r"(\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})+(?=(\.[^.]*)?$)")
"""The ids of the workspace in a file's name."""

PID = 32  # bytes that are read of a lock file


class Lock:
    """The lock of a store and of the files of all its workspaces, so that a workspace needs no open file.

    It is a kernel lock on a hidden file beside the store, which contains the pid and is deleted at the end. The lock is
    reentrant, and released with its last holder.

    Args:
        path: the file of any workspace, without links.
    """

    def __init__(self, path: Path) -> None:
        self.file = lock_file(path)
        self._path = path
        self._descriptor = -1
        self._state: os.stat_result | None = None  # of the lock file that is held
        self._holders = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreError: another process holds it (the text has its pid), or the lock file cannot be written.
        """
        if self._holders == 0:
            self._descriptor = self._taken()
            self._state = os.fstat(self._descriptor)
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if self._holders == 0:
                self._release()

    def check(self) -> None:
        """Check that no other process can hold the lock, such as after the folder was deleted and recreated.

        Raises:
            OSError: the lock is not held on the file that other processes find.
        """
        if self._holders == 0 or not self._is_found(self._state):
            raise changed(self._path)

    def _taken(self) -> int:
        if sys.platform == "win32":
            raise StoreError(self._path, "stores require the file locks of a POSIX system")
        while True:
            try:
                descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
            except OSError as error:
                raise self._error(error) from None
            try:
                self._lock(descriptor)
                # The previous holder may have deleted the file since it was opened.
                if self._is_found(os.fstat(descriptor)):
                    self._sign(descriptor)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StoreError(self._path, f"cannot be locked ({self.file.name} beside it is not a regular file)")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, PID).decode("ascii", "replace").strip()
            holder = f"the process {pid}" if pid.isdecimal() else "another process"
            raise StoreError(self._path, f"is in use by {holder}") from None
        except OSError as error:
            raise StoreError(self._path, f"cannot be locked ({reason_of(error)})") from None

    def _sign(self, descriptor: int) -> None:
        """Write the pid for others to read."""
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        except OSError as error:
            self.file.unlink(missing_ok=True)
            raise self._error(error) from None

    def _is_found(self, held: os.stat_result | None) -> bool:
        """Whether other processes find the lock file that is held."""
        try:
            return held is not None and os.path.samestat(held, self.file.lstat())
        except OSError:
            return False

    def _release(self) -> None:
        # Deleted while it is still held: the next process creates a new file.
        with suppress(OSError):
            if self._is_found(self._state):
                self.file.unlink()
        with suppress(OSError):
            os.close(self._descriptor)

    def _error(self, error: OSError) -> StoreError:
        return StoreWriteError(self._path, f"cannot be written here ({reason_of(error)})")


def lock_file(path: Path) -> Path:
    """The lock file of a store. "rows.json" and its workspaces ("rows.<id>.<id>.json") share one."""
    return path.with_name(f".{IDS.sub('', path.name)}.lock")


def changed(path: Path) -> OSError:
    return OSError(None, f"{path} was changed by another process; restart the server")
