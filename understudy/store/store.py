"""A workspace, and the TinyDB file and its log that store it."""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError, to_json
from tinydb import TinyDB
from tinydb.table import Document

from understudy.contract.catalog import Catalog
from understudy.encoding import reason_of
from understudy.errors import StoreError, StoreWriteError
from understudy.loading import loader
from understudy.loading.loader import LoadError, no_table
from understudy.loading.sources import Source
from understudy.store.contents import Contents
from understudy.store.disk import Check
from understudy.store.file_format import Entry
from understudy.store.storage import LoggedFile
from understudy.store.upgrade import Upgrade
from understudy.tables.changes import Change, by_row
from understudy.values import is_id
from understudy.workspaces.workspace import Workspace


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
        self.changes: list[Change] = []
        self.workspace = Workspace.empty(catalog, by_row(self.changes))
        self.upgrade = Upgrade()
        self._numbers: dict[str, array[int]] = {name: array("Q") for name in catalog.tables}  # by row; 0 for none
        contents = Contents(path)
        self.written = contents.written
        rows: dict[str, dict[int, bytes]] = {name: {} for name in self.workspace}
        self._fill(contents, rows)
        self._next = {name: max(some, default=0) + 1 for name, some in rows.items()}
        self._file = LoggedFile(path, rows, contents.stamp, contents.identity, contents.log(), check)
        self._database = TinyDB(storage=lambda: self._file)

    # -------------------------------------------------------------------- read

    def _fill(self, contents: Contents, rows: dict[str, dict[int, bytes]]) -> None:
        entries = contents.entries()
        for table in [name for name in entries if name not in self.workspace]:
            left = entries.pop(table)
            rows[table] = {entry.number: self._leave(contents, entry) for entry in left}
        dropped: dict[int, tuple[str, list[str]]] = {}  # tables and fields of rows, by where these begin

        def fix(table: str, at: int, row: str, error: ValidationError) -> str:
            fixed, fields = self.upgrade.fixed(self.workspace[table].schema, row, error)
            if fields:
                dropped[at] = table, fields
            return fixed

        sources = [
            Source(table, ((entry.at, contents.json(entry)) for entry in some), str, partial(fix, table))
            for table, some in entries.items()
        ]
        try:
            loaded = loader.load(self.workspace, sources, contents.tables)
        except LoadError as error:
            raise self._refusal(contents, entries, error) from None
        for table, fields in dropped.values():
            self.upgrade.count(table, fields)
        self._take_numbers(entries, loaded.rows, rows)
        # The file has the rows that were complete, but not those that were completed or derived.
        self.changes[:] = [
            change
            for change in self.changes
            if change.table not in entries or change.row in loaded.completed[change.table]
        ]

    def _take_numbers(
        self, entries: Mapping[str, list[Entry]], loaded: Mapping[str, Sequence[int]], rows: dict[str, dict[int, bytes]]
    ) -> None:
        """Give the rows that were loaded their numbers in the file, and collect their bytes by these."""
        for table, some in entries.items():
            encoded = self.workspace[table].encoded
            for row, entry in zip(loaded[table], some, strict=True):
                self._set_number(table, row, entry.number)
                rows[table][entry.number] = encoded(row)

    def _refusal(self, contents: Contents, entries: Mapping[str, list[Entry]], error: LoadError) -> StoreError:
        """The error for rows that cannot be loaded: it is about the first one in the file."""
        first = min(error.errors, key=lambda each: each.position or 0)
        entry = next(entry for some in entries.values() for entry in some if entry.at == first.position)
        if first.is_clash or not has_id(json.loads(contents.json(entry))):
            return contents.damage(entry, first.reason)
        least = "" if error.is_complete else "at least "
        others = f". Rows that do not fit: {least}{error.rows}" if error.rows > 1 else ""
        hint = f"row {entry.number} of {entry.table} does not fit the contract; edit or delete it in the file{others}"
        return StoreError(contents.place(entry)[0], f"{first.reason}: {hint}", contents.place(entry)[1])

    def _leave(self, contents: Contents, entry: Entry) -> bytes:
        """Preserve a row of a table that only another version of the contract has.

        Raises:
            StoreError: it is not a row, or cannot be written again.
        """
        value = json.loads(contents.json(entry))
        try:
            check_preserved(entry.table, value, self.workspace)
        except ValueError as error:
            raise contents.damage(entry, str(error)) from None
        self.upgrade.leave(entry.table)
        return to_json(value)

    def keep_unserved(self, table: str, rows: Mapping[int, Any]) -> None:
        """Keep rows by their numbers, of a table that the contract does not have; `flush` brings them to the disk."""
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
        with self._errors("cannot be written"):
            self.write(changes)

    def write(self, changes: Sequence[Change]) -> None:
        """Write changes to the file, and return when they are on disk.

        Raises:
            OSError: it cannot be written. The file is not changed.
        """
        last = {(change.table, change.row): change.after for change in changes}
        rows: dict[str, dict[int, bytes]] = {}
        for (table, row), after in last.items():
            number = self._number(table, row)
            if number or after:
                rows.setdefault(table, {})[number or self._new_number(table, row)] = after
        try:
            self._file.put(rows)
        except BaseException:
            self._file.discard()
            raise

    def compact(self) -> None:
        """Rewrite the file with all that is in its log, and delete the log.

        Raises:
            StoreWriteError: it cannot be done. Nothing is lost.
        """
        with self._errors("cannot be written"):
            self._file.compact()

    def close(self) -> None:
        """Rewrite the file if it has a log, so that a person can edit it. If that fails, it is logged."""
        self._file.close()

    def delete(self) -> None:
        """Delete the file. Nothing can be written afterwards.

        Raises:
            StoreWriteError: it cannot be deleted. Nothing is changed.
        """
        with self._errors("cannot be deleted"):
            self._file.delete()

    @contextmanager
    def _errors(self, failure: str) -> Iterator[None]:
        """Within the block, an OSError is raised as a StoreWriteError about the file."""
        try:
            yield
        except OSError as error:
            raise StoreWriteError(self.path, f"{failure} ({reason_of(error)})") from None

    def _number(self, table: str, row: int) -> int:
        """The number of a row in the file; 0 if it has none."""
        numbers = self._numbers[table]
        return numbers[row] if row < len(numbers) else 0

    def _new_number(self, table: str, row: int) -> int:
        number = self._next[table]
        self._next[table] += 1
        self._set_number(table, row, number)
        return number

    def _set_number(self, table: str, row: int, number: int) -> None:
        numbers = self._numbers[table]
        if row >= len(numbers):
            numbers.extend(repeat(0, row + 1 - len(numbers)))
        numbers[row] = number


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
