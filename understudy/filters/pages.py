"""Pages of rows as JSON, cached until a table that they depend on changes."""

from collections.abc import Mapping
from typing import NamedTuple

from understudy.cache import Cache
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.filters.selection import Selection, Tables, beyond, size_of


class Page(bytes):
    """The JSON array of some rows. `compressed` is its gzip form, once a client has requested that."""

    compressed: bytes | None = None


class KnownPage(NamedTuple):
    """A page, and the number of changes of each table that it depends on."""

    page: Page
    changes: Mapping[str, int]


PageCache = Cache[tuple[object, str, Criteria, Sort, int, int], KnownPage]
"""Pages by the owner of their tables and the parameters of the query."""


class Pages:
    """Creates and caches pages.

    Args:
        tables: the tables of the rows, by name.
        selection: finds the rows of these tables.
        cache: the cache, which other tables may share.
    """

    def __init__(self, tables: Tables, selection: Selection, cache: PageCache) -> None:
        self._cache = cache
        self._tables = tables
        self._selection = selection
        self._owner = object()  # the key of these tables in the cache

    def page(self, table: str, criteria: Criteria, sort: Sort, limit: int, offset: int) -> Page:
        """At most `limit` of the rows that meet criteria, in order, after the first `offset`."""
        key = (self._owner, table, criteria, sort, limit, offset)
        known = self._cache.get(key)
        if known is not None and all(self._tables[name].changes == seen for name, seen in known.changes.items()):
            return known.page
        page = Page(self._tables[table].array(self.rows(table, criteria, sort, limit, offset)))
        changes = {name: self._tables[name].changes for name in (table, *beyond(criteria))}
        # The compressed form is smaller than the page, and is counted in advance.
        self._cache.put(key, KnownPage(page, changes), size_of(criteria) + 2 * len(page))
        return page

    def rows(self, table: str, criteria: Criteria, sort: Sort, limit: int, offset: int) -> list[int]:
        """The numbers of these rows."""
        rows = self._selection.rows(table, criteria)
        tie = sorted if sort.stable and sort.descending else None
        return self._tables[table].index(sort.column).page(rows, sort.descending, offset, limit, tie)
