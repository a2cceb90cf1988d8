"""One process a store: a lock that ends with its process, however that ends."""

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
"""The part of a file's name that says which workspace is in it."""

PID = 32  # bytes that are read of a lock file


class Lock:
    """The lock of a store, with the files of all of its workspaces: so a workspace costs no open file.

    The lock is the kernel's, on a hidden file beside the store that holds the pid and is deleted at the
    end. It may be taken again by whoever has it, and ends with the last of them.

    Args:
        path: the file of any workspace, without links.
    """

    def __init__(self, path: Path) -> None:
        self.file = lock_file(path)
        self._path = path
        self._descriptor = -1
        self._holders = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreError: another process has it; the text has its pid. Or the lock file cannot be written.
        """
        if self._holders == 0:
            self._descriptor = self._taken()
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if self._holders == 0:
                self._release()

    def check(self) -> None:
        """Check that nobody else can have the store: its folder may have been deleted and made again.

        Raises:
            OSError: the lock is not held on the file that other processes find.
        """
        if self._holders == 0 or not self._is_found(self._descriptor):
            raise changed(self._path)

    def _taken(self) -> int:
        if sys.platform == "win32":
            raise StoreError(self._path, "a store needs the file locks of a POSIX system")
        while True:
            try:
                descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
            except OSError as error:
                raise self._error(error) from None
            try:
                self._lock(descriptor)
                # Whoever had it before may have deleted the file since it was opened.
                if self._is_found(descriptor):
                    self._sign(descriptor)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StoreError(self._path, f"cannot be locked ({self.file.name} beside it is no regular file)")
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

    def _is_found(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.file.lstat())
        except OSError:
            return False

    def _release(self) -> None:
        # Deleted while it is still held: who opens it from here on makes a new one.
        with suppress(OSError):
            if self._is_found(self._descriptor):
                self.file.unlink()
        with suppress(OSError):
            os.close(self._descriptor)

    def _error(self, error: OSError) -> StoreError:
        return StoreWriteError(self._path, f"cannot be written here ({reason_of(error)})")


def lock_file(path: Path) -> Path:
    """The lock file of a store: that of "rows.json" is that of its workspaces ("rows.<id>.<id>.json") too."""
    return path.with_name(f".{IDS.sub('', path.name)}.lock")


def changed(path: Path) -> OSError:
    return OSError(None, f"{path} was changed by somebody else; stop the server, then start it again")
