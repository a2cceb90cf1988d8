"""Rewriting a file from rows, beside reads and writes."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from understudy.store.disk import Stamp, beside, mode_of, write_new
from understudy.store.file_format import Rows, encoded

LEAST = 2**20  # bytes of a log that are worth it


class NewFile(NamedTuple):
    """A file that is complete and on disk, and still has to get its name.

    Attributes:
        path: where it is.
        stamp: its state.
        identity: of its content.
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
    """The size of a log in bytes from which on its file is rewritten: it then has grown by as much as the file has.

    So the file is read in at most twice its time, and each byte that is written is written about twice more.
    """
    return log + max(LEAST, file)
