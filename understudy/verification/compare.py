"""Two servers, the same requests: where their answers differ, and over what."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx

from understudy.contract.contract import MEDIA_TYPE
from understudy.errors import UnderstudyError
from understudy.text import one_line
from understudy.verification.comparison import Answer, Difference, difference
from understudy.verification.generator import Request
from understudy.verification.mapping import SAME, IdMapping
from understudy.verification.shrinking import smallest

JSON = {"content-type": MEDIA_TYPE}
SHRINKING = 150  # requests that are spent at the most on making one finding smaller


@dataclass(frozen=True)
class Finding:
    """A request that two servers answer differently."""

    requests: tuple[Request, Request]
    difference: Difference
    answers: tuple[Answer, Answer]

    @property
    def request(self) -> Request:
        """It as the first server was asked; the second may know its rows by other ids."""
        return self.requests[0]

    @property
    def cause(self) -> tuple[str, str, tuple[str, ...]]:
        """What findings are grouped by: the operation, the kind of difference, and what is asked."""
        return self.request.operation, self.difference.kind, tuple(sorted(names_in(self.request.body)))


def names_in(body: Any, way: str = "") -> Iterator[str]:
    """The names in a body, each behind the names around it, without the values."""
    if isinstance(body, dict) and body:
        for name, part in body.items():
            yield from names_in(part, f"{way}.{name}" if way else name)
    elif way:
        yield way


def ask(server: httpx.Client, request: Request) -> Answer:
    """A server's answer.

    Raises:
        UnderstudyError: there was none; the text names the server.
    """
    has_body = request.method != "GET" and request.body is not None
    # Escaped JSON: a text can hold a lone surrogate, of which httpx's own JSON cannot make bytes.
    body: dict[str, Any] = {"content": json.dumps(request.body), "headers": JSON} if has_body else {}
    try:
        response = server.request(request.method, request.path, **body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        url = str(server.base_url).rstrip("/")
        raise UnderstudyError(f"{url}: cannot be asked ({one_line(str(error)) or type(error).__name__})") from None
    return Answer(response.status_code, body_of(response))


def body_of(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return response.text


def compare(
    first: httpx.Client, second: httpx.Client, requests: Iterable[Request], mapping: IdMapping = SAME
) -> Iterator[Finding | None]:
    """For each request a finding, made as small as it goes, or None where the answers agree."""
    for request in requests:
        finding = found(first, second, request, mapping)
        yield finding and shrunk(first, second, finding, mapping)


def found(first: httpx.Client, second: httpx.Client, request: Request, mapping: IdMapping) -> Finding | None:
    requests = request, mapping.request(request)
    answers = ask(first, requests[0]), mapping.answer(ask(second, requests[1]))
    apart = difference(*answers, mapping.order(request.order))
    return None if apart is None else Finding(requests, apart, answers)


def shrunk(first: httpx.Client, second: httpx.Client, finding: Finding, mapping: IdMapping) -> Finding:
    """The finding with the smallest body that shows the same kind of difference."""

    def at(body: Any) -> Finding | None:
        return found(first, second, replace(finding.request, body=body), mapping)

    def shows(body: Any) -> bool:
        shorter = at(body)
        return shorter is not None and shorter.difference.kind == finding.difference.kind

    return at(smallest(finding.request.body, shows, SHRINKING)) or finding
