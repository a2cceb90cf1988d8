"""The content of a table: encoded rows, their keys, and indexes of the keys."""

from collections.abc import Iterable, Mapping
from itertools import chain, compress, repeat
from operator import is_not
from typing import Any

from pyroaring import BitMap

from understudy.contract.columns import ID, Column
from understudy.tables.index import NOTHING, Built, Ids, Index, Key

MOST_VACANT = 10_000  # numbers, however few rows there are

Plain = tuple[list[bytes], list[tuple[tuple[Any, ...], list[Key]]]]
"""The JSON of rows, and their keys by the fields of each column."""


class Rows:
    """Numbered rows. `live` has the numbers of existing rows; `encoded` is empty for other numbers."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self.live = BitMap()
        self.vacant = BitMap()  # numbers of deleted rows
        self.encoded: list[bytes] = []
        self.by_id: dict[int, int] = {}
        self.keys: dict[Column, list[Key]] = {column: [] for column in columns}
        self.indexes: dict[Column, Index] = {}
        self._readers = [(column.reader(), keys) for column, keys in self.keys.items()]

    def plain(self) -> Plain:
        """The rows as plain values, to be stored. There must be no deleted rows among them."""
        return self.encoded, [(tuple(column), keys) for column, keys in self.keys.items()]

    @classmethod
    def of(cls, plain: Plain) -> "Rows":
        """The rows of plain values."""
        encoded, keys = plain
        made = cls(())
        made.keys = {Column(*column): own for column, own in keys}
        made.encoded, made.live = encoded, BitMap(range(len(encoded)))
        made.by_id = dict(zip(made.keys[ID], range(len(encoded)), strict=True))
        made._readers = [(column.reader(), own) for column, own in made.keys.items()]
        return made

    def copy(self) -> "Rows":
        """An independent copy of the rows."""
        copied = Rows(self.keys)
        copied.live, copied.vacant = self.live.copy(), self.vacant.copy()
        copied.encoded, copied.by_id = self.encoded.copy(), self.by_id.copy()
        for column, keys in self.keys.items():
            copied.keys[column] += keys
        for column, index in self.indexes.items():
            copied.indexes[column] = copied.index(column, copied.live, index.built())
        return copied

    def bytes_beyond(self, other: "Rows") -> int:
        """The bytes of the rows that another table does not share under the same numbers."""
        differs = map(is_not, self.encoded, chain(other.encoded, repeat(None)))
        return sum(map(len, compress(self.encoded, differs)))

    def index(self, column: Column, rows: BitMap, built: Built = NOTHING) -> Index:
        """A new index of some rows."""
        keys = self.keys[column]
        return Ids(keys, rows, self.by_id.get, built) if column == ID else Index(keys, rows, built)

    def vacancy(self) -> int:
        """A number for a new row. It is larger than those of all rows, so that rows of the same key stay in order of
        creation.

        Once most numbers are vacant, they are used again, since each takes memory.
        """
        if len(self.vacant) > max(MOST_VACANT, len(self.live)):
            return self.vacant.min()
        return self.live.max() + 1 if self.live else 0

    def show(self, row: int, encoded: bytes, values: Mapping[str, Any]) -> None:
        """Put a row under a free number."""
        while len(self.encoded) < row:
            self._append(b"", None)
        if row == len(self.encoded):
            self._append(encoded, values)
        else:
            self.encoded[row] = encoded
            for read, keys in self._readers:
                keys[row] = read(values)
            self.vacant.discard(row)
        self.by_id[self.keys[ID][row]] = row
        self.live.add(row)
        for index in self.indexes.values():
            index.add(row)

    def _append(self, encoded: bytes, values: Mapping[str, Any] | None) -> None:
        """Append a number, with or without a row."""
        if values is None:
            self.vacant.add(len(self.encoded))
        self.encoded.append(encoded)
        for read, keys in self._readers:
            keys.append(None if values is None else read(values))

    def hide(self, row: int) -> None:
        for index in self.indexes.values():
            index.discard(row)
        self.live.discard(row)
        del self.by_id[self.keys[ID][row]]
        self.encoded[row] = b""
        self.vacant.add(row)

    def overwrite(self, row: int, encoded: bytes, values: Mapping[str, Any]) -> None:
        """Change a row without changing its id."""
        self.encoded[row] = encoded
        for (column, own), (read, _) in zip(self.keys.items(), self._readers, strict=True):
            key = read(values)
            if key != own[row]:
                self._replace(column, row, key)

    def _replace(self, column: Column, row: int, key: Key) -> None:
        index = self.indexes.get(column)
        if index is not None:
            index.discard(row)
        self.keys[column][row] = key
        if index is not None:
            index.add(row)
