"""Fields in which no two rows of a table are equal."""

from collections.abc import Mapping
from typing import Any

from understudy.contract.columns import Column
from understudy.loading.sources import Clash
from understudy.tables.table import Table


class Unique:
    """Some fields that are unique together. As in SQL, a row in which one of them is null is equal to none.

    The keys of all rows are held for the time of a load only.
    """

    def __init__(self, table: Table, fields: tuple[str, ...]) -> None:
        columns = [Column((name,)) for name in fields]
        self._fields = fields
        self._reads = [column.reader() for column in columns]
        self._seen = {tuple(table.key(column, row) for column in columns) for row in table.live}

    def add(self, values: Mapping[str, Any]) -> None:
        """Take another row.

        Raises:
            Clash: one with the same values is there.
        """
        key = tuple([read(values) for read in self._reads])
        if None in key:
            return
        if key in self._seen:
            same = " and ".join(f"the {name} `{values[name]}`" for name in self._fields)
            raise Clash(f"a row with {same} is there already")
        self._seen.add(key)
