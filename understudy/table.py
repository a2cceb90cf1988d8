"""A table: rows as the bytes of their answers, and as keys for what is asked about them."""

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from pyroaring import BitMap

from understudy.catalog import RowSchema
from understudy.changes import Change, Record, unrecorded
from understudy.columns import ID, Column
from understudy.index import Ids, Index, Key

LATELY = 1000  # changes whose rows are known


class Table:
    """The rows of one table, each under a number that is never given again.

    `live` are the numbers of the rows there are, `changes` says how often a row came, changed or went;
    `record` is told of each change.
    """

    def __init__(self, schema: RowSchema, columns: Iterable[Column], record: Record = unrecorded) -> None:
        self.schema = schema
        self.live = BitMap()
        self.changes = 0
        self._lately: deque[int] = deque(maxlen=LATELY)
        self._record = record
        self._encoded: list[bytes] = []
        self._by_id: dict[int, int] = {}
        self._keys: dict[Column, list[Key]] = {column: [] for column in columns}
        self._readers = [(column, column.reader(), keys) for column, keys in self._keys.items()]
        self._indexes: dict[Column, Index] = {}

    def __len__(self) -> int:
        return len(self.live)

    # -------------------------------------------------------------------- read

    def find(self, id_key: Key) -> int | None:
        """The number of the row with an id, given as `key_of` makes it."""
        return self._by_id.get(id_key)

    def encoded(self, row: int) -> bytes:
        """A row's JSON, as answers show it."""
        return self._encoded[row]

    def values(self, row: int) -> dict[str, Any]:
        """A row's values, in the order of the answers."""
        return self.schema.parse(self._encoded[row])

    def key(self, column: Column, row: int) -> Key:
        return self._keys[column][row]

    def index(self, column: Column) -> Index:
        """The index of a column that the contract asks about, made when it is first asked for."""
        if column not in self._indexes:
            self._indexes[column] = self.index_of(column, self.live)
        return self._indexes[column]

    def index_of(self, column: Column, rows: BitMap) -> Index:
        """An index of some rows, which is not kept right by writes."""
        keys = self._keys[column]
        return Ids(keys, rows, self.find) if column == ID else Index(keys, rows)

    def changed_since(self, changes: int) -> BitMap | None:
        """The numbers of all rows that changed since there were so many changes; None where nobody knows any more."""
        count = self.changes - changes
        return BitMap(islice(reversed(self._lately), count)) if count <= len(self._lately) else None

    # ------------------------------------------------------------------- write

    def insert(self, values: Mapping[str, Any]) -> int:
        """Add a row of at least the fields that have no default. Returns its number."""
        return self.add(self.schema.complete(values))

    def add(self, row_values: Mapping[str, Any]) -> int:
        """Add a row that is complete already.

        Raises:
            KeyError: a row with this id is there.
        """
        row = len(self._encoded)
        if row_values["id"].int in self._by_id:
            raise KeyError(row_values["id"])
        self._encoded.append(b"")
        for _, read, keys in self._readers:
            keys.append(read(row_values))
        self._show(row, self.schema.encode(row_values))
        self._record(Change(self.schema.name, row, b"", self._encoded[row]))
        return row

    def update(self, row: int, changes: Mapping[str, Any]) -> None:
        """Change fields of a row. Its id stays."""
        before = self._encoded[row]
        values = self.schema.complete({**self.values(row), **changes})
        self._overwrite(row, self.schema.encode(values), values)
        self._record(Change(self.schema.name, row, before, self._encoded[row]))

    def delete(self, row: int) -> None:
        before = self._encoded[row]
        self._hide(row)
        self._record(Change(self.schema.name, row, before, b""))

    def undo(self, change: Change) -> None:
        """Make a row what it was before a change, the last one that was made to it. This is not recorded."""
        if not change.before:
            self._hide(change.row)
        elif change.after:
            self._overwrite(change.row, change.before, self.schema.parse(change.before))
        else:
            self._show(change.row, change.before)

    def _touch(self, row: int) -> None:
        self.changes += 1
        self._lately.append(row)

    def _show(self, row: int, encoded: bytes) -> None:
        self._touch(row)
        self._encoded[row] = encoded
        self._by_id[self._keys[ID][row]] = row
        self.live.add(row)
        for index in self._indexes.values():
            index.add(row)

    def _hide(self, row: int) -> None:
        self._touch(row)
        for index in self._indexes.values():
            index.discard(row)
        self.live.discard(row)
        del self._by_id[self._keys[ID][row]]
        self._encoded[row] = b""

    def _overwrite(self, row: int, encoded: bytes, values: Mapping[str, Any]) -> None:
        self._touch(row)
        self._encoded[row] = encoded
        for column, read, keys in self._readers:
            key = read(values)
            if key != keys[row]:
                self._replace(column, row, key)

    def _replace(self, column: Column, row: int, key: Key) -> None:
        index = self._indexes.get(column)
        if index is not None:
            index.discard(row)
        self._keys[column][row] = key
        if index is not None:
            index.add(row)


class Part:
    """Some rows of a table, to be asked what a table is asked."""

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
