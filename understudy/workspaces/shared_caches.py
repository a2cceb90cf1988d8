"""What workspaces remember together, so that its size is bounded however many there are."""

from dataclasses import dataclass, field

from understudy.cache import Cache
from understudy.filters.pages import PageCache
from understudy.filters.selection import Remembered

ROWS = 2**26  # bytes of criteria and of the rows that met them; at a million rows, these take 125 kB at the most
PAGES = 2**24  # bytes of pages, compressed ones included


@dataclass(frozen=True)
class Caches:
    """Which rows met criteria, and pages of rows."""

    rows: Remembered = field(default_factory=lambda: Cache(ROWS))
    pages: PageCache = field(default_factory=lambda: Cache(PAGES))
