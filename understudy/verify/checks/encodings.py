"""Requests in other encodings, as other clients send them. Each must get the same response."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from understudy.contract.contract import MEDIA_TYPE
from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, answered, unlike
from understudy.verify.requests.endpoint import Endpoint

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


def encodings(request: Request) -> Iterator[tuple[str, Request]]:
    """A request in other encodings, by name."""
    yield "compressed response", replace(request, headers={**request.headers, "accept-encoding": "gzip"})
    if request.path != request.operation:
        yield "escaped path", replace(request, path=escaped(request.path, request.operation))
    if request.body is not None:
        headers = {**request.headers, "content-type": f"{MEDIA_TYPE.title()}; charset=utf-8"}
        yield "media type", replace(request, headers=headers)
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


def differs(context: CheckContext, endpoint: Endpoint, plain: Request, encoded: Request) -> Broken | None:
    """How the response to a request in another encoding differs."""
    expected, found = (context.ask(endpoint, request) for request in (plain, encoded))
    if expected.status != found.status:
        return answered((plain, encoded), f"{expected.status}", found)
    bodies = [context.still(endpoint, answer.body) for answer in (expected, found)]
    return None if bodies[0] == bodies[1] else unlike((plain, encoded), *bodies)
