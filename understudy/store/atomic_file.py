"""The storage under TinyDB: a file that is always whole, whenever the machine stops."""

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
"""Tells one state of a file from another: inode, time of change, size."""

Check = Callable[[], None]
"""Raises OSError where a file may not be written."""


class WholeFile(Storage):
    """Keeps what TinyDB writes, and puts it into its file when told to (`sync`), all or nothing.

    Args:
        path: the file.
        tables: what it holds.
        stamp: the state of the file that holds this; None where it does not yet.
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
        # TinyDB puts a table that it changes in the place of the old one, and leaves that as it was.
        return dict(self._written)

    def write(self, data: Tables) -> None:
        self._written = data

    def sync(self) -> None:
        """Put what was written into the file, and return when it is on the disk.

        Raises:
            OSError: it cannot be written, or somebody else has changed it. Then it is as it was before.
        """
        with self._writing, opened_folder(self._path.parent) as folder:
            self._check_ours()
            self._stamp = replace(self._path, encoded(self._written), self._check_ours)
            self._synced = self._written
            self._flush(folder)

    def delete(self) -> None:
        """Delete the file; from here on it cannot be written.

        Raises:
            OSError: it cannot be deleted. Then it is as it was before.
        """
        with self._writing, opened_folder(self._path.parent) as folder:
            self._check()
            self._path.unlink(missing_ok=True)
            self._is_deleted = True
            self._flush(folder)

    def forget(self) -> None:
        """Forget what was written since the last time that it came into the file."""
        self._written = self._synced

    def _check_ours(self) -> None:
        if self._is_deleted:
            raise OSError(None, f"{self._path} was deleted")
        self._check()
        check_untouched(self._path, self._stamp)

    def _flush(self, folder: int) -> None:
        """Flush the folder, so that its names are on the disk. The change is made by now, and cannot be refused."""
        try:
            os.fsync(folder)
        except OSError as error:
            if not self._is_warned:
                self._is_warned = True
                logger.warning(
                    "%s: the folder cannot be flushed (%s); writes are kept, but a loss of power may undo the latest",
                    self._path,
                    reason_of(error),
                )


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """The descriptor of a folder. It is opened before a change, so that it cannot be missing after it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        with suppress(OSError):
            os.close(descriptor)


def check_untouched(path: Path, stamp: Stamp | None) -> None:
    """Raises OSError where a file is not in the state that is known, or may not be written."""
    check_file(path)
    try:
        with path.open("rb+") as file:
            found = stamp_of(file)
    except FileNotFoundError:
        return
    if found != stamp:
        raise changed(path)


def replace(path: Path, content: bytes, check: Check) -> Stamp:
    """Put content into a file, so that at any moment the file holds all of the old or all of the new.

    It is written beside, flushed to the disk, checked once more and renamed; then the folder has to be
    flushed, so that the new name is there too. https://man7.org/linux/man-pages/man2/fsync.2.html

    Raises:
        OSError: a step has failed, and the file is as it was before.
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
    """Write a new file in the place of whatever an earlier crash left there, and flush it."""
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        return stamp_of(file)


def rename(source: Path, target: Path, stamp: Stamp) -> None:
    """Rename a file. Network file systems may report an error of what they have done, when an answer was lost."""
    try:
        source.replace(target)
    except OSError:
        if not (target.exists() and target.stat().st_ino == stamp[0]):
            raise


def stamp_of(file: BinaryIO) -> Stamp:
    state = os.fstat(file.fileno())
    return state.st_ino, state.st_mtime_ns, state.st_size
