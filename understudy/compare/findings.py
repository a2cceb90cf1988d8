"""Sends the same requests to two servers, and finds where their responses differ."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx

from understudy.compare.differences import Difference, difference
from understudy.compare.id_mapping import SAME, IdMapping
from understudy.sampling.answers import Answer
from understudy.sampling.counterparts import are_alike
from understudy.sampling.moving_fields import STILL, Moving
from understudy.sampling.random_requests import Request, names_in
from understudy.sampling.sending import ask
from understudy.sampling.shrinking import smallest

SHRINKING = 150  # requests to shrink one finding, at most


@dataclass(frozen=True)
class Finding:
    """A request to which two servers respond differently."""

    requests: tuple[Request, Request]
    difference: Difference
    answers: tuple[Answer, Answer]

    @property
    def request(self) -> Request:
        """The request to the first server; the one to the second may have other ids."""
        return self.requests[0]

    @property
    def cause(self) -> tuple[str, str, tuple[str, ...]]:
        """The key to group findings by: the operation, the kind of difference, and the names in the body."""
        return self.request.operation, self.difference.kind, tuple(sorted(names_in(self.request.body)))


def compare(
    first: httpx.Client,
    second: httpx.Client,
    requests: Iterable[Request],
    mapping: IdMapping = SAME,
    moving: Moving = STILL,
) -> Iterator[Finding | None]:
    """For each request, a shrunk finding, or None if the responses agree, apart from what is `moving`.

    A difference must show twice: between two requests, a second can begin that an error names.
    """
    for request in requests:
        finding = found(first, second, request, mapping, moving)
        finding = finding and found(first, second, request, mapping, moving)
        yield finding and shrunk(first, second, finding, mapping, moving)


def found(
    first: httpx.Client, second: httpx.Client, request: Request, mapping: IdMapping, moving: Moving
) -> Finding | None:
    requests = request, mapping.request(request)
    answers = moving.still(ask(first, requests[0])), moving.still(mapping.answer(ask(second, requests[1])))
    apart = difference(*answers, mapping.order(request.order, answers[0].body))
    if apart is None or (moving.is_whole(request) and are_alike(*(answer.body for answer in answers))):
        return None
    return Finding(requests, apart, answers)


def shrunk(first: httpx.Client, second: httpx.Client, finding: Finding, mapping: IdMapping, moving: Moving) -> Finding:
    """The finding with the smallest body that shows the same kind of difference."""

    def at(body: Any) -> Finding | None:
        return found(first, second, replace(finding.request, body=body), mapping, moving)

    def shows(body: Any) -> bool:
        shorter = at(body)
        return shorter is not None and shorter.difference.kind == finding.difference.kind

    return at(smallest(finding.request.body, shows, SHRINKING)) or finding
