"""What the server was asked: all of it, or what is like something."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from understudy.errors import Conflict
from understudy.http.answers import NO_CONTENT, Answer
from understudy.http.journal import Exchange
from understudy.http.search import Search
from understudy.site import Site
from understudy.workspaces.tenants import canonical

NEAREST = 3  # requests, where none is found


def read_requests(
    site: Site,
    limit: int,
    operation: str | None = None,
    method: str | None = None,
    path: str | None = None,
    status: int | None = None,
    workspace: str | None = None,
) -> Answer:
    found = matches(site, search_for(operation, method, path, status, workspace))
    return {
        "requests": [told(site, exchange) for exchange in islice(found, min(limit, site.journal.size))],
        "nearest": [],
    }


def clear_requests(site: Site, workspace: str | None = None) -> Answer:
    site.journal.clear(None if workspace is None else canonical(workspace))
    return NO_CONTENT


def count_requests(site: Site, body: dict[str, Any]) -> Answer:
    search = search_for(**body)
    check_memory(site, search)
    return sum(1 for _ in matches(site, search))


def find_requests(site: Site, body: dict[str, Any]) -> Answer:
    search = search_for(**body)
    requests = [told(site, exchange) for exchange in matches(site, search)]
    if not requests:
        check_memory(site, search)
    return {"requests": requests, "nearest": [] if requests else nearest(site, search)}


def search_for(
    operation: str | None = None,
    method: str | None = None,
    path: str | None = None,
    status: int | None = None,
    workspace: str | None = None,
    body: Any = None,
) -> Search:
    return Search(operation, method, path, status, None if workspace is None else canonical(workspace), body)


def matches(site: Site, search: Search) -> Iterator[Exchange]:
    return (exchange for exchange in site.journal.newest() if not differences(site, search, exchange))


def differences(site: Site, search: Search, exchange: Exchange) -> list[str]:
    return search.differences(exchange, operation_of(site, exchange), site.api.contract.base_path)


def nearest(site: Site, search: Search) -> list[dict[str, Any]]:
    """The requests that are least unlike what is looked for, and in what."""
    near = (each for each in site.journal.newest() if search.workspace in (None, each.workspace))
    candidates = [(exchange, differences(site, search, exchange)) for exchange in near]
    candidates.sort(key=lambda candidate: len(candidate[1]))
    return [{"request": told(site, exchange), "differences": lines} for exchange, lines in candidates[:NEAREST]]


def told(site: Site, exchange: Exchange) -> dict[str, Any]:
    return {**exchange.as_json(), "operation": operation_of(site, exchange)}


def operation_of(site: Site, exchange: Exchange) -> str | None:
    found = site.routes.find(exchange.method, exchange.path)
    return found and found.operation.id


def check_memory(site: Site, search: Search) -> None:
    """See to it that "so many" and "none" are true.

    Raises:
        Conflict: the journal is off, or has forgotten what might have counted.
    """
    journal = site.journal
    if not journal.size:
        raise Conflict("The server keeps no journal; start it with --journal and how many requests it should hold.")
    forgotten = journal.forgotten[search.workspace] if search.workspace else journal.forgotten.total()
    if forgotten:
        raise Conflict(
            f"The journal holds the last {journal.size} requests and has forgotten {forgotten} that might count. Clear "
            "it (DELETE /__admin/requests) before what you ask about, or start the server with a larger --journal."
        )
