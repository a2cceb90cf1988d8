"""Paths that a user names, checked before they are opened: a pipe may block, a device never end."""

import errno
import os
import re
import stat
from pathlib import Path

STREAM = re.compile(r"/dev/(stdin|stdout|stderr)|(?:/dev/fd|/proc/self/fd)/([0-9]{1,9})")
"""What the process was started with, such as the pipe of a shell's `<(…)`: it is open already, and can be used once."""

STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}

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
    if stream(path) is None:
        check_file(path)
        path.parent.stat()


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder. Where nobody can tell, as of a name that is too long, it does not."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises there


def read(path: Path, largest: int | None = None) -> bytes:
    """Read a whole file.

    Args:
        path: a regular file; where there is a limit, it may be a stream of the process too.
        largest: the limit in bytes.

    Raises:
        OSError: it is something else, is larger, or cannot be read.
    """
    descriptor = None if largest is None else stream(path)
    if descriptor is None:
        check_file(path)
    with open(path if descriptor is None else os.dup(descriptor), "rb") as file:  # noqa: PTH123 - or a descriptor
        content = file.read() if largest is None else file.read(largest + 1)
    if largest is not None and len(content) > largest:
        raise OSError(errno.EFBIG, f"it is larger than the {largest} bytes that it may have")
    return content


def write(path: Path, content: bytes) -> None:
    """Write a report to a path.

    Raises:
        OSError: it cannot be written, or `check_output` refuses the path.
    """
    check_output(path)
    descriptor = stream(path)
    with open(path if descriptor is None else os.dup(descriptor), "wb") as file:  # noqa: PTH123 - or a descriptor
        file.write(content)


def stream(path: Path) -> int | None:
    """The descriptor that a path names, of a stream that the process was started with; None where it names none."""
    named = STREAM.fullmatch(str(path))
    return int(named[2]) if named and named[2] else STREAMS.get(named[1]) if named else None
