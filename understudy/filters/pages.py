"""Pages of rows as JSON, remembered until a table changes that they depend on."""

from collections.abc import Mapping
from dataclasses import dataclass

from understudy.cache import Cache
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.filters.selection import Selection, Tables, beyond, size_of


class Page(bytes):
    """The JSON array of some rows. `compressed` is its gzip form, once a client has asked for that."""

    compressed: bytes | None = None


@dataclass(frozen=True)
class KnownPage:
    """A page, and how many changes the tables had seen that it depends on."""

    page: Page
    changes: Mapping[str, int]


PageCache = Cache[tuple[object, str, Criteria, Sort, int, int], KnownPage]
"""Pages, by whose tables they are of, and by what selects them."""


class Pages:
    """Makes pages, and remembers them.

    Args:
        tables: the tables of the rows, by name.
        selection: finds the rows of these tables.
        cache: what is remembered, also of other tables.
    """

    def __init__(self, tables: Tables, selection: Selection, cache: PageCache) -> None:
        self._cache = cache
        self._tables = tables
        self._selection = selection
        self._owner = object()  # tells the pages of these tables from those of others

    def page(self, table: str, criteria: Criteria, sort: Sort, limit: int, offset: int) -> Page:
        """At most `limit` of the rows that meet criteria, in order, after the first `offset`."""
        key = (self._owner, table, criteria, sort, limit, offset)
        known = self._cache.get(key)
        if known is not None and all(self._tables[name].changes == seen for name, seen in known.changes.items()):
            return known.page
        page = Page(self._tables[table].array(self.rows(table, criteria, sort, limit, offset)))
        changes = {name: self._tables[name].changes for name in (table, *beyond(criteria))}
        # The compressed form is smaller, and is counted from the start as if it were there.
        self._cache.put(key, KnownPage(page, changes), size_of(criteria) + 2 * len(page))
        return page

    def rows(self, table: str, criteria: Criteria, sort: Sort, limit: int, offset: int) -> list[int]:
        """The numbers of these rows."""
        rows = self._selection.rows(table, criteria)
        return self._tables[table].index(sort.column).page(rows, sort.descending, offset, limit)
