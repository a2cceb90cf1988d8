"""The storage below TinyDB: a file that is written atomically, so that a crash never leaves half of it."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from tinydb import Storage

from understudy.encoding import reason_of
from understudy.paths import check_file
from understudy.store.file_format import Tables, encoded
from understudy.store.lock import changed

logger = logging.getLogger("understudy")

Stamp = tuple[int, int, int]
"""Identifies a state of a file: inode, modification time, size."""

Check = Callable[[], None]
"""Raises OSError if a file must not be written."""


class AtomicFile(Storage):
    """Buffers what TinyDB writes, and writes it to the file atomically (`sync`).

    Args:
        path: the file.
        tables: its content.
        stamp: the state of the file with this content; None if it does not exist yet.
        check: checks that the file is still ours to write.
    """

    def __init__(self, path: Path, tables: Tables, stamp: Stamp | None, check: Check) -> None:
        self._path = path
        self._written = self._synced = tables
        self._stamp = stamp
        self._check = check
        self._writing = threading.Lock()
        self._is_deleted = False
        self._is_warned = False

    def read(self) -> dict[str, Any]:
        # TinyDB replaces a table that it changes, and does not modify the old one.
        return dict(self._written)

    def write(self, data: Tables) -> None:
        self._written = data

    def sync(self) -> None:
        """Write the buffer to the file, and return when it is on disk.

        Raises:
            OSError: it cannot be written, or another process has changed it. The file is not changed.
        """
        with self._writing, opened_folder(self._path.parent) as folder:
            self._check_ours()
            self._stamp = replace(self._path, encoded(self._written), self._check_ours)
            self._synced = self._written
            self._flush(folder)

    def delete(self) -> None:
        """Delete the file. It cannot be written afterwards.

        Raises:
            OSError: it cannot be deleted.
        """
        with self._writing, opened_folder(self._path.parent) as folder:
            self._check()
            self._path.unlink(missing_ok=True)
            self._is_deleted = True
            self._flush(folder)

    def discard(self) -> None:
        """Discard what was written since the last `sync`."""
        self._written = self._synced

    def _check_ours(self) -> None:
        if self._is_deleted:
            raise OSError(None, f"{self._path} was deleted")
        self._check()
        check_untouched(self._path, self._stamp)

    def _flush(self, folder: int) -> None:
        """Flush the folder, so that its names are on disk. The change is already made, so an error is only logged."""
        try:
            os.fsync(folder)
        except OSError as error:
            if not self._is_warned:
                self._is_warned = True
                logger.warning(
                    "%s: the folder cannot be flushed (%s); a loss of power may undo the latest writes",
                    self._path,
                    reason_of(error),
                )


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """The descriptor of a folder, opened before a change so that flushing it cannot fail for lack of descriptors."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        with suppress(OSError):
            os.close(descriptor)


def check_untouched(path: Path, stamp: Stamp | None) -> None:
    """Raises OSError if a file is not in the known state, or must not be written."""
    check_file(path)
    try:
        with path.open("rb+") as file:
            found = stamp_of(file)
    except FileNotFoundError:
        return
    if found != stamp:
        raise changed(path)


def replace(path: Path, content: bytes, check: Check) -> Stamp:
    """Replace the content of a file atomically: at any moment, it has all of the old or all of the new content.

    The content is written to a file beside it, flushed to disk, checked once more, and renamed. The caller must then
    flush the folder, so that the new name is on disk too. https://man7.org/linux/man-pages/man2/fsync.2.html

    Raises:
        OSError: a step has failed. The file is not changed.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        stamp = written(beside, content, path.stat().st_mode if path.exists() else None)
        check()
        rename(beside, path, stamp)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    return stamp


def written(path: Path, content: bytes, mode: int | None) -> Stamp:
    """Write and flush a new file, in place of one that a crash may have left."""
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        return stamp_of(file)


def rename(source: Path, target: Path, stamp: Stamp) -> None:
    """Rename a file. Network file systems may report an error although the rename succeeded."""
    try:
        source.replace(target)
    except OSError:
        if not (target.exists() and target.stat().st_ino == stamp[0]):
            raise


def stamp_of(file: BinaryIO) -> Stamp:
    state = os.fstat(file.fileno())
    return state.st_ino, state.st_mtime_ns, state.st_size
