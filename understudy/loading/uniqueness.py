"""Unique fields of a table."""

from collections.abc import Mapping
from typing import Any

from understudy.contract.columns import Column
from understudy.loading.sources import Clash
from understudy.tables.table import Table


class Unique:
    """Fields that are unique together. As in SQL, a row in which one of them is null equals no other.

    The keys of all rows are in memory only while rows are loaded.
    """

    def __init__(self, table: Table, fields: tuple[str, ...]) -> None:
        columns = [Column((name,)) for name in fields]
        self._fields = fields
        self._reads = [column.reader() for column in columns]
        self._seen = {tuple(table.key(column, row) for column in columns) for row in table.live}

    def add(self, values: Mapping[str, Any]) -> None:
        """Add a row.

        Raises:
            Clash: another row has the same values.
        """
        key = tuple([read(values) for read in self._reads])
        if None in key:
            return
        if key in self._seen:
            same = " and ".join(f"the {name} `{values[name]}`" for name in self._fields)
            raise Clash(f"a row with {same} already exists")
        self._seen.add(key)
