"""Lists and pages: their order and their parts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

from understudy.contract.contract import Place
from understudy.reports.verdict import SEPARATOR, Rule
from understudy.sampling.answers import Order, named, rows_of, same_up_to_ties, sort_value
from understudy.sampling.random_requests import Request, names_in
from understudy.text import counted
from understudy.values import moment
from understudy.verify import rules
from understudy.verify.check_context import MOST_PAGES, CheckContext
from understudy.verify.check_results import Broken, Check
from understudy.verify.checks.metamorphic import difference_of_ids
from understudy.verify.expectations.model import Row
from understudy.verify.filtered_rows.expected_rows import Bounds
from understudy.verify.filtered_rows.selected_ids import Filters, totals_of
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.endpoint import LIMIT, OFFSET, PAGE, Endpoint, schema_of, success_of
from understudy.verify.requests.endpoint_map import Selection
from understudy.verify.requests.single_values import FAR

SIZES = (2, 5, 7, 10, 50, 100)  # usual page sizes
TILES = 6  # pages that a whole list is divided into
PAGES = 5  # the approximate number of pages of a list, each of which is requested
FILTERED = 1  # further filtered lists that are sorted and paged, besides the one with most rows
ALL_SIZES, SOME_SIZES = 3, 1  # sizes of pages that are requested of a list
FEW_PLACES = 4  # pages to request in other orders: one in the middle, the last two, and one beyond
DESCENDING = "-"

T = TypeVar("T")


class Listing:
    """The rows that filters select, in an order.

    Args:
        word: the value of the sort in the contract.
        is_said: whether the request states the sort, rather than using the default.
    """

    def __init__(
        self, context: CheckContext, selection: Selection, filters: Filters, word: str, *, is_said: bool = True
    ) -> None:
        name, sort = sort_of(selection)
        self.has_filters = bool(filters)
        self.context = context
        self.selection = selection
        self.body = {**filters, **({name: word} if is_said else {})}
        self.field = str(sort.value["x-sorts"][word]).removeprefix(DESCENDING)
        self.descending = sort.value["x-sorts"][word].startswith(DESCENDING)
        self.order = Order(self.field, whole_below=0)
        columns = success_of(selection.lists)["items"]["properties"]
        self._columns = [columns[name.partition("|")[0]] for name in self.field.split(",")]
        self.is_moving = self.field in context.model.moving(selection.table)
        self._subject = SEPARATOR.join([word, *names_in(filters)])
        self._whole: tuple[int, list[Row]] | None = None
        self._by_id: dict[str, Row] = {}

    def whole(self) -> list[Row]:
        """All rows, as far as they are read."""
        version = self.context.version
        if self._whole is None or self._whole[0] != version:
            rows = list(self._pages(self.selection.page_size))
            self._whole, self._by_id = (version, rows), {str(row["id"]): row for row in rows}
        return self._whole[1]

    @property
    def is_cut_off(self) -> bool:
        """Whether there are more rows than are read."""
        return len(self.whole()) >= MOST_PAGES * self.selection.page_size

    def _pages(self, size: int) -> Iterator[Row]:
        for page in range(MOST_PAGES):
            rows = self.rows({LIMIT: size, OFFSET: page * size})
            yield from rows
            if len(rows) < size:
                return

    def rows(self, cut: Filters) -> list[Row]:
        return self.context.rows(self.selection, self.selection.lists, {**self.body, **cut})

    def key(self, row: Row) -> tuple[tuple[bool, Any], ...]:
        """The sort key of a row: null sorts before any value."""
        values = [sort_value(row, name) for name in self.field.split(",")]
        columns = zip(self._columns, values, strict=True)
        return tuple((value is not None, comparable(column, value)) for column, value in columns)

    def hold(self, rule: Rule, endpoint: Endpoint, check: Check) -> None:
        self.context.results.hold(rule, endpoint.label, self._subject, check)

    def request(self, cut: Filters | None = None) -> Request:
        return self.selection.lists.request({**self.body, **(cut or {})})

    # ------------------------------------------------------------------ checks

    def is_sorted(self) -> Broken | None:
        # By a field that changes with time, only the rows of one response can be compared.
        rows = self.whole()[: self.selection.page_size] if self.is_moving else self.whole()
        keys = [self.key(row) for row in rows]
        steps = pairwise(keys)
        wrong = next((index for index, step in enumerate(steps) if step != ordered(step, self.descending)), None)
        if wrong is None:
            return None
        two = [str(sort_value(row, self.field)) for row in self.whole()[wrong : wrong + 2]]
        return Broken(
            (self.request(),), f"{two[1]} before {two[0]}", f"rows {wrong + 1} and {wrong + 2} in the opposite order"
        )

    def is_all(self) -> Broken | None:
        """Whether a list without filters has all known rows."""
        table = self.selection.table
        known, ids = frozenset(self.context.model.known[table]), frozenset(str(row["id"]) for row in self.whole())
        if table in self.context.model.partial or known == ids:
            return None
        return Broken((self.request(),), counted(len(known), "rows"), difference_of_ids(ids, Bounds(known, known)))

    def is_slice(self, cut: Filters) -> Broken | None:
        whole, rows = self.whole(), self.rows(cut)
        start, size = cut.get(OFFSET) or 0, cut.get(LIMIT)
        size = self.selection.page_size if size is None else size
        return self.unlike(self.request(cut), rows, whole[start : start + size])

    def unlike(self, request: Request, rows: Sequence[Row], expected: Sequence[Row]) -> Broken | None:
        # Rows in pages may have fewer fields than in lists, and fields that change with time have other values.
        self.whole()
        if same_up_to_ties([self._by_id.get(str(row["id"]), row) for row in rows], expected, self.order):
            return None
        return Broken(
            (self.request(), request),
            f"{counted(len(expected), 'rows')}: {ids(expected)}",
            f"{counted(len(rows), 'rows')}: {ids(rows)}",
        )

    def is_tiled(self) -> Broken | None:
        whole = self.whole()
        size = min(max(1, len(whole) // TILES), self.selection.page_size)
        cuts = [{LIMIT: size, OFFSET: start} for start in range(0, len(whole) + 1, size)]
        tiles = [str(row["id"]) for cut in cuts for row in self.rows(cut)]
        if sorted(tiles) == sorted(str(row["id"]) for row in whole):
            return None
        found = f"{counted(len(tiles), 'rows')} in {counted(len(cuts), 'pages')}, {len(set(tiles))} of them different"
        expected = f"{counted(len(whole), 'rows')}, each once"
        return Broken((self.request(), *map(self.request, cuts[:2])), expected, found)

    def is_page(self, pages: Endpoint, size: int, number: int) -> Broken | None:
        whole = self.whole()
        request = pages.request({**self.body, LIMIT: size, PAGE: number})
        page = self.context.success(pages, request)
        found = {**totals_of(pages, page), **{name: page.get(name) for name in (LIMIT, PAGE) if isinstance(page, dict)}}
        expected = {"rows": len(whole), "pages": -(-len(whole) // size) if size else 0, LIMIT: size, PAGE: number}
        if found != expected:
            return Broken((self.request(), request), f"{expected}", f"{found}")
        return self.unlike(request, rows_of(page) or [], whole[(number - 1) * size : number * size])


def check(context: CheckContext, subject: TableUnderTest) -> None:
    """Check the lists and pages of one table, with and without filters."""
    check_plain(context, subject.selection)
    for word in words(subject.selection):
        check_sort(context, subject.selection, word)
    check_filtered(context, subject)


def check_plain(context: CheckContext, selection: Selection) -> None:
    """Check lists and pages without filters, in the default order."""
    for endpoint in selection.all:
        context.results.hold(rules.REPEATABLE, endpoint.label, "", partial(is_steady, context, endpoint, {}))
        for body in (None, nulls(endpoint)):
            check_nothing = partial(is_nothing_asked, context, endpoint, body)
            context.results.hold(rules.EMPTY_FILTER, endpoint.label, "", check_nothing)
    if selection.sort is not None:
        check_default_sort(context, selection, {})


def check_sort(context: CheckContext, selection: Selection, word: str) -> None:
    """Check one order of all rows, and its pages; most page sizes only in the default order."""
    sort = sort_of(selection)[1].value
    listing, is_default = Listing(context, selection, {}, word), word == sort["default"]
    check_listing(listing, is_brief=not is_default, places=None if is_default else FEW_PLACES)
    for other, opposite in opposites(sort["x-sorts"]):
        if other == word and not listing.is_moving:
            check_reverse(listing, Listing(context, selection, {}, opposite))


def check_filtered(context: CheckContext, subject: TableUnderTest) -> None:
    """Check lists and pages with a few filters that select some rows and not others."""
    selection = subject.selection
    every = [body for bodies in subject.distinguishing_bodies.values() for body in bodies]
    own = [body for body in every if selection.own in body]
    filters = sorted(own, key=lambda body: len(subject.selected.whole(body)))[-1:]
    filters += context.random.sample(every, k=min(FILTERED, len(every)))
    distinguishing = [subject.distinguishing(name)[:1] for name in selection.filters]
    meanwhile = [each.request(body) for bodies in distinguishing for body in bodies for each in selection.all]
    for endpoint in selection.all:
        check_steady = partial(is_steady_meanwhile, context, endpoint, meanwhile)
        context.results.hold(rules.REPEATABLE, endpoint.label, "meanwhile", check_steady)
        for body in filters:
            context.results.hold(rules.REPEATABLE, endpoint.label, "", partial(is_steady, context, endpoint, body))
    for body in filters if selection.sort is not None else ():
        check_default_sort(context, selection, body)
        for listing in orders(context, selection, body):
            check_listing(listing, is_brief=True)


def check_default_sort(context: CheckContext, selection: Selection, body: Filters) -> None:
    implied = Listing(context, selection, body, sort_of(selection)[1].value["default"], is_said=False)
    implied.hold(rules.SORT, selection.lists, implied.is_sorted)


def check_listing(listing: Listing, *, is_brief: bool, places: int | None = None) -> None:
    """Check the order of a list, and its pages.

    Args:
        listing: the list.
        is_brief: whether only a few page sizes are requested.
        places: how many pages of each size are requested, the last ones; all by default.
    """
    lists, pages = listing.selection.lists, listing.selection.pages
    listing.hold(rules.SORT, lists, listing.is_sorted)
    if listing.is_cut_off or listing.is_moving:  # rows change their places between two requests
        return
    if not is_brief:  # the pages below are nearly all of a brief check
        listing.hold(rules.PAGINATION, lists, listing.is_tiled)
    if not listing.has_filters:
        listing.hold(rules.PAGINATION, lists, listing.is_all)
    length, most = len(listing.whole()), listing.selection.page_size
    for cut in last(brief_cuts(length, most), places) if is_brief else cuts(length, most):
        listing.hold(rules.PAGE, lists, partial(listing.is_slice, cut))
    if pages is not None:
        brief = last(places_of_pages(length, most, SOME_SIZES), places)
        for size, number in brief if is_brief else numbers(length, most):
            listing.hold(rules.PAGE, pages, partial(listing.is_page, pages, size, number))


def orders(context: CheckContext, selection: Selection, filters: Filters) -> Iterator[Listing]:
    """The rows that filters select, in each order."""
    return (Listing(context, selection, filters, word) for word in words(selection))


def words(selection: Selection) -> Sequence[str]:
    """The values of the sort; empty if rows have one order only."""
    return [] if selection.sort is None else list(selection.sort[1].value["x-sorts"])


def last(items: Iterable[T], most: int | None) -> list[T]:
    """The last items, at most as many as the number; all of them without one."""
    found = list(items)
    return found if most is None else found[-most:]


def cuts(length: int, most: int) -> Iterator[Filters]:
    """Limits and offsets at the ends of a list."""
    yield {LIMIT: 0}
    yield {OFFSET: 1}
    yield {OFFSET: None, LIMIT: 1}
    yield {LIMIT: None, OFFSET: 2}
    yield {LIMIT: 1, OFFSET: 1}
    yield {LIMIT: 1, OFFSET: FAR}
    yield from ({LIMIT: size} for size in (*SIZES, most - 1, most))
    yield {LIMIT: 3, OFFSET: 2}
    yield {LIMIT: most, OFFSET: max(0, length - 1)}
    yield {LIMIT: 2, OFFSET: length}
    yield {LIMIT: min(most, max(1, length // 2)), OFFSET: length // 3}
    yield from brief_cuts(length, most, ALL_SIZES)


def brief_cuts(length: int, most: int, sizes: int = SOME_SIZES) -> Iterator[Filters]:
    """The limits and offsets of pages at different places of a list."""
    for size, number in places_of_pages(length, most, sizes):
        yield {LIMIT: size, OFFSET: (number - 1) * size}


def numbers(length: int, most: int) -> Iterator[tuple[int, int]]:
    """Sizes and numbers of pages."""
    yield from ((size, 1) for size in (*SIZES, most))
    yield from ((1, FAR), (0, 1), (1, 2), (2, length or 1))
    yield from places_of_pages(length, most)


def places_of_pages(length: int, most: int, sizes: int = ALL_SIZES) -> Iterator[tuple[int, int]]:
    """Sizes and numbers of pages at different places of a list: the first ones, one in the middle, the last two, and
    one beyond the end.

    With the first size the last page is not full, with the second it is, and with the third there are many pages.
    """
    for size in sizes_of_pages(length, most)[:sizes]:
        last = max(1, -(-length // size))
        yield from ((size, number) for number in sorted({1, 2, 3, last // 2 + 1, max(1, last - 1), last, last + 1}))


def sizes_of_pages(length: int, most: int) -> list[int]:
    """Page sizes: one for about five pages, the last not full; one for full pages only; and one for many pages."""
    few = min(most, max(1, length // PAGES))
    uneven = next((size for size in range(few, length) if length % size), few)
    even = next((size for size in range(few, length) if not length % size), min(most, max(1, length)))
    return list(dict.fromkeys([min(most, uneven), min(most, even), 1]))


def is_steady(context: CheckContext, endpoint: Endpoint, body: Filters) -> Broken | None:
    request = endpoint.request(body)
    first, again = context.ask(endpoint, request), context.ask(endpoint, request)
    return context.difference(endpoint, (request, request), (first, again))


def is_steady_meanwhile(context: CheckContext, endpoint: Endpoint, others: Sequence[Request]) -> Broken | None:
    """Whether a response is the same before and after other requests."""
    request = endpoint.request({})
    first = context.ask(endpoint, request)
    for other in others:
        context.throttled_client.ask(other)
        again = context.ask(endpoint, request)
        if (broken := context.difference(endpoint, (request, other, request), (first, again))) is not None:
            return broken
    return None


def nulls(endpoint: Endpoint) -> Filters:
    """The body with null for every property."""
    return dict.fromkeys(schema_of(endpoint).value["properties"])


def is_nothing_asked(context: CheckContext, endpoint: Endpoint, body: Filters | None) -> Broken | None:
    """Whether a body without criteria gets the same response as an empty one."""
    plain, request = endpoint.request({}), endpoint.request(body)
    first, second = context.ask(endpoint, plain), context.ask(endpoint, request)
    return context.difference(endpoint, (plain, request), (first, second))


def sort_of(selection: Selection) -> tuple[str, Place]:
    """The name of the sort, and its schema.

    Raises:
        ContractError: rows come in one order only.
    """
    if selection.sort is None:
        raise selection.lists.place.error("needs a sort")
    return selection.sort


def opposites(sorts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The values of the sort for ascending and descending order by one field."""
    for word, field in sorts.items():
        yield from ((word, other) for other, against in sorts.items() if against == f"{DESCENDING}{field}")


def check_reverse(listing: Listing, other: Listing) -> None:
    def is_reverse() -> Broken | None:
        if listing.is_cut_off:
            return None
        return other.unlike(listing.request(), list(reversed(listing.whole())), other.whole())

    listing.hold(rules.REVERSE, listing.selection.lists, is_reverse)


def ordered(keys: tuple[Any, Any], descending: bool) -> tuple[Any, Any]:
    first, second = sorted(keys, reverse=descending)
    return first, second


def ids(rows: Sequence[Row]) -> str:
    return named(str(row["id"]) for row in rows)


def comparable(place: Place, value: Any) -> Any:
    """A value for sorting: ids and times are parsed, so that their spelling does not matter."""
    kind = place.value.get("format")
    if value is None:
        return 0
    return UUID(value) if kind == "uuid" else moment(value) if kind == "date-time" else value
