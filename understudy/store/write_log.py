"""The log of a store: a file beside it, to which each group of writes is appended until the file is rewritten."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from understudy.store.disk import (
    PIECE,
    Check,
    Stamp,
    beside,
    deleted_on_failure,
    flush,
    mode_of,
    rename,
    stamp_of,
    write_all,
    write_new,
)
from understudy.store.lock import changed
from understudy.store.log_records import deleted_record, file_record


class Copy(NamedTuple):
    """A copy of a log: where it is, and up to which offset of the log it has the records."""

    path: Path
    end: int


class Log:
    """The log beside a file. It is opened for each append, so that a workspace needs no open file.

    `end` is the size of its valid records in bytes; 0 without a log.

    Args:
        file: the store's file.
        stamp: the state of the log; None if it does not exist.
        end: the size of its valid records.
    """

    def __init__(self, file: Path, stamp: Stamp | None, end: int) -> None:
        self.path = log_file(file)
        self.end = end
        self._file = file
        self._inode = stamp[0] if stamp else None
        self._size: int | None = stamp[2] if stamp else 0  # None if an append has failed and was not undone

    def is_there(self) -> bool:
        """Whether there is a log, and it is the file at its path."""
        try:
            return self._inode is not None and self.path.lstat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def append(self, record: bytes) -> None:
        """Append a record, and return when it is on disk.

        Raises:
            OSError: it cannot be appended. The log is as before; if even that cannot be ensured, no later record is
                appended before it is.
        """
        with self._opened() as descriptor:
            self._undo(descriptor)
            self._size = None
            try:
                write_all(descriptor, record)
                flush(descriptor)
            except BaseException:
                with suppress(OSError):
                    self._undo(descriptor)
                raise
            self.end += len(record)
            self._size = self.end

    @contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        try:
            inode, _, size = stamp_of(descriptor)
            if inode != self._inode or self._size not in (None, size):
                raise changed(self.path)
            yield descriptor
        finally:
            with suppress(OSError):
                os.close(descriptor)

    def _undo(self, descriptor: int) -> None:
        """Cut off what was appended in part, before a crash or a failure."""
        if self._size != self.end:
            os.ftruncate(descriptor, self.end)
            flush(descriptor)
            self._size = self.end

    def start(self, identity: str, record: bytes, check: Check) -> None:
        """Start the log. The caller must flush the folder.

        Args:
            identity: of the state of the file that it belongs to.
            record: its first record.
            check: checks once more that the log may be written.

        Raises:
            OSError: it cannot be written. There is still no log.
        """
        new = beside(self.path)
        stamp = write_new(new, (file_record(identity), record), mode_of(self._file))
        with deleted_on_failure(new):
            self._take(new, stamp, check)

    def copy(self, identity: str, offset: int) -> Copy:
        """Write a log of the records from an offset on beside this one. Others can be appended meanwhile.

        Args:
            identity: of the state of the file that the copy belongs to.
            offset: where its first record begins.

        Raises:
            OSError: it cannot be written. There is then no copy.
        """
        new, first = beside(self.path), file_record(identity)
        stamp = write_new(new, chain((first,), self._records(offset)), mode_of(self._file))
        return Copy(new, offset + stamp[2] - len(first))

    def replace(self, copy: Copy, check: Check) -> None:
        """Put a copy in the place of this log, with the records since. The caller must flush the folder.

        Raises:
            OSError: it cannot be written. The log is as before, and the copy is left.
        """
        with copy.path.open("ab", buffering=0) as file:
            for piece in self._records(copy.end):
                write_all(file.fileno(), piece)
            flush(file.fileno())
            self._take(copy.path, stamp_of(file.fileno()), check)

    def _records(self, offset: int) -> Iterator[bytes]:
        """The records from an offset to the end, which can move meanwhile, in pieces."""
        with self.path.open("rb", buffering=0) as file:
            if stamp_of(file.fileno())[0] != self._inode:
                raise changed(self.path)
            file.seek(offset)
            while offset < self.end:
                piece = file.read(min(PIECE, self.end - offset))
                if not piece:
                    raise changed(self.path)
                offset += len(piece)
                yield piece

    def _take(self, new: Path, stamp: Stamp, check: Check) -> None:
        """Give a new log the name of this one."""
        check()
        rename(new, self.path, stamp)
        self._inode, _, self._size = stamp
        self.end = stamp[2]

    def announce_deletion(self) -> None:
        """Record that the file is deleted next: without this record, a log without its file is refused."""
        if self.is_there():
            self.append(deleted_record())

    def delete(self) -> None:
        """Delete the log, if there is one.

        Raises:
            OSError: it cannot be deleted.
        """
        if self.is_there():
            self.path.unlink()
        self.clear()

    def clear(self) -> None:
        """Note that there is no log any more."""
        self._inode, self._size, self.end = None, 0, 0


def log_file(file: Path) -> Path:
    return file.parent / f"{file.name}.log"  # also of a path without a name, which is refused later
