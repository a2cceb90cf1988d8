"""Rows that no list of their table shows completely: those in views, in objects, below other rows, and of large
tables.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from understudy.sampling.answers import Answer, Row, rows_of
from understudy.sampling.random_requests import Request
from understudy.sampling.varied_rows import varied
from understudy.verify.expectations.model import Model
from understudy.verify.expectations.referred_rows import with_referrers
from understudy.verify.requests.endpoint import LIMIT, OFFSET, Endpoint, schema_of
from understudy.verify.requests.endpoint_map import EndpointMap, Lookup

MOST_PAGES = 50  # the maximum number of pages to read of a list
MOST_PARENTS = 50  # rows of another table, for each of which the rows below are read
SOME_PARENTS = 30  # how many of them are used if there are more


@dataclass(frozen=True)
class Listed:
    """A request to a list, the rows in its response, and the value that names the row that they are below."""

    request: Request
    rows: tuple[Row, ...]
    parent: str = ""


@dataclass(frozen=True)
class OtherTable:
    """What lists show of the rows of a table.

    Args:
        lists: the lists.
        are_rows: whether they show everything that Understudy needs to know of the rows.
        below: the operation that lists them below a row of another table.
        is_whole: whether they show all rows of the table, and not only those below some rows.
    """

    lists: tuple[Listed, ...]
    are_rows: bool = True
    below: Lookup | None = None
    is_whole: bool = True


class Unknown(Exception):
    """The rows of a table cannot be read, or are too many."""


class OtherRows:
    """Reads such rows.

    Args:
        endpoint_map: the operations.
        ask: sends a request.
        randomness: draws the rows below which others are read, if there are many.
    """

    def __init__(self, endpoint_map: EndpointMap, ask: Callable[[Request], Answer], randomness: Random) -> None:
        self._map = endpoint_map
        self._ask = ask
        self._random = randomness
        self._drawn: dict[str, list[str]] = {}  # the same each time, by table

    def read(self, model: Model, *, is_settled: bool) -> dict[str, OtherTable]:
        """The tables; without those whose rows cannot be read, or are too many.

        Args:
            model: the known rows.
            is_settled: whether the lists are up to date: after writes, a server may show rows later.
        """
        tables = {
            table: self._listed(selection.lists, are_rows=selection.shows_rows or selection.shows_views)
            for table, selection in self._map.selections.items()
            if not selection.shows_rows or table in model.partial
        }
        tables |= {
            table: self._listed(lists)
            for table, lists in self._map.lists.items()
            if is_settled or not lists.is_eventual
        }
        tables |= {table: self._below(model, lookup) for table, lookup in self._map.children.items()}
        return {name: table for name, table in tables.items() if table is not None}

    def _listed(self, endpoint: Endpoint, *, are_rows: bool = True) -> OtherTable | None:
        lists = whole(self._pages(endpoint))
        return None if lists is None else OtherTable(lists, are_rows)

    def _below(self, model: Model, lookup: Lookup) -> OtherTable | None:
        rows = with_referrers(model.catalog, model.known, lookup.table)
        named = {str(row[lookup.field]): row for row in rows.values()}
        is_whole = lookup.table not in model.partial and len(named) <= MOST_PARENTS
        parents = list(named) if is_whole else self._some(lookup, named)
        lists = whole(listed for parent in parents for listed in self._pages(lookup.endpoint, lookup.parameter, parent))
        return None if lists is None else OtherTable(lists, below=lookup, is_whole=is_whole)

    def _some(self, lookup: Lookup, named: Mapping[str, Row]) -> list[str]:
        """Some of the existing rows, those that were drawn first: the same rows for everything below them."""
        if lookup.table not in self._drawn:
            self._drawn[lookup.table] = varied(named, self._random, SOME_PARENTS)
        return [parent for parent in self._drawn[lookup.table] if parent in named]

    def _pages(self, endpoint: Endpoint, parameter: str = "", parent: str = "") -> Iterator[Listed]:
        values = {parameter: parent} if parameter else {}
        size, last = page_size(endpoint), None
        before: Request | None = None
        for page in range(MOST_PAGES):
            request = endpoint.request(body_of(endpoint, size, page, last), **values)
            rows = None if request == before else rows_of(self._ask(request).body)
            if rows is None:
                raise Unknown
            yield Listed(request, tuple(rows), parent)
            if len(rows) < size:
                return
            before, last = request, rows[-1]
        raise Unknown


def whole(pages: Iterator[Listed]) -> tuple[Listed, ...] | None:
    """All pages; None if one of them cannot be read."""
    try:
        return tuple(pages)
    except Unknown:
        return None


def page_size(endpoint: Endpoint) -> int:
    """How many rows a response has at most."""
    if not is_in_body(endpoint, LIMIT):
        return sys.maxsize
    return int(endpoint.lists_all.get(LIMIT) or schema_of(endpoint)["properties"][LIMIT].value["default"])


def body_of(endpoint: Endpoint, size: int, page: int, last: Row | None) -> Any:
    """The body for a page of a list.

    Args:
        endpoint: the operation.
        size: how many rows a page has.
        page: its number, from 0.
        last: the last row of the page before.
    """
    if endpoint.body is None:
        return None
    cut = {LIMIT: size, OFFSET: page * size} if is_in_body(endpoint, OFFSET) else {}
    return {**endpoint.lists_after(last), **cut}


def is_in_body(endpoint: Endpoint, name: str) -> bool:
    return endpoint.body is not None and name in endpoint.body.value.get("properties", {})
