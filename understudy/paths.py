"""Paths that a user names, checked before they are opened: a pipe may block, a device never end."""

import errno
import os
import re
import stat
from pathlib import Path

STREAM = re.compile(r"/dev/(stdin|stdout|stderr|fd/\d+)|/proc/self/fd/\d+")
"""What the process was started with, such as the pipe of a shell's `<(…)`: open already, so it can be used once."""

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def check_file(path: Path) -> None:
    """Check that a path leads to a regular file, or to nothing yet. Links are followed.

    Raises:
        OSError: it leads to something else, or nowhere, such as a link to itself.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except ValueError:
        raise OSError(errno.EINVAL, "the path has a NUL character in it") from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file")


def check_output(path: Path) -> None:
    """Check that a report can be written to a path: a regular file, one to be, or a stream of the process.

    Raises:
        OSError: it leads to something else, or its folder does not exist.
    """
    if STREAM.fullmatch(str(path)):
        return
    check_file(path)
    path.parent.stat()


def read(path: Path, largest: int | None = None) -> bytes:
    """Read a whole file.

    Args:
        path: a regular file; where there is a limit, it may be a stream of the process too.
        largest: the limit in bytes.

    Raises:
        OSError: it is something else, is larger, or cannot be read.
    """
    if largest is None or not STREAM.fullmatch(str(path)):
        check_file(path)
    with path.open("rb") as file:
        content = file.read() if largest is None else file.read(largest + 1)
    if largest is not None and len(content) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest} bytes")
    return content
