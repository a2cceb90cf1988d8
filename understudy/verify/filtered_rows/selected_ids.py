"""The ids of all rows that a body selects, by every operation that selects them."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.reports.verdict import SEPARATOR
from understudy.sampling.answers import named, rows_of, shortened
from understudy.sampling.random_requests import names_in
from understudy.verify import rules
from understudy.verify.check_context import MOST_PAGES, CheckContext
from understudy.verify.check_results import Broken, TooMany
from understudy.verify.expectations.model import Row
from understudy.verify.requests.endpoint import LIMIT, OFFSET, Endpoint, success_of
from understudy.verify.requests.endpoint_map import Selection

AGREED = 3  # how many results of different lengths all operations must agree on

Filters = Mapping[str, Any]
Ids = frozenset[str]


@dataclass(frozen=True)
class Known:
    """Responses by filters: the ids of the selected rows, and their number."""

    ids: dict[str, Ids] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


class SelectedIds:
    """The responses of the operations on one table, each requested once.

    If a table is too large to know, only some rows are tested: those that are `known`, which `scope` selects.
    """

    def __init__(self, context: CheckContext, selection: Selection) -> None:
        self.context = context
        self.selection = selection
        self._known_by_version: dict[int, Known] = {}
        self._agreed: dict[str, set[int]] = defaultdict(set)
        self.scope: Filters = {}
        self.known: Ids | None = None

    def whole(self, filters: Filters) -> Ids:
        """The ids of all rows that filters select. A few times, each operation is compared with the list.

        Raises:
            Refused: there was no list.
            TooMany: there are more rows than are read.
        """
        filters = self.scoped(filters)
        ids, sizes = self.listed(filters), self._agreed[SEPARATOR.join(names_in(filters))]
        if len(ids) not in sizes and len(sizes) < AGREED:
            sizes.add(len(ids))
            self._agree(filters)
        return ids if self.known is None else ids & self.known

    def confirms(self, filters: Filters, ids: Ids) -> bool:
        """Whether filters select some rows, judged by their number and the first page.

        False if this needs as many requests as reading all rows, or proves less.
        """
        counts, size, key = self.selection.counts, self.selection.page_size, key_of(filters)
        if counts is None or self.known is not None or len(ids) <= size or key in self._here.ids:
            return False
        page = {str(row["id"]) for row in self.context.rows(self.selection, self.selection.lists, filters)}
        if len(page) != size or not page <= ids or self.count(filters) != len(ids):
            return False
        self._here.ids[key] = ids
        return True

    def rows_looked_at(self) -> list[Row]:
        """The known rows of the table that are tested: all, or some of a large table."""
        known = self.context.model.known[self.selection.table]
        return list(known.values()) if self.known is None else [known[each] for each in self.known if each in known]

    def every(self) -> Ids:
        """The ids of all rows that are tested, including those that a default of a filter hides."""
        own = self.selection.own
        parts = self.selection.filters[own].value["properties"] if own else {}
        shown = {name: None for name, part in parts.items() if "x-default" in part}
        return self.whole({own: shown} if shown else {})

    def scoped(self, filters: Filters) -> Filters:
        """Filters on a large table, restricted to some of its rows, unless they combine their criteria by `or_`."""
        own = filters.get(self.selection.own) or {}
        asked = self.scope.get(self.selection.own, {})
        if own.get("operator") == "or_" or asked.keys() & own.keys():
            return filters
        return {**filters, self.selection.own: {**own, **asked}} if asked else filters

    def is_within_scope(self, filters: Filters) -> bool:
        """Whether filters, once restricted, select only rows that are tested."""
        return self.known is None or self.scoped(filters) is not filters

    def count(self, filters: Filters) -> int:
        """How many rows filters select, as the server counts them, or else as it lists them."""
        here, key = self._here, key_of(self.scoped(filters))
        if self.selection.counts is None or key in here.ids:
            return len(self.listed(filters))
        if key not in here.counts:
            request = self.selection.counts.request(self.scoped(filters))
            count = self.context.success(self.selection.counts, request)
            here.counts[key] = count if isinstance(count, int) else 0
        return here.counts[key]

    @property
    def _here(self) -> "Known":
        """The responses for the current rows."""
        known, version = self._known_by_version, self.context.version
        if version not in known:
            kept = max(known.items(), key=lambda each: len(each[1].ids), default=None)
            known.clear()
            known.update([kept] if kept is not None else [])
            known[version] = Known()
        return known[version]

    def listed(self, filters: Filters) -> Ids:
        filters, here = self.scoped(filters), self._here
        key = key_of(filters)
        if key not in here.ids:
            here.ids[key] = self._read(filters)
        return here.ids[key]

    def _read(self, filters: Filters) -> Ids:
        return frozenset(str(row["id"]) for row in self.read(filters))

    def read(self, filters: Filters) -> list[Row]:
        """All rows that filters select.

        Raises:
            Refused: there was no list.
            TooMany: there are more rows than are read.
        """
        size = self.selection.page_size
        rows = self.context.rows(self.selection, self.selection.lists, filters)
        for page in range(1, MOST_PAGES + 1):
            if len(rows) < page * size:
                return rows
            following = {**filters, LIMIT: size, OFFSET: page * size}
            rows += self.context.rows(self.selection, self.selection.lists, following)
        raise TooMany

    def _agree(self, filters: Filters) -> None:
        subject = SEPARATOR.join(names_in(filters))
        if (counts := self.selection.counts) is not None:
            self.context.results.hold(rules.COUNT, counts.label, subject, lambda: self.miscounted(counts, filters))
        if (pages := self.selection.pages) is not None:
            self.context.results.hold(rules.PAGE, pages.label, subject, lambda: self.mispaged(pages, filters))

    def miscounted(self, counts: Endpoint, filters: Filters) -> Broken | None:
        filters = self.scoped(filters)
        request, length = counts.request(filters), len(self.listed(filters))
        known = self._here.counts.get(key_of(filters))
        count = self.context.success(counts, request) if known is None else known
        return (
            None
            if count == length
            else Broken((self.selection.lists.request(filters), request), f"{length}", f"{count}")
        )

    def mispaged(self, pages: Endpoint, filters: Filters) -> Broken | None:
        filters = self.scoped(filters)
        request, ids = pages.request(filters), self.listed(filters)
        page = self.context.success(pages, request)
        shown = {str(row["id"]) for row in rows_of(page) or ()}
        size = self.selection.page_size
        found = totals_of(pages, page)
        expected = {"rows": len(ids), "pages": -(-len(ids) // size)}
        if found != expected:
            return Broken((self.selection.lists.request(filters), request), f"{expected}", f"{found}")
        if len(shown) != min(len(ids), size) or not shown <= ids:
            others = sorted(shown ^ ids)
            requests = self.selection.lists.request(filters), request
            return Broken(requests, "the rows of the list", f"others: {named(others)}")
        return None


def totals_of(pages: Endpoint, page: Any) -> dict[str, Any]:
    """The total numbers that a page shows, as the contract defines its fields (`x-counts`)."""
    fields = success_of(pages)["properties"]
    return {
        place.value["x-counts"]: page.get(name) if isinstance(page, dict) else shortened(page)
        for name, place in fields.items()
        if "x-counts" in place.value
    }


def key_of(filters: Filters) -> str:
    return json.dumps(filters, sort_keys=True)
