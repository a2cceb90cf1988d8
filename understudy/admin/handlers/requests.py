"""The requests in the journal: list, find, count and delete them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from http import HTTPStatus
from itertools import dropwhile, takewhile
from typing import Any

from understudy.admin.time_slices import in_slices
from understudy.errors import Conflict
from understudy.http.journal import Exchange
from understudy.http.journal_search import Search, full
from understudy.http.redaction import HIDDEN
from understudy.http.responses import encode
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.site import Site
from understudy.text import counted
from understudy.workspaces.workspace_names import canonical

NEAREST = 3  # similar requests that are shown when none matches
PAGE = 2**22  # bytes after which a page ends
CLEAR = "Clear it (`understudy admin clear` or DELETE /__admin/requests)"


@dataclass
class Page:
    """A page of requests, the newest first, each as JSON.

    `total`, on the first page, counts all requests found. `next` is the number that the next page is `before`; it is
    None on the last page.
    """

    requests: list[bytes] = field(default_factory=list)
    total: int | None = None
    next: int | None = None

    def encoded(self, nearest: Sequence[dict[str, Any]] = ()) -> bytes:
        rest = encode({"nearest": list(nearest), "total": self.total, "next": self.next})
        return b'{"requests":[' + b",".join(self.requests) + b"]," + rest[1:]


async def read_requests(
    site: Site,
    limit: int,
    operation: str | None = None,
    method: str | None = None,
    path: str | None = None,
    status: int | None = None,
    workspace: str | None = None,
    before: int | None = None,
    after: int | None = None,
) -> Answer:
    search = search_for(site, operation, method, path, status, workspace)
    return (await page_of(site, search, limit, before, after)).encoded()


def clear_requests(site: Site, workspace: str | None = None) -> Answer:
    site.journal.clear(None if workspace is None else canonical(workspace))
    return NO_CONTENT


async def count_requests(site: Site, body: dict[str, Any]) -> Answer:
    search = search_for(site, **body)
    check_completeness(site, search)
    return (await page_of(site, search, limit=0)).total


async def find_requests(
    site: Site, body: dict[str, Any], limit: int, before: int | None = None, after: int | None = None
) -> Answer:
    search = search_for(site, **body)
    page = await page_of(site, search, limit, before, after)
    if page.total != 0:
        return page.encoded()
    check_completeness(site, search)
    return page.encoded(await nearest(site, search))


def search_for(
    site: Site,
    operation: str | None = None,
    method: str | None = None,
    path: str | None = None,
    status: int | None = None,
    workspace: str | None = None,
    body: Any = None,
) -> Search:
    path = path and full(path, site.api.contract.base_path)
    return Search(operation, method, path, status, None if workspace is None else canonical(workspace), body)


async def page_of(site: Site, search: Search, limit: int, before: int | None = None, after: int | None = None) -> Page:
    """A page of the requests that match a search, and how many match.

    Args:
        site: the site whose journal is searched.
        search: what to look for.
        limit: the maximum number of requests on the page.
        before: only requests with a smaller number; they are then not counted.
        after: only requests with a larger number.
    """
    page, size, last = Page(total=0 if before is None else None), 0, 0
    newest = takewhile(lambda each: after is None or each.number > after, site.journal.newest())
    async for exchange in in_slices(dropwhile(lambda each: before is not None and each.number >= before, newest)):
        if not search.is_met(exchange, operation_of(site, exchange), site.api.contract.base_path):
            continue
        if page.next is None and len(page.requests) < limit and size < PAGE:
            page.requests.append(encode(shown(site, exchange)))
            size, last = size + len(page.requests[-1]), exchange.number
        elif page.next is None:
            page.next = last
        if page.total is not None:
            page.total += 1
        elif page.next is not None:
            break
    return page


async def nearest(site: Site, search: Search) -> list[dict[str, Any]]:
    """The requests that are most similar to a search, and how they differ."""
    best: list[tuple[int, Exchange]] = []
    async for exchange in in_slices(site.journal.newest()):
        if search.workspace in (None, exchange.workspace):
            distance = search.distance(exchange, operation_of(site, exchange), site.api.contract.base_path)
            best = nsmallest(NEAREST, [*best, (distance, exchange)], key=lambda candidate: candidate[0])
    return [
        {"request": shown(site, exchange), "differences": differences(site, search, exchange)} for _, exchange in best
    ]


def differences(site: Site, search: Search, exchange: Exchange) -> list[str]:
    return search.differences(exchange, operation_of(site, exchange), site.api.contract.base_path)


def shown(site: Site, exchange: Exchange) -> dict[str, Any]:
    """A request as the API shows it, without credentials."""
    found = site.table.find(exchange.method, exchange.path)
    if found is None:
        return {**exchange.as_json(), "operation": None}
    result = {**exchange.as_json(found.operation.reader.query_names), "operation": found.operation.id}
    if found.operation.issues_tokens and exchange.status == HTTPStatus.OK:
        result["answer"] = HIDDEN
    return result


def operation_of(site: Site, exchange: Exchange) -> str | None:
    found = site.table.find(exchange.method, exchange.path)
    return found and found.operation.id


def check_completeness(site: Site, search: Search) -> None:
    """Check that a count, or a search without result, is certain.

    Raises:
        Conflict: the journal is off, or has dropped requests that may match.
    """
    journal = site.journal
    if not journal.size:
        raise Conflict("The journal is off. Start the server with --journal N, where N is more than 0.")
    dropped = journal.dropped.of(search.workspace)
    if not dropped:
        return
    if journal.is_out_of_bytes:
        raise Conflict(
            f"The journal is full, with {counted(len(journal), 'requests')} in {journal.capacity // 2**20} MiB, and "
            f"has dropped {dropped} that may match. {CLEAR} before the requests to check."
        )
    raise Conflict(
        f"The journal holds at most {counted(journal.size, 'requests')} and has dropped {dropped} that may match. "
        f"{CLEAR} before the requests to check, or start the server with a larger --journal."
    )
