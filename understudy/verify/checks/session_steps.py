"""The requests of sessions, sent to the server and to reference servers, and how the responses differ."""

import re
import time
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from itertools import chain, repeat

from understudy.sampling.answers import Answer
from understudy.sampling.counterparts import ID
from understudy.sampling.random_requests import Request
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken
from understudy.verify.expectations.reference_answers import Difference, ReferencePair
from understudy.verify.requests.endpoint import Endpoint

PAUSE = 1.0  # seconds to wait for work that a server does after a response
PAUSES = (0.05, 0.1, 0.2, 0.4)  # seconds between repeated requests for a late response; the last is repeated
OWN = re.compile(f"{ID}(?:-[a-z])?")  # an id, or a name with an id in it


@dataclass(frozen=True)
class Step:
    """A request of a session and its response, which is only compared if it depends on no other rows."""

    endpoint: Endpoint
    request: Request
    answer: Answer
    is_compared: bool = True

    @property
    def sent(self) -> str:
        return f"{self.request.path} {self.request.body}"

    @property
    def shown(self) -> str:
        return str(self.answer.body)

    @property
    def shows_nothing(self) -> bool:
        """Whether the response is an empty list or a 404."""
        return self.answer.status == HTTPStatus.NOT_FOUND or self.answer.body == []

    @property
    def asks(self) -> set[str]:
        """The ids and names in the request."""
        return set(OWN.findall(self.sent))

    @property
    def shows(self) -> set[str]:
        """The ids and names in the response."""
        return set(OWN.findall(self.shown))


@dataclass(frozen=True)
class Finding:
    """How the response to the last of some requests differs from what is expected."""

    steps: tuple[Step, ...]
    difference: Difference

    @property
    def broken(self) -> Broken:
        requests = tuple(step.request for step in self.steps)
        return Broken(requests, self.difference.expected, self.difference.found)

    @property
    def optional(self) -> str:
        """The name of the optional service that the last response depends on."""
        return self.steps[-1].request.optional

    @property
    def waits(self) -> bool:
        """Whether some of the responses may be late."""
        return any(step.request.within for step in self.steps)

    def is_like(self, other: "Finding") -> bool:
        """Whether another finding is about the same operation, and the same fields or status."""
        one, two = self.difference, other.difference
        is_same = one.fields == two.fields if one.fields else one.expected == two.expected
        return is_same and self.steps[-1].endpoint == other.steps[-1].endpoint


def restart(context: CheckContext, references: ReferencePair, *, with_services: bool) -> None:
    """Begin with reference servers without rows, and without open streams."""
    context.throttled_client.close_streams()
    references.restart(with_services=with_services)


def ask(
    context: CheckContext, references: ReferencePair, endpoint: Endpoint, request: Request
) -> tuple[Step, Difference | None]:
    """Send a request. Returns the step, and how the response differs from what is expected, if it does."""
    expected = cache(partial(references.answers, request))
    answer = context.ask(endpoint, request, meanwhile=expected)
    return Step(endpoint, request, answer), references.difference(endpoint, request, expected(), answer)


def ask_in_time(
    context: CheckContext, references: ReferencePair, endpoint: Endpoint, request: Request
) -> tuple[Step, Difference | None]:
    """Send a request. If it changes nothing and the response may be late, repeat it while the response differs."""
    end = time.monotonic() + context.wait_for(request)
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        step, difference = ask(context, references, endpoint, request)
        if difference is None or not endpoint.is_safe or time.monotonic() >= end:
            break
        time.sleep(pause)
    return step, difference


def ask_later(
    context: CheckContext, references: ReferencePair, endpoint: Endpoint, request: Request
) -> tuple[Step, Difference | None]:
    """Send a request again whose response differs, after the server had time for work that follows a response."""
    tries = context.patience if endpoint.is_eventual else 1
    for _ in range(tries):
        time.sleep(PAUSE)
        context.waited += PAUSE
        step, difference = ask(context, references, endpoint, request)
        if difference is None:
            return step, None
    if endpoint.is_eventual:
        context.patience = 1  # it is not late, but wrong
    return step, difference
