"""A workspace: a set of tables, and operations across tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pyroaring import BitMap

from understudy.contract.catalog import CASCADE, SET_NULL, Catalog
from understudy.contract.columns import ID, Column
from understudy.filters.criteria import Criteria
from understudy.filters.pages import Page, Pages
from understudy.filters.query import Sort
from understudy.filters.selection import Selection
from understudy.tables.changes import Change, Record, Replacement, unrecorded
from understudy.tables.table import Table
from understudy.text import counted
from understudy.workspaces.outbox import Outbox
from understudy.workspaces.shared_caches import Caches

Derived = TypeVar("Derived")


class Watched(Mapping[str, Table]):
    """Tables; the names of those that are used are added to `used`."""

    def __init__(self, tables: Mapping[str, Table], used: set[str]) -> None:
        self._tables = tables
        self._used = used

    def __getitem__(self, name: str) -> Table:
        self._used.add(name)
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class Workspace(Mapping[str, Table]):
    """Tables by name.

    Args:
        tables: the tables.
        caches: the caches to use; new ones by default. Forks share them.

    Attributes:
        has_services: whether services run, so that handlers can leave something to them.
        outbox: takes what an operation sends to other servers.
    """

    def __init__(self, tables: Mapping[str, Table], caches: Caches | None = None) -> None:
        self._tables = tables
        self._derived: dict[Callable[[Workspace], Any], Any] = {}
        self.has_services = False
        self.outbox = Outbox()
        self.share(Caches() if caches is None else caches)

    def share(self, caches: Caches) -> None:
        """Use caches that other workspaces use too."""
        self._caches = caches
        self._selection = Selection(self._tables, caches.rows)
        self._pages = Pages(self._tables, self._selection, caches.pages)

    @contextmanager
    def watched(self) -> Iterator[set[str]]:
        """The names of the tables that are used within the block, in which caches are bypassed."""
        tables, caches, derived, used = self._tables, self._caches, self._derived, set[str]()
        self._tables, self._derived = Watched(tables, used), {}
        self.share(Caches())
        try:
            yield used
        finally:
            self._tables, self._derived = tables, derived
            self.share(caches)

    @classmethod
    def empty(cls, catalog: Catalog, record: Record = unrecorded) -> "Workspace":
        """The tables of a catalog, without rows. `record` is called with each change of a row."""
        tables = catalog.tables.items()
        return cls({name: Table(schema, catalog.columns[name], record) for name, schema in tables})

    def fork(self, record: Record = unrecorded) -> "Workspace":
        """A copy-on-write copy of the workspace, which only takes memory for its changes."""
        return Workspace({name: table.fork(record) for name, table in self.items()}, self._caches)

    def restore(self, other: "Workspace") -> None:
        """Replace the rows by those of another workspace, which may change afterwards."""
        for name, table in self.items():
            table.restore(other[name])

    def undo(self, changes: Sequence[Change | Replacement]) -> None:
        """Undo the last changes."""
        for change in reversed(changes):
            self._tables[change.table].undo(change)

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def derived(self, make: Callable[["Workspace"], Derived]) -> Derived:
        """What `make` derives from the rows, created on first use. It follows their changes (`Table.changed_since`)."""
        if make not in self._derived:
            self._derived[make] = make(self)
        made: Derived = self._derived[make]
        return made

    def counts(self) -> str:
        """The number of rows by table, as a text."""
        return ", ".join(counted(len(table), name) for name, table in self.items() if table) or "no rows"

    def select(self, table: str, criteria: Criteria) -> BitMap:
        """The rows of a table that meet criteria. The caller must not change them."""
        return self._selection.rows(table, criteria)

    def count(self, table: str, criteria: Criteria) -> int:
        return len(self.select(table, criteria))

    def first(self, table: str, criteria: Criteria, sort: Sort, limit: int, offset: int = 0) -> list[int]:
        """At most `limit` of the rows that meet criteria, in order, after the first `offset`."""
        return self._pages.rows(table, criteria, sort, limit, offset)

    def page(self, table: str, criteria: Criteria, sort: Sort, limit: int, offset: int = 0) -> Page:
        """The same rows, as the JSON array of a response."""
        if self._tables[table].schema.is_shown_as_stored:
            return self._pages.page(table, criteria, sort, limit, offset)
        rows = self.first(table, criteria, sort, limit, offset)
        return Page(b"[%b]" % b",".join(self.shown(table, row) for row in rows))

    def shown(self, table: str, row: int) -> bytes:
        """The JSON of a row as responses show it."""
        target = self._tables[table]
        return target.schema.shown(self._tables, target.encoded(row))

    def delete(self, table: str, rows: Iterable[int]) -> None:
        """Delete rows, and apply `x-on-delete` to the rows that reference them."""
        target = self._tables[table]
        for row in list(rows):
            if row not in target.live:
                continue  # circular references lead here more than once
            key = target.key(ID, row)
            target.delete(row)
            for owner in self._tables.values():
                for name, reference in owner.schema.references.items():
                    if reference.table == table:
                        self._release(owner, name, reference.on_delete, key)

    def _release(self, owner: Table, name: str, on_delete: str | None, key: int) -> None:
        if on_delete is None:
            return
        rows = list(owner.index(Column((name,))).rows(key))
        if on_delete == CASCADE:
            self.delete(owner.schema.name, rows)
        if on_delete == SET_NULL:
            for row in rows:
                owner.update(row, {name: None})
