"""A table: the rows of one schema, with recorded changes."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import UUID

from pyroaring import BitMap

from understudy.contract.catalog import RowSchema
from understudy.contract.columns import Column
from understudy.tables.changes import Change, Record, Replacement, unrecorded
from understudy.tables.index import Index, Key
from understudy.tables.rows import Rows

RECENT = 1000  # changes whose rows are recorded


class Table:
    """The rows of one table, each with a number, in the order in which they were added.

    `changes` counts the changes of rows; `record` is called with each change. A fork shares its rows with the original
    until one of the two is written to.
    """

    def __init__(self, schema: RowSchema, columns: Iterable[Column], record: Record = unrecorded) -> None:
        self.schema = schema
        self.changes = 0
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._record = record
        self._rows = Rows(columns)
        self._is_shared = False

    def fork(self, record: Record = unrecorded) -> "Table":
        """A copy-on-write copy of the table. `record` is called with its changes."""
        fork = Table(self.schema, (), record)
        fork.share(self.shared())
        return fork

    def __len__(self) -> int:
        return len(self._rows.live)

    # -------------------------------------------------------------------- read

    @property
    def live(self) -> BitMap:
        """The numbers of the existing rows. The caller must not change it."""
        return self._rows.live

    def find(self, id_key: Key) -> int | None:
        """The number of the row with an id, given as returned by `key_of`."""
        return self._rows.by_id.get(id_key)

    def get(self, id: UUID | None) -> dict[str, Any] | None:
        """The values of the row with an id; None without such a row, or without an id."""
        row = None if id is None else self.find(id.int)
        return None if row is None else self.values(row)

    def look_up(self, id: UUID | None) -> Mapping[str, Any] | None:
        """The same, for callers that do not change the values: other callers have the same ones."""
        row = None if id is None else self.find(id.int)
        return None if row is None else self.look(row)

    def look(self, row: int) -> Mapping[str, Any]:
        """A row's values, for callers that do not change them: other callers have the same ones."""
        return self.schema.parsed(self._rows.encoded[row])

    def encoded(self, row: int) -> bytes:
        """A row's JSON, as in responses."""
        return self._rows.encoded[row]

    def array(self, rows: Iterable[int]) -> bytes:
        """The JSON array of some rows."""
        return b"[%b]" % b",".join(map(self._rows.encoded.__getitem__, rows))

    def values(self, row: int) -> dict[str, Any]:
        """A row's values, in the order of responses."""
        return self.schema.recall(self._rows.encoded[row])

    def key(self, column: Column, row: int) -> Key:
        return self._rows.keys[column][row]

    def index(self, column: Column) -> Index:
        """The index of a column of the contract, created on first use."""
        indexes = self._rows.indexes
        if column not in indexes:
            indexes[column] = self._rows.index(column, self._rows.live)
        return indexes[column]

    def index_of(self, column: Column, rows: BitMap) -> Index:
        """An index of some rows, which is not updated by writes."""
        return self._rows.index(column, rows)

    def changed_since(self, changes: int) -> BitMap | None:
        """The numbers of the rows changed since a number of changes; None if that is no longer recorded."""
        count = self.changes - changes
        return BitMap(islice(reversed(self._recent), count)) if count <= len(self._recent) else None

    def bytes_beyond(self, other: "Table") -> int:
        """The bytes of the rows that another table, of which it may be a fork, does not share."""
        rows = other._rows  # noqa: SLF001 - of the same class
        return 0 if self._rows is rows else self._rows.bytes_beyond(rows)

    # ------------------------------------------------------------------- write

    def insert(self, values: Mapping[str, Any]) -> int:
        """Add a row of at least the fields that have no default. Returns its number."""
        return self.add(self.schema.complete(values))

    def add(self, row_values: Mapping[str, Any]) -> int:
        """Add a complete row.

        Raises:
            KeyError: a row with this id already exists.
        """
        if row_values["id"].int in self._rows.by_id:
            raise KeyError(row_values["id"])
        row, encoded = self._rows.vacancy(), self.schema.encode(row_values)
        self._touched(row).show(row, encoded, row_values)
        self._record(Change(self.schema.name, row, b"", encoded))
        return row

    def update(self, row: int, changes: Mapping[str, Any]) -> None:
        """Change fields of a row, but not its id."""
        before = self.encoded(row)
        is_whole = changes.keys() >= self.schema.fields
        values = self.schema.complete(changes if is_whole else {**self.values(row), **changes})
        after = self.schema.encode(values)
        self._touched(row).overwrite(row, after, values)
        self._record(Change(self.schema.name, row, before, after))

    def delete(self, row: int) -> None:
        before = self.encoded(row)
        self._touched(row).hide(row)
        self._record(Change(self.schema.name, row, before, b""))

    @contextmanager
    def recorded(self, record: Record) -> Iterator[None]:
        """Call `record` with each change within the block, too."""
        outer = self._record

        def both(change: Change | Replacement) -> None:
            outer(change)
            record(change)

        self._record = both
        try:
            yield
        finally:
            self._record = outer

    def undo(self, change: Change | Replacement) -> None:
        """Undo the last change. This is not recorded as a change."""
        if isinstance(change, Replacement):
            self.share(change.before)
            return
        rows = self._touched(change.row)
        if not change.before:
            rows.hide(change.row)
        elif change.after:
            rows.overwrite(change.row, change.before, self.schema.recall(change.before))
        else:
            rows.show(change.row, change.before, self.schema.recall(change.before))

    def restore(self, other: "Table") -> None:
        """Replace the rows by those of another table of the same schema, and share them until the next write."""
        before, after = self.shared(), other.shared()
        self.share(after)
        self._record(Replacement(self.schema.name, before, after))

    def shared(self) -> Rows:
        """The rows, for another table to share. The next write here copies them first."""
        self._is_shared = True
        return self._rows

    def share(self, rows: Rows) -> None:
        """Share the rows of another table until the next write."""
        self._rows, self._is_shared = rows, True
        self.changes += 1
        self._recent.clear()  # the changed rows are unknown

    def _touched(self, row: int) -> Rows:
        """The rows, to write one of them."""
        if self._is_shared:
            self._rows, self._is_shared = self._rows.copy(), False
        self.changes += 1
        self._recent.append(row)
        return self._rows


class Part:
    """Some rows of a table, with the read methods of a table."""

    def __init__(self, table: Table, rows: BitMap) -> None:
        self.live = rows
        self._table = table

    def find(self, id_key: Key) -> int | None:
        row = self._table.find(id_key)
        return row if row is not None and row in self.live else None

    def key(self, column: Column, row: int) -> Key:
        return self._table.key(column, row)

    def index(self, column: Column) -> Index:
        return self._table.index_of(column, self.live)
