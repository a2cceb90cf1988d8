"""Requests of web pages of another origin (CORS)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from uuid import UUID

from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import Selection

FIRST, OTHERS = slice(3), slice(3, None)  # lists whose requests are checked first, and later
PAGE = {"origin": "https://page.understudy.example"}
ALLOWED, METHODS = "access-control-allow-origin", "access-control-allow-methods"


def check(context: CheckContext, selections: Iterable[Selection]) -> None:
    """Check that a page can send all requests, and read all responses, if it can read those of valid requests.

    Which origins a server allows is a setting. It is the same for all of its operations.
    """
    chosen = list(selections)
    valid = (context.throttled_client.ask(valid_request(each.lists)) for each in chosen)
    allowed = next((answer.headers[ALLOWED] for answer in valid if ALLOWED in answer.headers), None)
    for selection in chosen if allowed is not None else ():
        for name, endpoint, request in requests(context, selection):
            is_read = partial(is_readable, context, request, allowed)
            context.results.hold(rules.CROSS_ORIGIN, endpoint.label, name, is_read)
        preflight = partial(is_permitted, context, selection.lists)
        context.results.hold(rules.CROSS_ORIGIN, selection.lists.label, "preflight", preflight)


def requests(context: CheckContext, selection: Selection) -> Iterator[tuple[str, Endpoint, Request]]:
    """Requests of a page, with the operation and what is special about each: the list, and each kind of error."""
    lists, valid = selection.lists, valid_request(selection.lists)
    yield "", lists, valid
    yield "invalid body", lists, replace(valid, content=b"{")
    yield "method", lists, replace(valid, method="TRACE", body=None)
    for lookup in context.endpoint_map.reads:
        if lookup.table == selection.table and lookup.field == "id":
            stranger = UUID(int=context.random.getrandbits(128), version=4)
            yield "no match", lookup.endpoint, replace(lookup.request(str(stranger)), headers=PAGE)


def valid_request(endpoint: Endpoint) -> Request:
    return replace(endpoint.request({}), headers=PAGE)


def is_readable(context: CheckContext, request: Request, allowed: str | None) -> Broken | None:
    """Whether a response allows the same origin as others, so that a page of that origin can read it."""
    answer = context.throttled_client.ask(request)
    found = answer.headers.get(ALLOWED)
    if found == allowed:
        return None
    return Broken((request,), f"{ALLOWED}: {allowed}", f"{answer.status}, {ALLOWED}: {found or 'missing'}")


def is_permitted(context: CheckContext, endpoint: Endpoint) -> Broken | None:
    """Whether a browser is permitted to send JSON to an operation. It sends a preflight request first."""
    headers = {
        **PAGE,
        "access-control-request-method": endpoint.method,
        "access-control-request-headers": "content-type",
    }
    request = Request("OPTIONS", endpoint.path, endpoint.path, headers=headers)
    answer = context.throttled_client.ask(request)
    methods = {method.strip() for method in answer.headers.get(METHODS, "").split(",")}
    if answer.is_success and ALLOWED in answer.headers and not methods.isdisjoint((endpoint.method, "*")):
        return None
    found = f"{answer.status}, {METHODS}: {answer.headers.get(METHODS, 'missing')}"
    return Broken((request,), f"200, {METHODS}: {endpoint.method}", found)
