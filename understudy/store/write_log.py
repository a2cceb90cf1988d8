"""The log of a store: a file beside it, to which each group of writes is appended until the file is rewritten."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from understudy.store.disk import (
    Check,
    Stamp,
    beside,
    flush,
    mode_of,
    rename,
    stamp_of,
    write_all,
    write_new,
)
from understudy.store.lock import changed
from understudy.store.log_records import deleted_record, file_record


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
        """Whether there is a log, and the file at its path is this one."""
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
                os.lseek(descriptor, self.end, os.SEEK_SET)
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
        descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW)
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

    def since(self, offset: int) -> bytes:
        """The records from an offset to the end.

        Raises:
            OSError: they cannot be read.
        """
        with self._opened() as descriptor:
            content = bytearray()
            while offset + len(content) < self.end:
                piece = os.pread(descriptor, self.end - offset - len(content), offset + len(content))
                if not piece:
                    raise changed(self.path)
                content += piece
            return bytes(content)

    def start(self, identity: str, records: bytes, check: Check) -> None:
        """Start a new log, in place of a present one. The caller must flush the folder.

        Args:
            identity: of the state of the file that it belongs to.
            records: its first records.
            check: checks once more that the log may be written.

        Raises:
            OSError: it cannot be written. The log is as before.
        """
        new = beside(self.path)
        first = file_record(identity)
        stamp = write_new(new, (first, records), mode_of(self._file))
        try:
            check()
            rename(new, self.path, stamp)
        except BaseException:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise
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
        """There is no log any more."""
        self._inode, self._size, self.end = None, 0, 0


def log_file(file: Path) -> Path:
    return file.parent / f"{file.name}.log"  # also of a path without a name, which is refused later
