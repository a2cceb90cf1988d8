"""Rows that no list shows whole: those of views, below rows of other tables, and of large tables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from understudy.sampling.answers import Answer, Row, rows_of
from understudy.sampling.random_requests import Request
from understudy.verify.expectations.model import Model
from understudy.verify.requests.endpoints import LIMIT, OFFSET, Endpoint, EndpointMap, Lookup, schema_of

MOST_PAGES = 50  # that are read of a list
MOST_PARENTS = 50  # rows of another table, below which rows are listed


@dataclass(frozen=True)
class Listed:
    """A request to a list, and the rows in its response."""

    request: Request
    rows: tuple[Row, ...]


class Unknown(Exception):
    """The rows of a table cannot be read, or are too many."""


class OtherRows:
    """Reads such rows.

    Args:
        endpoint_map: the operations.
        ask: sends a request.
    """

    def __init__(self, endpoint_map: EndpointMap, ask: Callable[[Request], Answer]) -> None:
        self._map = endpoint_map
        self._ask = ask

    def read(self, model: Model) -> dict[str, list[Listed]]:
        """The lists by table; without tables whose rows cannot be read, or are too many."""
        lists = {
            table: self._pages(selection.lists)
            for table, selection in self._map.selections.items()
            if selection.shows_views or table in model.partial
        }
        lists |= {table: self._below(model, lookup) for table, lookup in self._map.children.items()}
        return {table: read for table, pages in lists.items() if (read := whole(pages)) is not None}

    def _below(self, model: Model, lookup: Lookup) -> Iterator[Listed]:
        parents = model.known[lookup.table].values()
        if lookup.table in model.partial or len(parents) > MOST_PARENTS:
            raise Unknown
        for parent in parents:
            yield from self._pages(lookup.endpoint, **{lookup.parameter: str(parent[lookup.field])})

    def _pages(self, endpoint: Endpoint, **values: str) -> Iterator[Listed]:
        size = page_size(endpoint)
        for page in range(MOST_PAGES):
            body = {LIMIT: size, OFFSET: page * size} if size is not None else None
            request = endpoint.request(body, **values)
            rows = rows_of(self._ask(request).body)
            if rows is None:
                raise Unknown
            yield Listed(request, tuple(rows))
            if size is None or len(rows) < size:
                return
        raise Unknown


def whole(pages: Iterator[Listed]) -> list[Listed] | None:
    """All pages; None if one of them cannot be read."""
    try:
        return list(pages)
    except Unknown:
        return None


def page_size(endpoint: Endpoint) -> int | None:
    """How many rows a response has at most; None if it has all."""
    if endpoint.body is None or LIMIT not in schema_of(endpoint).value.get("properties", {}):
        return None
    return int(endpoint.body["properties"][LIMIT].value["default"])
