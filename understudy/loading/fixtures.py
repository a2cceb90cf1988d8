"""Fixture sets: folders with a file of rows for each table, as JSON Lines or as a JSON array."""

import io
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from understudy.clock import MACHINE, Clock
from understudy.contract.catalog import Catalog
from understudy.contract.columns import Column
from understudy.encoding import encoding_of, reason_of
from understudy.errors import FixtureError, FixtureErrors, did_you_mean
from understudy.loading import loader, row_cache
from understudy.loading.loader import Loaded, LoadError
from understudy.loading.sources import Numbered, Source, Unreadable
from understudy.paths import check_file, is_folder
from understudy.text import counted
from understudy.workspaces.workspace import Workspace

SUFFIX = ".jsonl"
SUFFIXES = (SUFFIX, ".json")
BETWEEN = re.compile(r"[\s,]*")  # elements of an array
IGNORED = ("readme", "license")  # stems of files without rows, about which there is no warning

Watch = Callable[[Iterable[bytes], Path], Iterable[bytes]]
"""Passes the lines of a file through, and may show the progress."""

Stamp = tuple[tuple[str, int, int, int], ...]
"""Identifies a state of a folder: name, inode, modification time and size of each file."""


def unwatched(lines: Iterable[bytes], path: Path) -> Iterable[bytes]:
    return lines


class FixtureSet:
    """A fixture set in a folder, which is read on first use. Rows that omit times get those of `clock`."""

    def __init__(self, folder: Path, catalog: Catalog, watch: Watch = unwatched, clock: Clock = MACHINE) -> None:
        self.folder = folder
        self.catalog = catalog
        self._watch = watch
        self._clock = clock
        self._read: tuple[Stamp, Workspace] | None = None
        self._lock = Lock()

    @property
    def rows(self) -> Workspace:
        """A workspace with the rows as they were last read. It must not be changed; change a fork of it.

        Raises:
            FixtureError: the set cannot be loaded.
        """
        with self._lock:
            return self._loaded() if self._read is None else self._read[1]

    def current(self) -> Workspace:
        """The same, read again if the files have changed since.

        Raises:
            FixtureError: the set cannot be loaded; `rows` are not changed.
        """
        with self._lock:
            is_same = self._read is not None and self.folder.is_dir() and self._read[0] == stamp_of(self.folder)
            return self._read[1] if self._read is not None and is_same else self._loaded()

    def warnings(self) -> Iterator[str]:
        """Warnings about the folder."""
        return strays(self.folder, self.catalog.tables)

    def _loaded(self) -> Workspace:
        stamp = stamp_of(self.folder) if self.folder.is_dir() else ()  # before it is read, so that no change is missed
        workspace = Workspace.empty(self.catalog)
        if not row_cache.fill(workspace, self.folder, stamp):
            loaded = self._clock.run(partial(load, self.folder, workspace, self._watch))
            if not any(loaded.completed.values()):  # those are loaded with new times
                row_cache.keep(workspace, self.folder, stamp)
        self._read = stamp, workspace
        return workspace


def stamp_of(folder: Path) -> Stamp:
    """The state of a folder.

    Raises:
        FixtureError: it cannot be read.
    """
    try:
        states = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError as error:
        raise FixtureError(folder, f"cannot be read ({reason_of(error)})") from None
    return tuple((name, state.st_ino, state.st_mtime_ns, state.st_size) for name, state in states)


def load(folder: Path, workspace: Workspace, watch: Watch = unwatched) -> Loaded:
    """Fill an empty workspace with the rows of a fixture set. Returns what was loaded.

    A table without a file, or with an empty one, is empty, or derived from another one if the contract defines that.

    Raises:
        FixtureError: the set cannot be loaded; the text names the file, line and reason of each error.
    """
    try:
        return loader.load(workspace, sources(folder, workspace, watch))
    except LoadError as error:
        raise FixtureErrors(str(error)) from None


def sources(folder: Path, tables: Iterable[str], watch: Watch = unwatched) -> list[Source]:
    """The files of a fixture set, which are read lazily.

    Raises:
        FixtureError: the folder does not exist, or a table has two files.
    """
    if not is_folder(folder):
        is_there = os.path.lexists(folder)
        raise FixtureError(
            folder, "is not a folder; name the folder of the set" if is_there else "no such fixture folder"
        )
    found = []
    for table in tables:
        paths = [path for path in (folder / f"{table}{suffix}" for suffix in SUFFIXES) if os.path.lexists(path)]
        if len(paths) > 1:
            raise FixtureError(folder, f"has both {' and '.join(path.name for path in paths)}; keep one of them")
        found += [Source(table, rows_in(path, watch), partial(place_in, path)) for path in paths]
    return found


def place_in(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}, line {line}"


def strays(folder: Path, tables: Collection[str]) -> Iterator[str]:
    """Warnings about files in the folder of a fixture set that are not read."""
    files = [f"{table}{suffix}" for table in tables for suffix in SUFFIXES]
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in files or path.name.startswith((".", "_")) or path.stem.lower() in IGNORED:
            continue
        if path.is_dir():
            if any(path.glob(f"*{suffix}") for suffix in SUFFIXES):
                yield f"{path} is not read: a fixture set is one folder; did you mean `{path}`?"
            continue
        stem = path.name.partition(".")[0].lower()
        if stem in tables and ".json" not in path.name.lower():
            yield f"{path} is not read: rows are JSON, in a file that is called `{stem}{SUFFIX}` or `{stem}.json`"
        else:
            yield f"{path} is not read: no table has this name{did_you_mean(stem, tables, SUFFIX)}"


# ------------------------------------------------------------------------ files


def rows_in(path: Path, watch: Watch = unwatched) -> Numbered:
    """The JSON of the rows in a file, each with its line number. The file has one row per line, or a JSON array.

    Raises:
        Unreadable: the file cannot be read, or is neither. The rows before the error are yielded first.
    """
    try:
        check_file(path)
        with path.open("rb") as file:
            yield from rows_of(watch(lines_of(file), path))
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"cannot be read ({reason_of(error)})") from None


def lines_of(file: BinaryIO) -> Iterable[bytes]:
    """The lines of a file as UTF-8, without a byte order mark."""
    encoding = encoding_of(file.read(4))
    file.seek(0)
    if encoding != "utf-8-sig":
        return io.BytesIO(file.read().decode(encoding).encode())
    if file.read(3) != "\ufeff".encode():
        file.seek(0)
    return file


def rows_of(lines: Iterable[bytes]) -> Numbered:
    numbered = enumerate(lines, start=1)
    first = next(((number, line) for number, line in numbered if line.strip()), None)
    if first is None:
        return
    if not is_json(first[1]):
        raise Unreadable("is not JSON: the file has a JSON object on each line, or one array of them", first[0])
    if first[1].lstrip().startswith(b"["):
        yield from elements(b"".join([first[1], *(line for _, line in numbered)]).decode(), first[0])
        return
    for number, line in chain([first], numbered):
        if stripped := line.strip():
            yield number, stripped


def is_json(line: bytes) -> bool:
    """Whether the first line of a file is JSON, or the beginning of an object or array, which can have more lines."""
    if line.lstrip().startswith((b"{", b"[")):
        return True
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def elements(text: str, line: int) -> Numbered:
    """The elements of a JSON array that begins on a line, each with its own line number.

    Raises:
        Unreadable: the text is not a JSON array.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"Invalid JSON: {error.msg}", line + error.lineno - 1) from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"Invalid JSON: {error}", line) from None
    decode, counted, at = json.JSONDecoder().raw_decode, 0, after(text, text.index("[") + 1)
    while not text.startswith("]", at):
        line, counted = line + text.count("\n", counted, at), at
        _, end = decode(text, at)
        yield line, text[at:end]
        at = after(text, end)


def after(text: str, at: int) -> int:
    """The offset of the next element of an array, or of its end."""
    between = BETWEEN.match(text, at)
    return between.end() if between else at


def save(folder: Path, workspace: Workspace) -> None:
    """Write the rows of a workspace as a fixture set, to a new or empty folder.

    Raises:
        FixtureError: it is not empty, or cannot be written. Files that were written are deleted.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FixtureError(folder, "is not empty; name another folder")
        for name, table in workspace.items():
            lines = b"".join(table.encoded(row) + b"\n" for row in table.live)
            written.append(folder / f"{name}{SUFFIX}")
            written[-1].write_bytes(lines)
    except OSError as error:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise FixtureError(folder, f"cannot be written ({reason_of(error)})") from None


def dangling(workspace: Workspace) -> Iterator[str]:
    """Warnings about references to rows that do not exist.

    The rows are searched one by one, since an index would stay in memory and may never be needed.
    """
    for name, table in workspace.items():
        for field, reference in table.schema.references.items():
            target, column = workspace[reference.table], Column((field,))
            keys = (table.key(column, row) for row in table.live)
            rows = sum(key is not None and target.find(key) is None for key in keys)
            if rows:
                refer = "refers" if rows == 1 else "refer"
                yield f"{name}: {counted(rows, 'rows')} {refer} by `{field}` to {reference.table} that do not exist"
