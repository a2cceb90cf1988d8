"""A workspace and the TinyDB file that stores it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError, to_json
from tinydb import TinyDB
from tinydb.table import Document

from understudy.contract.catalog import Catalog
from understudy.encoding import decoded, reason_of
from understudy.errors import StoreError, StoreWriteError
from understudy.loading import loader
from understudy.loading.loader import LoadError, no_table
from understudy.loading.sources import Source
from understudy.paths import check_file
from understudy.store.atomic_file import AtomicFile, Check, stamp_of
from understudy.store.file_format import Damage, Entry, Reader
from understudy.store.upgrade import Upgrade
from understudy.tables.changes import Change
from understudy.values import is_id
from understudy.workspaces.workspace import Workspace

NANOSECONDS = 10**9  # in a second


class Store:
    """A workspace whose changes are written to a file.

    `changes` are those that are not in the file yet. The caller takes them and passes them to `write`, in their order.
    `write` can run in another thread, since it does not use the workspace. `written` is when the file was last written
    before it was opened; None if it did not exist or was empty. `upgrade` counts what the contract does not have; the
    next write drops it from the file.

    Args:
        path: the file, which no other process writes meanwhile.
        catalog: the tables of the workspace.
        check: checks before each write that the file is still locked.

    Raises:
        StoreError: the file cannot be read, or is not a valid store file.
    """

    def __init__(self, path: Path, catalog: Catalog, check: Check = lambda: None) -> None:
        self.path = path
        self._check = check
        self.changes: list[Change] = []
        self.workspace = Workspace.empty(catalog, self.changes.append)
        self.written: datetime | None = None
        self.upgrade = Upgrade()
        self._numbers: dict[str, dict[int, int]] = {name: {} for name in catalog.tables}
        self._file = self._opened()
        self._database = TinyDB(storage=lambda: self._file)

    # -------------------------------------------------------------------- read

    def _opened(self) -> AtomicFile:
        try:
            check_file(self.path)
            with self.path.open("rb") as file:
                content, stamp = file.read(), stamp_of(file)
        except FileNotFoundError:
            content, stamp = b"", None
        except OSError as error:
            raise StoreError(self.path, f"cannot be read ({reason_of(error)})") from None
        try:
            text = decoded(content)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise StoreError.of_damage(self.path, reason_of(error), line) from None
        documents: dict[str, dict[str, Any]] = {name: {} for name in self.workspace}
        if text and stamp:
            self.written = datetime.fromtimestamp(stamp[1] / NANOSECONDS, timezone.utc)
            try:
                self._fill(Reader(text), documents)
            except Damage as damage:
                raise StoreError.of_damage(self.path, damage.reason, damage.line) from None
        return AtomicFile(self.path, documents, stamp, self._check)

    def _fill(self, reader: Reader, documents: dict[str, dict[str, Any]]) -> None:
        entries: dict[str, list[Entry]] = {}
        for entry in sorted(reader.entries(), key=lambda entry: entry.number):
            if entry.table in self.workspace:
                entries.setdefault(entry.table, []).append(entry)
            else:
                documents.setdefault(entry.table, {})[str(entry.number)] = self._leave(reader, entry)
        dropped: dict[int, list[str]] = {}  # fields of rows, by where these begin

        def fix(table: str, at: int, row: str, error: ValidationError) -> str:
            fixed, fields = self.upgrade.fixed(self.workspace[table].schema, row, error)
            if fields:
                dropped[at] = fields
            return fixed

        sources = [
            Source(table, [(entry.at, entry.json) for entry in some], str, partial(fix, table))
            for table, some in entries.items()
        ]
        try:
            loaded = loader.load(self.workspace, sources, reader.tables)
        except LoadError as error:
            raise self._refusal(reader, entries, error) from None
        for table, some in entries.items():
            for row, entry in zip(loaded.rows[table], some, strict=True):
                self._numbers[table][row] = entry.number
                self.upgrade.count(table, dropped.get(entry.at, []))
                value = json.loads(self.workspace[table].encoded(row)) if entry.at in dropped else entry.value
                documents[table][str(entry.number)] = value
        # The file has the rows that were complete, but not those that were completed or derived.
        self.changes[:] = [
            change
            for change in self.changes
            if change.table not in entries or change.row in loaded.completed[change.table]
        ]

    def _refusal(self, reader: Reader, entries: Mapping[str, list[Entry]], error: LoadError) -> Exception:
        """The error for rows that cannot be loaded: it is about the first one in the file."""
        first = min(error.errors, key=lambda each: each.position or 0)
        entry = next(entry for some in entries.values() for entry in some if entry.at == first.position)
        if first.is_clash or not has_id(entry.value):
            return reader.damage(entry.at, first.reason)
        least = "" if error.is_complete else "at least "
        others = f". Rows that do not fit: {least}{error.rows}" if error.rows > 1 else ""
        hint = f"row {entry.number} of {entry.table} does not fit the contract; edit or delete it in the file{others}"
        return StoreError(self.path, f"{first.reason}: {hint}", reader.line(entry))

    def _leave(self, reader: Reader, entry: Entry) -> Any:
        """Preserve a row of a table that only another version of the contract has.

        Raises:
            Damage: it is not a row, or cannot be written again.
        """
        try:
            check_preserved(entry.table, entry.value, self.workspace)
        except ValueError as error:
            raise reader.damage(entry.at, str(error)) from None
        self.upgrade.leave(entry.table)
        return entry.value

    def keep_unserved(self, table: str, rows: Mapping[int, Any]) -> None:
        """Keep rows by their numbers, of a table that the contract does not have; `settle` brings them to the disk."""
        for _ in rows:
            self.upgrade.leave(table)
        self._database.table(table).insert_multiple(Document(row, number) for number, row in rows.items())

    # ------------------------------------------------------------------- write

    def flush(self) -> None:
        """Write all present changes.

        Raises:
            StoreWriteError: they cannot be written.
        """
        changes, self.changes[:] = list(self.changes), []
        try:
            self.write(changes)
        except OSError as error:
            raise StoreWriteError(self.path, f"cannot be written ({reason_of(error)})") from None

    def write(self, changes: Sequence[Change]) -> None:
        """Write changes to the file, and return when they are on disk.

        Raises:
            OSError: it cannot be written. The file is not changed.
        """
        last = {(change.table, change.row): change.after for change in changes}
        try:
            for table in dict.fromkeys(table for table, _ in last):
                self._put(table, {row: after for (name, row), after in last.items() if name == table})
            self._file.sync()
        except BaseException:
            self._file.discard()
            raise

    def delete(self) -> None:
        """Delete the file. Nothing can be written afterwards.

        Raises:
            StoreWriteError: it cannot be deleted. Nothing is changed.
        """
        try:
            self._file.delete()
        except OSError as error:
            raise StoreWriteError(self.path, f"cannot be deleted ({reason_of(error)})") from None

    def _put(self, table: str, rows: Mapping[int, bytes]) -> None:
        numbers = self._numbers[table]
        documents = self._database.table(table)
        documents.remove(doc_ids=[numbers[row] for row in rows if row in numbers])
        present = {row: after for row, after in rows.items() if after}
        fresh = count(max(numbers.values(), default=0) + 1)
        for row in present:
            if row not in numbers:
                numbers[row] = next(fresh)
        documents.insert_multiple(Document(json.loads(after), numbers[row]) for row, after in present.items())


def check_preserved(table: str, value: Any, known: Iterable[str]) -> None:
    """Check that a value is a row to preserve in the file, of a table that the contract does not have.

    Raises:
        ValueError: it is not a row, or cannot be written again.
    """
    if not has_id(value):
        raise ValueError(no_table(table, known))
    try:
        to_json(value)
    except ValueError as error:
        raise ValueError(f"cannot be read ({error})") from None


def has_id(value: Any) -> bool:
    """Whether a value can be a row of another contract: all rows have ids."""
    return isinstance(value, dict) and isinstance(value.get("id"), str) and is_id(value["id"])
