"""Recovering the rows of a damaged store."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from itertools import pairwise
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError

from understudy.contract.catalog import Catalog
from understudy.encoding import reason_of
from understudy.errors import StoreError
from understudy.loading.derivation import derive
from understudy.loading.loader import Loader
from understudy.loading.sources import RowError
from understudy.paths import read
from understudy.store.file_format import NUMBER, line_at
from understudy.store.lock import Lock
from understudy.store.log_records import LoggedRow, Loss, Records, identity_of, read_records, shown
from understudy.store.opening import located
from understudy.store.store import Store, check_preserved
from understudy.store.write_log import log_file
from understudy.workspaces.workspace import Workspace

BEGINNING = re.compile(r'"([^"\n]*)"\s*:\s*(?=\{)')
ROWS = re.compile(r'\{\s*(?:\}|"[1-9][0-9]{0,17}"\s*:\s*\{)')
BETWEEN = re.compile(r"[\s,{}]*")


def repair(path: Path, target: Path, catalog: Catalog) -> tuple[Workspace, list[Loss], list[str]]:
    """Save all readable rows of a damaged file and its log to a new file.

    The damaged file and its log are not changed. If the log belongs to another state of the file, its rows are saved
    in spite of that: each takes the place of the file's row with its number. Derived tables without a readable row are
    derived again.

    Returns:
        The saved rows, the losses, and warnings about what the contract does not have.

    Raises:
        StoreError: the file cannot be read at all, or the new one already exists or cannot be written.
    """
    target = located(target)
    if target.exists():
        raise StoreError(target, "already exists; name another file with --to")
    try:
        # Invalid UTF-8 becomes lone surrogates, which no row can contain, so that it is never read as text.
        content, records = read(path), records_beside(path)
        text = content.removeprefix(BOM_UTF8).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise StoreError(path, f"cannot be read ({reason_of(error)})") from None
    lock = Lock(target)
    with lock.held():
        store = Store(target, catalog, lock.check)
        salvage = Salvage(text, store, records.rows)
        losses = [*salvage.losses(), *(loss._replace(log=log_file(path).name) for loss in salvage.log_losses(records))]
        for table, left in salvage.unserved.items():
            store.keep_unserved(table, left)
        rows = {name: table.live for name, table in store.workspace.items() if table}
        derive(store.workspace, rows, given=rows)
        store.flush()
    warnings = list(store.upgrade.warnings())
    if records.identities - {identity_of(content)} == records.identities != set():
        warnings.append(f"{path} was changed since its log was written; the rows of both were saved")
    return store.workspace, losses, warnings


def records_beside(path: Path) -> Records:
    """The records of the log of a file.

    Raises:
        StoreError: it cannot be read.
    """
    log = log_file(path)
    try:
        return read_records(read(log), is_lenient=True)
    except FileNotFoundError:
        return Records()
    except OSError as error:
        raise StoreError(log, f"cannot be read ({reason_of(error)})") from None


class Salvage:
    """Fills a store with the rows of a text, changed by those of its log.

    A row is a value that is valid for the table in whose part of the text it is. Since the beginning of that part can
    be damaged too, a value with all fields of another table, as a store writes them, is also a row of that table. If
    several tables match, the row goes to the one that drops the fewest of its fields.

    Attributes:
        unserved: rows by their numbers, of tables that the contract does not have.
    """

    def __init__(self, text: str, store: Store, logged: Mapping[str, Mapping[int, LoggedRow]]) -> None:
        self._text = text
        self._logged = {(table, number): row for table, rows in logged.items() for number, row in rows.items()}
        self._log_losses: list[Loss] = []
        self.unserved: dict[str, dict[int, Any]] = {}
        self._workspace = store.workspace
        self._upgrade = store.upgrade
        self._loader = Loader(store.workspace)
        self._decode = JSONDecoder().raw_decode

    def losses(self) -> list[Loss]:
        """Read all rows. Returns the text between those that could be read."""
        losses: list[Loss] = []
        table, done, at = "", 0, 0
        failed: list[tuple[int, str]] = []  # offsets of unreadable rows after `done`, and the reasons
        is_broken = False  # whether the end of the last of them is unknown
        while beginning := BEGINNING.search(self._text, at):
            name, start, at = beginning[1], beginning.start(), beginning.end()
            if name in self._workspace or self._is_table(name, start, at):
                table, end = name, at
            elif not NUMBER.fullmatch(name):
                continue
            else:
                try:
                    value, end = self._decode(self._text, at)
                except (ValueError, RecursionError) as error:
                    # After the beginning of a broken row, only a new line certainly begins another row.
                    if not is_broken or self._begins_line(start):
                        failed.append((start, error.msg if isinstance(error, JSONDecodeError) else str(error)))
                    is_broken = True
                    continue
                try:
                    table = self._add_latest(value, self._text[at:end], table, int(name))
                except ValueError as error:
                    failed.append((start, str(error)))
                    at, is_broken = end, False
                    continue
                at = end
            losses += self._lost(done, start, failed)
            done, failed, is_broken = end, [], False
        return losses + self._lost(done, len(self._text), failed)

    def log_losses(self, records: Records) -> list[Loss]:
        """Add the rows that only the log has. Returns what could not be read of it."""
        for (table, number), row in self._logged.items():
            if row.json:
                self._add_logged(row, table, number)
        return sorted([*records.losses, *self._log_losses])

    def _add_latest(self, value: Any, text: str, table: str, number: int) -> str:
        """Add a row of the text, in the state that the log has of it. Returns the table of the rows behind it.

        Raises:
            ValueError: it is not a row.
        """
        logged = self._logged.pop((table, number), None)
        if logged is not None and not logged.json:
            return table
        found = None if logged is None else self._add_logged(logged, table, number)
        return found or self._add(value, text, table, number)

    def _add_logged(self, row: LoggedRow, table: str, number: int) -> str | None:
        """Add a row of the log. Returns the table of the rows behind it; None if it is not a row."""
        try:
            return self._add(json.loads(row.json), row.json, table, number)
        except (ValueError, RecursionError) as error:
            self._log_losses.append(Loss(row.line, shown(row.json), str(error)))
            return None

    def _is_table(self, name: str, start: int, at: int) -> bool:
        """Whether what begins here is a table that the contract does not have: an object of numbered rows."""
        return name.isprintable() and self._begins_line(start) and bool(ROWS.match(self._text, at))

    def _add(self, value: Any, text: str, table: str, number: int) -> str:
        """Add a row, which stands in the part of a table. Returns the table of the rows behind it.

        Raises:
            ValueError: it is not a row.
        """
        others = [name for name in self._workspace if name != table and self._has_all_fields(value, name)]
        if table and table not in self._workspace and not others:
            check_preserved(table, value, self._workspace)
            rows = self.unserved.setdefault(table, {})
            rows[number if number not in rows else max(rows) + 1] = value
            return table
        names = [table, *others] if table in self._workspace else others
        if not names:
            raise ValueError("the table of this row is unknown")
        taken = [each for each in (self._fitted(text, name) for name in names) if each]
        if not taken:
            try:
                self._loader.add(names[0], text)  # which completes it
            except RowError as error:
                raise ValueError(error.reasons[0] if error.reasons else str(error)) from None
            return names[0]
        name, row, dropped = min(taken, key=lambda each: len(each[2]))
        self._loader.add_row(self._workspace[name], row)
        self._upgrade.count(name, dropped)
        return name

    def _fitted(self, text: str, table: str) -> tuple[str, dict[str, Any], list[str]] | None:
        """A row fitted to a table, with the names of the fields that this drops; None if it is not valid."""
        try:
            row, dropped = self._upgrade.row(self._workspace[table].schema, text)
        except ValidationError:
            return None
        return table, row, dropped

    def _has_all_fields(self, value: Any, table: str) -> bool:
        return set(self._workspace[table].schema.place.value["properties"]) <= set(value)

    def _begins_line(self, at: int) -> bool:
        return not self._text[self._text.rfind("\n", 0, at) + 1 : at].strip()

    def _lost(self, start: int, end: int, failed: list[tuple[int, str]]) -> list[Loss]:
        """The losses in a piece of the text: the rows that begin there, and the text before them."""
        pieces = pairwise([(start, "not a row"), *failed, (end, "")])
        losses = (self._loss(at, until, reason) for (at, reason), (until, _) in pieces)
        return [loss for loss in losses if loss]

    def _loss(self, start: int, end: int, reason: str) -> Loss | None:
        between = BETWEEN.match(self._text, start, end)
        first = between.end() if between else start
        if first == end:
            return None
        return Loss(line_at(self._text, first), shown(self._text[first:end]), reason)
