"""Fixture sets: a folder with a file of rows for each table, as JSON Lines or as a JSON array."""

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

from understudy.contract.catalog import Catalog
from understudy.contract.columns import Column
from understudy.encoding import encoding_of, reason_of
from understudy.errors import FixtureError, FixtureMistakes, did_you_mean
from understudy.loading import loader
from understudy.loading.loader import LoadError
from understudy.loading.sources import Numbered, Source, Unreadable
from understudy.paths import check_file, is_folder
from understudy.text import counted
from understudy.workspaces.workspace import Workspace

SUFFIX = ".jsonl"
SUFFIXES = (SUFFIX, ".json")
BETWEEN = re.compile(r"[\s,]*")  # elements of an array
QUIET = ("readme", "license")  # names of files that nobody takes for rows

Watch = Callable[[Iterable[bytes], Path], Iterable[bytes]]
"""Lets the lines of a file pass, and may tell somebody how far they are."""

Stamp = tuple[tuple[str, int, int, int], ...]
"""Tells one state of a folder from another: name, inode, time of change and size of each file."""


def unwatched(lines: Iterable[bytes], path: Path) -> Iterable[bytes]:
    return lines


class FixtureSet:
    """A fixture set in a folder, which is read when its rows are first asked for."""

    def __init__(self, folder: Path, catalog: Catalog, watch: Watch = unwatched) -> None:
        self.folder = folder
        self.catalog = catalog
        self._watch = watch
        self._read: tuple[Stamp, Workspace] | None = None
        self._lock = Lock()

    @property
    def rows(self) -> Workspace:
        """A workspace of its rows, as they were last read, which nobody may change; its forks are for that.

        Raises:
            FixtureError: the set cannot be loaded.
        """
        with self._lock:
            return self._loaded() if self._read is None else self._read[1]

    def current(self) -> Workspace:
        """The same, read again where the files have changed since.

        Raises:
            FixtureError: the set cannot be loaded; `rows` are what they were.
        """
        with self._lock:
            is_same = self._read is not None and self.folder.is_dir() and self._read[0] == stamp_of(self.folder)
            return self._read[1] if self._read is not None and is_same else self._loaded()

    def warnings(self) -> Iterator[str]:
        """What is odd about the folder, a line each."""
        return strays(self.folder, self.catalog.tables)

    def _loaded(self) -> Workspace:
        stamp = stamp_of(self.folder) if self.folder.is_dir() else ()  # before it is read, so that no change is missed
        workspace = Workspace.empty(self.catalog)
        load(self.folder, workspace, self._watch)
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


def load(folder: Path, workspace: Workspace, watch: Watch = unwatched) -> None:
    """Fill an empty workspace with the rows of a fixture set.

    A table without a file, or with an empty one, is empty; where the contract says how it is derived
    from another, it is.

    Raises:
        FixtureError: the set cannot be loaded; the text names file, line and reason of each mistake.
    """
    try:
        loader.load(workspace, sources(folder, workspace, watch))
    except LoadError as error:
        raise FixtureMistakes(str(error)) from None


def sources(folder: Path, tables: Iterable[str], watch: Watch = unwatched) -> list[Source]:
    """The files of a fixture set, which are read when their rows are asked for.

    Raises:
        FixtureError: there is no such folder, or there are two files for a table.
    """
    if not is_folder(folder):
        raise FixtureError(folder, "there is no such fixture folder")
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
    """What stands in the folder of a fixture set and is not read, a line each."""
    files = [f"{table}{suffix}" for table in tables for suffix in SUFFIXES]
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in files or path.name.startswith((".", "_")) or path.stem.lower() in QUIET:
            continue
        if path.is_dir():
            if any(path.glob(f"*{suffix}") for suffix in SUFFIXES):
                yield f"{path} is not read: a fixture set is one folder; did you mean `{path}`?"
            continue
        stem = path.name.partition(".")[0].lower()
        yield f"{path} is not read: it is the file of no table{did_you_mean(stem, tables, SUFFIX)}"


# ------------------------------------------------------------------------ files


def rows_in(path: Path, watch: Watch = unwatched) -> Numbered:
    """The JSON of the rows in a file, each after its line. They are one a line, or a JSON array.

    Raises:
        Unreadable: the file cannot be read, or is neither; once its rows up to there have been.
    """
    try:
        check_file(path)
        with path.open("rb") as file:
            yield from rows_of(watch(lines_of(file), path))
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"cannot be read ({reason_of(error)})") from None


def lines_of(file: BinaryIO) -> Iterable[bytes]:
    """The lines of a file in UTF-8, without a byte order mark."""
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
    if first[1].lstrip().startswith(b"["):
        yield from elements(b"".join([first[1], *(line for _, line in numbered)]).decode(), first[0])
        return
    for number, line in chain([first], numbered):
        if stripped := line.strip():
            yield number, stripped


def elements(text: str, line: int) -> Numbered:
    """The elements of a JSON array that begins in a line, each after its own line.

    Raises:
        Unreadable: the text is something else.
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
    """Where the next element of an array begins, or its end is."""
    between = BETWEEN.match(text, at)
    return between.end() if between else at


def save(folder: Path, workspace: Workspace) -> None:
    """Write the rows of a workspace as a fixture set, into a folder that is new or empty.

    Raises:
        FixtureError: it is neither, or cannot be written. Then it is empty.
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
    """References to rows that are not there, a line each.

    They are looked at row by row: an index, which nobody may ever ask for, would stay.
    """
    for name, table in workspace.items():
        for field, reference in table.schema.references.items():
            target, column = workspace[reference.table], Column((field,))
            keys = (table.key(column, row) for row in table.live)
            rows = sum(key is not None and target.find(key) is None for key in keys)
            if rows:
                refer = "refers" if rows == 1 else "refer"
                yield f"{name}: {counted(rows, 'rows')} {refer} by `{field}` to {reference.table} that are not there"
