"""What can still be read of a damaged store."""

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
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
from understudy.store.opening import located
from understudy.store.store import Store, check_kept
from understudy.workspaces.workspace import Workspace

BEGINNING = re.compile(r'"([^"\n]*)"\s*:\s*(?=\{)')
ROWS = re.compile(r'\{\s*(?:\}|"[1-9][0-9]{0,17}"\s*:\s*\{)')
BETWEEN = re.compile(r"[\s,{}]*")
SHOWN = 60  # characters of what cannot be read


@dataclass(frozen=True)
class Loss:
    """A row of a file that cannot be read, or what is none: where it begins, with `line` counted from 1, and why."""

    line: int
    text: str
    reason: str


def repair(path: Path, target: Path, catalog: Catalog) -> tuple[Workspace, list[Loss], list[str]]:
    """Save all rows of a damaged file that can be read to a new file.

    The damaged file stays as it is. Tables that come out empty and are made of others are made anew.

    Returns:
        The rows that are saved, what is lost, and what the contract does not have of the rows that are saved.

    Raises:
        StoreError: the file cannot be read at all, or the new one is there already or cannot be written.
    """
    target = located(target)
    if target.exists():
        raise StoreError(target, "is there already; name another with --to")
    try:
        # What is no UTF-8 becomes what no row can hold, so that it is never taken for text.
        text = read(path).removeprefix(BOM_UTF8).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise StoreError(path, f"cannot be read ({reason_of(error)})") from None
    lock = Lock(target)
    with lock.held():
        store = Store(target, catalog, lock.check)
        salvage = Salvage(text, store)
        losses = salvage.losses()
        for table, left in salvage.unserved.items():
            store.keep_unserved(table, left)
        rows = {name: table.live for name, table in store.workspace.items() if table}
        derive(store.workspace, rows, given=rows)
        store.settle()
    return store.workspace, losses, list(store.upgrade.warnings())


class Salvage:
    """Fills a store with the rows of a text.

    A row is what fits the schema of the table in whose part of the text it stands; or, since what says
    so can be damaged too, what has all fields of another table, as each row has that a store wrote.
    Where several could take it, it goes where it loses the fewest fields.

    Attributes:
        unserved: rows by their numbers, of tables that the contract does not have.
    """

    def __init__(self, text: str, store: Store) -> None:
        self._text = text
        self.unserved: dict[str, dict[int, Any]] = {}
        self._workspace = store.workspace
        self._upgrade = store.upgrade
        self._loader = Loader(store.workspace)
        self._decode = JSONDecoder().raw_decode

    def losses(self) -> list[Loss]:
        """Read all rows. Returns each row that could not be read, and what else stands between those that could."""
        losses: list[Loss] = []
        table, done, at = "", 0, 0
        failed: list[tuple[int, str]] = []  # where rows begin that cannot be read, after `done`, and why
        is_broken = False  # whether it is unknown where the last of them ends
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
                    # Behind the beginning of a broken row, only a new line surely begins another.
                    if not is_broken or self._begins_line(start):
                        failed.append((start, error.msg if isinstance(error, JSONDecodeError) else str(error)))
                    is_broken = True
                    continue
                try:
                    table = self._add(value, self._text[at:end], table, int(name))
                except ValueError as error:
                    failed.append((start, str(error)))
                    at, is_broken = end, False
                    continue
                at = end
            losses += self._lost(done, start, failed)
            done, failed, is_broken = end, [], False
        return losses + self._lost(done, len(self._text), failed)

    def _is_table(self, name: str, start: int, at: int) -> bool:
        """Whether what begins here is a table that the contract does not have: an object of numbered rows."""
        return name.isprintable() and self._begins_line(start) and bool(ROWS.match(self._text, at))

    def _add(self, value: Any, text: str, table: str, number: int) -> str:
        """Add a row, which stands in the part of a table. Returns the table of the rows behind it.

        Raises:
            ValueError: it is no row.
        """
        others = [name for name in self._workspace if name != table and self._has_all_fields(value, name)]
        if table and table not in self._workspace and not others:
            check_kept(table, value, self._workspace)
            rows = self.unserved.setdefault(table, {})
            rows[number if number not in rows else max(rows) + 1] = value
            return table
        names = [table, *others] if table in self._workspace else others
        if not names:
            raise ValueError("it is not known of which table this is a row")
        taken = [each for each in (self._taken(text, name) for name in names) if each]
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

    def _taken(self, text: str, table: str) -> tuple[str, dict[str, Any], list[str]] | None:
        """A row as a table could take it, with the fields that it would lose; None where it cannot."""
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
        """What is lost in a piece of the text: the rows that begin there, and what stands before them."""
        pieces = pairwise([(start, "this is no row"), *failed, (end, "")])
        losses = (self._loss(at, until, reason) for (at, reason), (until, _) in pieces)
        return [loss for loss in losses if loss]

    def _loss(self, start: int, end: int, reason: str) -> Loss | None:
        between = BETWEEN.match(self._text, start, end)
        first = between.end() if between else start
        if first == end:
            return None
        shown = " ".join(self._text[first:end].encode("ascii", "backslashreplace").decode().split())[:SHOWN]
        return Loss(line_at(self._text, first), shown, reason)
