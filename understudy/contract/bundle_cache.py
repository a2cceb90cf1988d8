"""A cache of an API folder's contract and rows, since parsing YAML takes most of the start.

It is stored with the compiled Python modules of the same folder, and used as long as no file has changed that it was
read from. Nothing is stored if that folder cannot be written. It is also stored if Python writes no compiled modules
(PYTHONDONTWRITEBYTECODE, as in many containers), since each start would take a second more.
"""

import marshal
import os
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from understudy.version import __version__

Stamp = tuple[int, int, int]


CONTRACT, ROWS = ".contract", ".rows"
"""What is cached, as suffixes of the cache files."""


def place_of(entry: Path, kind: str = CONTRACT) -> Path:
    """The cache file of a contract, or of something else that was read beside a path."""
    return Path(cache_from_source(str(entry))).with_suffix(kind)


def stamp(path: Path) -> Stamp:
    """The inode, modification time and size of a file."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size


def recalled(entry: Path, kind: str = CONTRACT) -> Any:
    """The value that `remember` stored for a path; None without one, or if a file has changed since."""
    try:
        version, files, value = marshal.loads(place_of(entry, kind).read_bytes())  # noqa: S302 - trusted as modules are
        is_current = version == __version__ and all(stamp(Path(file)) == seen for file, seen in files.items())
    except (OSError, ValueError, EOFError, TypeError, AttributeError):
        return None
    return value if is_current else None


def remember(entry: Path, files: Iterable[Path], value: Any, kind: str = CONTRACT) -> None:
    """Store a value of plain types for the next start, with the state of its files."""
    from tempfile import NamedTemporaryFile  # noqa: PLC0415 - not needed to start from the cache

    place = place_of(entry, kind)
    # The last two are for what YAML knows and `marshal` does not, such as dates, and for what is too deep.
    with suppress(OSError, ValueError, RecursionError):
        content = marshal.dumps((__version__, {str(file): stamp(file) for file in files}, shared(value, {})))
        place.parent.mkdir(exist_ok=True)
        with NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(content)
        os.replace(file.name, place)  # noqa: PTH105 - a name, not a path


def shared(value: Any, known: dict[tuple[type, Any], Any]) -> Any:
    """A value in which equal texts and numbers are one object, so that they are stored and loaded once.

    Args:
        value: a value of plain types.
        known: the texts and numbers that were met so far.
    """
    if isinstance(value, dict):
        return {shared(key, known): shared(part, known) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([shared(part, known) for part in value])
    return known.setdefault((type(value), value), value) if isinstance(value, str | int | bytes) else value
