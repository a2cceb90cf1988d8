"""Caches that all workspaces share, so that their size is bounded."""

from dataclasses import dataclass, field

from understudy.cache import Cache
from understudy.filters.pages import PageCache
from understudy.filters.selection import Remembered

ROWS = 2**26  # bytes of criteria and of the rows that meet them; a set of a million rows takes at most 125 kB
PAGES = 2**24  # bytes of pages, including compressed ones


@dataclass(frozen=True)
class Caches:
    """The rows that meet criteria, and pages of rows."""

    rows: Remembered = field(default_factory=lambda: Cache(ROWS))
    pages: PageCache = field(default_factory=lambda: Cache(PAGES))
