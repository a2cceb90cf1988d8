"""Steps of writing files, each of which succeeds or raises an error: flushes, renames, and new files."""

import errno
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from understudy.encoding import reason_of
from understudy.store.lock import changed

logger = logging.getLogger("understudy")

Stamp = tuple[int, int, int]
"""Identifies a state of a file: inode, modification time, size."""

Check = Callable[[], None]
"""Raises OSError if a file must not be written."""

# Errors of file systems that cannot flush folders at all.
UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
PIECE = 2**16  # bytes of a new file that are written at once
FLUSHED = 2**20  # bytes of a new file that are flushed at once: other flushes wait for them


def flush(descriptor: int) -> None:
    """Flush a file or folder, so that it is on disk.

    https://man7.org/linux/man-pages/man2/fsync.2.html

    Raises:
        OSError: it is unknown what is on disk.
    """
    if sys.platform == "darwin":  # there, fsync leaves the data in the disk's cache: see fsync(2) of macOS
        import fcntl  # noqa: PLC0415 - not part of Python on Windows

        with suppress(OSError):  # not supported by each file system
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


class Folder:
    """An open folder of files, whose changed names are to be flushed.

    It is opened before a change, so that flushing it cannot fail for lack of descriptors.
    """

    def __init__(self, path: Path, warned: set[Path]) -> None:
        self._path = path
        self._warned = warned
        self._descriptor = os.open(path, os.O_RDONLY)

    def flush(self) -> None:
        """Flush the names. If the file system cannot do that at all, this is logged once.

        Raises:
            OSError: it is unknown which names are on disk.
        """
        try:
            flush(self._descriptor)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            if self._path not in self._warned:
                self._warned.add(self._path)
                logger.warning(
                    "%s: the folder cannot be flushed (%s); a loss of power may undo the latest writes",
                    self._path,
                    reason_of(error),
                )

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)


@contextmanager
def opened_folder(path: Path, warned: set[Path]) -> Iterator[Folder]:
    """Open a folder. `warned` has the folders about which a warning was logged."""
    folder = Folder(path, warned)
    try:
        yield folder
    finally:
        folder.close()


def is_untouched(path: Path, stamp: Stamp | None) -> bool:
    """Whether a file exists; it must then be in the known state.

    Raises:
        OSError: it is in another state, or must not be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # not to wait for a pipe that has taken its place
    except FileNotFoundError:
        return False
    try:
        if stamp_of(descriptor) != stamp:
            raise changed(path)
    finally:
        os.close(descriptor)
    return True


def beside(path: Path) -> Path:
    """The file in which the new content of another is written."""
    return path.with_name(f".{path.name}.new")


def write_new(path: Path, pieces: Iterable[bytes], mode: int | None) -> Stamp:
    """Write and flush a new file, in place of one that a crash may have left. A failure leaves no file.

    Args:
        path: the file.
        pieces: its content.
        mode: its permissions; those of any new file if None.
    """
    path.unlink(missing_ok=True)
    # Unbuffered: each piece is written without Python's lock, so that other threads continue.
    with deleted_on_failure(path), path.open("xb", buffering=0) as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        descriptor, fresh = file.fileno(), 0
        for piece in joined(pieces):
            write_all(descriptor, piece)
            fresh += len(piece)
            if fresh >= FLUSHED:
                os.fsync(descriptor)
                fresh = 0
        flush(descriptor)
        return stamp_of(descriptor)


@contextmanager
def deleted_on_failure(path: Path) -> Iterator[None]:
    """Delete a file if what is done with it fails."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


@contextmanager
def held_open(path: Path) -> Iterator[None]:
    """Keep a file open while it is replaced. Closing it frees its blocks, which can take 0.1 s."""
    with path.open("rb"):
        yield


def joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same content in larger pieces, to make fewer system calls."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= PIECE:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def write_all(descriptor: int, content: bytes) -> None:
    """Write a whole content, even if the system writes it in parts."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def rename(source: Path, target: Path, stamp: Stamp) -> None:
    """Rename a file. Network file systems may report an error although the rename succeeded."""
    try:
        source.replace(target)
    except OSError:
        if not (target.exists() and target.stat().st_ino == stamp[0]):
            raise


def mode_of(path: Path) -> int | None:
    """The permissions of a file; None if it does not exist."""
    return path.stat().st_mode if path.exists() else None


def stamp_of(descriptor: int) -> Stamp:
    state: Any = os.fstat(descriptor)
    return state.st_ino, state.st_mtime_ns, state.st_size
