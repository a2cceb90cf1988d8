"""Checks of users' paths before they are opened: opening a pipe may block, and reading a device may never end."""

import errno
import os
import re
import stat
from pathlib import Path

STREAM = re.compile(r"/dev/(stdin|stdout|stderr)|(?:/dev/fd|/proc/self/fd)/([0-9]{1,9})")
"""Streams of the process, such as the pipe of a shell's `<(…)`. They are open already, and can be used once."""

STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def check_file(path: Path) -> None:
    """Check that a path is a regular file, or does not exist yet. Links are followed.

    Raises:
        OSError: it is something else, or cannot be resolved, such as a link to itself.
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
    """Check that a report can be written to a path: a regular file, a new file, or a stream of the process.

    Raises:
        OSError: it is something else, or its folder does not exist, or writing there is not permitted.
    """
    if stream(path) is None:
        check_file(path)
        path.parent.stat()
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def is_folder(path: Path) -> bool:
    """Whether a path is a folder. A path that cannot be looked up, such as one that is too long, is not."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises there


def read(path: Path, largest: int | None = None) -> bytes:
    """Read a whole file.

    Args:
        path: a regular file; with a limit, also a stream of the process.
        largest: the maximum size in bytes.

    Raises:
        OSError: it is something else, is larger, or cannot be read.
    """
    descriptor = None if largest is None else stream(path)
    if descriptor is None:
        check_file(path)
    with open(path if descriptor is None else os.dup(descriptor), "rb") as file:  # noqa: PTH123 - or a descriptor
        content = file.read() if largest is None else file.read(largest + 1)
    if largest is not None and len(content) > largest:
        raise OSError(errno.EFBIG, f"it is larger than the limit of {largest} bytes")
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
    """The descriptor of the process's stream that a path names; None if it names none."""
    named = STREAM.fullmatch(str(path))
    return int(named[2]) if named and named[2] else STREAMS.get(named[1]) if named else None
