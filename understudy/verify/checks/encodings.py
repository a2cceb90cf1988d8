"""Requests as other clients send them: in other encodings, and to paths with a slash too many or too few."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from understudy.contract.contract import MEDIA_TYPE
from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, answered
from understudy.verify.checks import same_rows
from understudy.verify.requests.endpoint import Endpoint

REDIRECT = 307
REQUESTS = 3  # of which the one with the largest response is sent in other encodings


def check(context: CheckContext, endpoint: Endpoint) -> None:
    """Check the encodings of a request to an operation that only reads."""
    drawn = context.random_reads().requests(endpoint, REQUESTS)
    answers = [(request, context.ask(endpoint, request)) for request in drawn]
    successes = [(len(repr(answer.body)), request) for request, answer in answers if answer.is_success]
    if not successes:
        return
    _, request = max(successes, key=lambda each: each[0])
    for name, encoded in encodings(request):
        context.results.hold(
            rules.ENCODING, endpoint.label, name, partial(differs, context, endpoint, request, encoded)
        )
    if context.is_lenient and context.mirror is not None and request.body is not None:
        plain = replace(request, headers={**request.headers, "content-type": "text/plain"})
        same_rows.hold(context, context.mirror, endpoint, plain, "plain text")
    context.results.hold(rules.REDIRECT, endpoint.label, "", partial(is_redirected, context, request))


def encodings(request: Request) -> Iterator[tuple[str, Request]]:
    """A request in other encodings, by name."""
    yield "compressed response", replace(request, headers={**request.headers, "accept-encoding": "gzip"})
    if request.path != request.operation:
        yield "escaped path", replace(request, path=escaped(request.path, request.operation))
    if request.body is not None:
        for media_type in (f"{MEDIA_TYPE.title()}; charset=utf-8", "application/vnd.api+json"):
            yield "media type", replace(request, headers={**request.headers, "content-type": media_type})
        yield "escaped body", replace(request, content=spaced(request.body).encode())


def escaped(path: str, operation: str) -> str:
    """A path whose parameters have their last character percent-encoded, unless another one is."""
    way, question, query = path.partition("?")
    parts = [
        f"{part[:-1]}%{ord(part[-1]):02X}" if name.startswith("{") and part and "%" not in part else part
        for part, name in zip(way.split("/"), operation.split("/"), strict=True)
    ]
    return "/".join(parts) + question + query


def spaced(body: Any) -> str:
    """JSON with line ends and spaces, with escapes for what is not ASCII, and with the keys of an object reversed."""
    return json.dumps(dict(reversed(body.items())) if isinstance(body, dict) else body, indent=1)


def is_redirected(context: CheckContext, plain: Request) -> Broken | None:
    """Whether a path with a slash too many or too few is redirected to the right one."""
    way, question, query = plain.path.partition("?")
    other = way[:-1] if way.endswith("/") else f"{way}/"
    request = replace(plain, path=f"{other}{question}{query}")
    answer = context.throttled_client.ask(request)
    location = urlsplit(answer.headers.get("location", ""))
    is_right = unquote(location.path).endswith(unquote(way)) and parse_qsl(location.query) == parse_qsl(query)
    if answer.status == REDIRECT and is_right:
        return None
    return Broken((request,), f"{REDIRECT} to {plain.path}", f"{answer.status} to {location.geturl() or 'nothing'}")


def differs(context: CheckContext, endpoint: Endpoint, plain: Request, encoded: Request) -> Broken | None:
    """How the response to a request in another encoding differs."""
    expected, found = (context.ask(endpoint, request) for request in (plain, encoded))
    if expected.status != found.status:
        return answered((plain, encoded), f"{expected.status}", found)
    return context.difference(endpoint, (plain, encoded), (expected, found))
