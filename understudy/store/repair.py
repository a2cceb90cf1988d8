"""What can still be read of a damaged store."""

import re
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError

from understudy.contract.catalog import Catalog
from understudy.contract.contract import reason_of
from understudy.errors import StoreError
from understudy.store.document import NUMBER, line_at
from understudy.store.store import Store
from understudy.workspaces import fixtures
from understudy.workspaces.workspace import Workspace

BEGINNING = re.compile(r'"([^"\n]*)"\s*:\s*(?=\{)')
BETWEEN = re.compile(r"[\s,{}]*")
SHOWN = 60  # characters of what cannot be read


@dataclass(frozen=True)
class Loss:
    """A piece of a file in which no row can be read: where it begins, with `line` counted from 1, and why."""

    line: int
    text: str
    reason: str


def repair(path: Path, target: Path, catalog: Catalog) -> tuple[Workspace, list[Loss]]:
    """Save all rows of a damaged file that can be read to a new file, and tell what is lost.

    The damaged file stays as it is. Tables that come out empty and are made of others are made anew.

    Raises:
        StoreError: the file cannot be read at all, or the new one is there already or cannot be written.
    """
    if target.exists():
        raise StoreError(target, "is there already; name another with --to")
    try:
        # What is no UTF-8 becomes what no row can hold, so that it is never taken for text.
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise StoreError(path, f"cannot be read ({reason_of(error)})") from None
    store = Store(target, catalog)
    losses = Salvage(text, store.workspace).losses()
    fixtures.derive(store.workspace, [name for name, table in store.workspace.items() if not table])
    store.settle()
    return store.workspace, losses


class Salvage:
    """Fills a workspace with the rows of a text.

    A row is what fits the schema of the table in whose part of the text it stands; or, since what says
    so can be damaged too, what has all fields of another table, as each row has that a store wrote.
    """

    def __init__(self, text: str, workspace: Workspace) -> None:
        self._text = text
        self._workspace = workspace
        self._decode = JSONDecoder().raw_decode

    def losses(self) -> list[Loss]:
        """Read all rows. Returns what stands between those that could be read."""
        losses: list[Loss] = []
        table, reason, read, at = "", "", 0, 0
        while beginning := BEGINNING.search(self._text, at):
            name, at = beginning[1], beginning.end()
            if name in self._workspace:
                table, end = name, at
            elif NUMBER.fullmatch(name):
                try:
                    table, at = self._read_row(at, table)
                    end = at
                except (ValueError, RecursionError) as error:
                    reason = reason or (error.msg if isinstance(error, JSONDecodeError) else str(error))
                    continue
            else:
                continue
            losses += self._lost(read, beginning.start(), reason)
            read, reason = end, ""
        return losses + self._lost(read, len(self._text), reason)

    def _read_row(self, at: int, table: str) -> tuple[str, int]:
        """Add the row that begins at a character. Returns its table and where it ends.

        Raises:
            ValueError: there is no row there.
        """
        value, end = self._decode(self._text, at)
        row = self._text[at:end]
        if not self._fits(row, table):
            complete = (name for name in self._workspace if self._has_all_fields(value, name) and self._fits(row, name))
            table = next(complete, table)
        if not table:
            raise ValueError("it is not known of which table this is a row")
        fixtures.add(self._workspace[table], row)
        return table, end

    def _has_all_fields(self, value: Any, table: str) -> bool:
        return set(value) == set(self._workspace[table].schema.place.value["properties"])

    def _fits(self, row: str, table: str) -> bool:
        try:
            self._workspace[table].schema.parse(row)
        except (KeyError, ValidationError):
            return False
        return True

    def _lost(self, start: int, end: int, reason: str) -> list[Loss]:
        between = BETWEEN.match(self._text, start, end)
        first = between.end() if between else start
        if first == end:
            return []
        shown = " ".join(self._text[first:end].encode("ascii", "backslashreplace").decode().split())[:SHOWN]
        return [Loss(line_at(self._text, first), shown, reason or "this is no row")]
