"""Rewriting a file from rows, while reads and writes continue."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from understudy.store.disk import Stamp, beside, mode_of, write_new
from understudy.store.file_format import Rows, encoded

LEAST = 2**20  # bytes of a log that are worth it


class NewFile(NamedTuple):
    """A file that is complete and on disk, but does not have its final name yet.

    Attributes:
        path: its path.
        stamp: the state of the file.
        identity: the identity of its content.
    """

    path: Path
    stamp: Stamp
    identity: str


def rewritten(path: Path, tables: Rows) -> NewFile:
    """Write the new content of a file beside it. Other threads continue meanwhile, since each piece is small.

    Raises:
        OSError: it cannot be written. There is then no new file.
    """
    hashed = sha256()

    def pieces() -> Iterator[bytes]:
        for piece in encoded(tables):
            hashed.update(piece)
            yield piece

    new = beside(path)
    stamp = write_new(new, pieces(), mode_of(path))
    return NewFile(new, stamp, hashed.hexdigest())


def limit_of(log: int, file: int) -> int:
    """The size of a log, in bytes, at which its file is rewritten: when the log has grown by as much as the file has.

    So reading the file takes at most twice as long, and each written byte is written about twice more.
    """
    return log + max(LEAST, file)
