"""The storage under TinyDB: a file that is always whole, whenever the machine stops."""

import os
from pathlib import Path
from typing import Any, BinaryIO

from tinydb import Storage

from understudy.store.document import Tables, encoded

Stamp = tuple[int, int, int]
"""Tells one state of a file from another: inode, time of change, size."""


class WholeFile(Storage):
    """Keeps what TinyDB writes, and puts it into its file when told to (`sync`), all or nothing.

    Args:
        path: the file.
        tables: what it holds.
        stamp: the state of the file that holds this; None where it does not yet.
    """

    def __init__(self, path: Path, tables: Tables, stamp: Stamp | None) -> None:
        self._path = path
        self._written = self._synced = tables
        self._stamp = stamp

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
        check_untouched(self._path, self._stamp)
        self._stamp = replace(self._path, encoded(self._written))
        self._synced = self._written

    def forget(self) -> None:
        """Forget what was written since the last time that it came into the file."""
        self._written = self._synced


def check_untouched(path: Path, stamp: Stamp | None) -> None:
    """Raises OSError where a file is not in the state that is known, or may not be written."""
    try:
        with path.open("rb+") as file:
            found = stamp_of(file)
    except FileNotFoundError:
        return
    if found != stamp:
        raise OSError(None, f"{path} was changed by somebody else; stop the server, then start it again")


def replace(path: Path, content: bytes) -> Stamp:
    """Put content into a file, so that at any moment the file holds all of the old or all of the new.

    It is written beside, flushed to the disk and renamed; then the folder is flushed, so that the new
    name is there too. https://man7.org/linux/man-pages/man2/fsync.2.html
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            stamp = stamp_of(file)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)
    return stamp


def flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def stamp_of(file: BinaryIO) -> Stamp:
    state = os.fstat(file.fileno())
    return state.st_ino, state.st_mtime_ns, state.st_size
