"""Random sessions, whose responses are compared with those of servers of our own."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import chain, repeat
from uuid import UUID

from understudy.sampling.answers import Answer
from understudy.sampling.counterparts import ID, Counterparts
from understudy.sampling.random_requests import Request
from understudy.values import is_id
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken
from understudy.verify.cleanup import delete
from understudy.verify.expectations.reference_answers import Difference, References
from understudy.verify.requests.endpoints import Endpoint
from understudy.verify.requests.random_sessions import Drawn, Session
from understudy.verify.requests.scenario_requests import Scenario, Script
from understudy.verify.requests.session_operations import SessionOperations

LENGTH = 40  # requests of a session without a scenario
AFTER = 5  # requests at the end of a session with a scenario
BETWEEN = 0.3  # of the requests of a scenario are followed by a random one
OTHERS = 0.5  # requests among those of a scenario, for each of these
TRIES = 12  # times that a session is played again to make it shorter
CONFIRMED = 3  # times that it is played again then, since some responses depend on the order of random ids
PAUSE = 1.0  # seconds that a server has to do what it does after a response
PAUSES = (0.05, 0.1, 0.2, 0.4)  # seconds between the requests for what may be late; the last one is repeated
SHORT = 1.0  # seconds to wait for what may be late, once something was wrong
OWN = re.compile(f"{ID}(?:-[a-z])?")  # an id, or a name that has one


@dataclass(frozen=True)
class Step:
    """A request of a session, and its response, which is only compared if it depends on no other rows."""

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
        """Whether the response is an empty list, or there is no such row."""
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
        """What a server may be without that the last response shows."""
        return self.steps[-1].request.optional

    @property
    def waits(self) -> bool:
        """Whether it has responses that may be late."""
        return any(step.request.within for step in self.steps)

    def is_like(self, other: "Finding") -> bool:
        """Whether the same operation differs, in the same fields or from the same status."""
        one, two = self.difference, other.difference
        is_same = one.fields == two.fields if one.fields else one.expected == two.expected
        return is_same and self.steps[-1].endpoint == other.steps[-1].endpoint


@dataclass(frozen=True)
class Subject:
    """What a session is about: the operations of a topic, and first the requests of a scenario, if there is one.

    Args:
        topic: whether an operation belongs to it.
        scenario: of the contract.
        is_alone: whether the session has the requests of the scenario and no others.
    """

    topic: Callable[[Endpoint], bool]
    scenario: Scenario | None = None
    is_alone: bool = False

    @property
    def optional(self) -> frozenset[str]:
        """What a server may be without that the scenario needs."""
        return frozenset() if self.scenario is None else self.scenario.optional

    @property
    def length(self) -> int:
        """The number of requests."""
        if self.scenario is None:
            return LENGTH
        steps = len(self.scenario.steps)
        return steps if self.is_alone else AFTER + round((1 + OTHERS) * steps)

    @property
    def between(self) -> float:
        """The share of the requests of the scenario that are followed by a random one."""
        return 0.0 if self.is_alone else BETWEEN


def check(context: CheckContext, references: References, operations: SessionOperations, subject: Subject) -> None:
    """Send the requests of a session until one is not answered as expected, and then only those that show it."""
    if not context.absent.isdisjoint(subject.optional):
        return
    before, writes = context.own.sizes(), context.results.writes
    start = len(writes)
    number = drawn_id(context)
    mark = f"{context.own.mark()}-{number}"
    scenario = subject.scenario
    script = None if scenario is None else Script(operations.map, scenario, mark)
    session = Session(operations, context.random, mark, subject.topic, script, subject.between)
    finding = first_finding(context, references, session, subject)
    player = Player(context, references, number)
    if finding is not None and finding.optional and player.is_absent(finding):
        context.absent.add(finding.optional)
        finding = None
    shown = None if finding is None else player.shown(finding)
    delete(context, context.own.made_since(before))
    del writes[start:]  # there is nothing left of them
    if shown is not None:
        report(context, player, shown)
        delete(context, context.own.made_since(before))
    context.throttled_client.close_streams()


def report(context: CheckContext, player: "Player", shown: Finding) -> None:
    """Record a finding, if it shows once more: else it came of chance, or of what others changed."""
    with context.results.scenario():
        again = player.play(shown.steps)
        if again is not None:
            operation, subject = again.steps[-1].endpoint.label, again.difference.fields
            context.results.record(rules.SESSION, operation, subject, again.broken)
            if again.waits:
                context.longest_wait = SHORT


def drawn_id(context: CheckContext) -> str:
    return str(UUID(int=context.random.getrandbits(128), version=4))


def first_finding(context: CheckContext, references: References, session: Session, subject: Subject) -> Finding | None:
    restart(context, references, with_services=bool(subject.optional))
    steps: list[Step] = []
    for endpoint, request in requests_of(context, session, subject):
        step, difference = ask_in_time(context, references, endpoint, request)
        is_compared = session.learn(endpoint, request, step.answer)
        if difference is not None and request.optional:
            return Finding((*steps, step), difference)
        if difference is not None and is_compared and endpoint.is_safe:
            step, difference = ask_later(context, references, endpoint, request)
            is_compared = session.learn(endpoint, request, step.answer)
        steps.append(replace(step, is_compared=is_compared))
        context.results.count(rules.SESSION, endpoint.label)
        if difference is not None and is_compared:
            return Finding(tuple(steps), difference)
        if difference is not None and not endpoint.is_safe:
            return None  # rows of others have decided what it did, and so what all others show
    return None


def restart(context: CheckContext, references: References, *, with_services: bool) -> None:
    """Begin with servers of our own without rows, and without open streams."""
    context.throttled_client.close_streams()
    references.restart(with_services=with_services)


def requests_of(context: CheckContext, session: Session, subject: Subject) -> Iterator[Drawn]:
    """The requests of a session, and those that show what it did, unless the server shows that late and wrongly.

    What a server does by itself is in no certain order.
    """
    for _ in range(subject.length):
        yield session.next()
    if context.patience > 1 and not subject.optional:
        yield from session.looks_back()


def ask(
    context: CheckContext, references: References, endpoint: Endpoint, request: Request
) -> tuple[Step, Difference | None]:
    """Send a request. Returns the step, and how the response differs from what is expected, if it does."""
    answer = context.ask(endpoint, request)
    return Step(endpoint, request, answer), references.difference(endpoint, request, answer)


def ask_in_time(
    context: CheckContext, references: References, endpoint: Endpoint, request: Request
) -> tuple[Step, Difference | None]:
    """Send a request; if it changes nothing, again while the response differs that may be late."""
    end = time.monotonic() + context.wait_for(request)
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        step, difference = ask(context, references, endpoint, request)
        if difference is None or not endpoint.is_safe or time.monotonic() >= end:
            break
        time.sleep(pause)
    return step, difference


def ask_later(
    context: CheckContext, references: References, endpoint: Endpoint, request: Request
) -> tuple[Step, Difference | None]:
    """Send a request again whose response differs, when the server has had time for what it does after a response."""
    tries = context.patience if endpoint.is_eventual else 1
    for _ in range(tries):
        time.sleep(PAUSE)
        step, difference = ask(context, references, endpoint, request)
        if difference is None:
            return step, None
    if endpoint.is_eventual:
        context.patience = 1  # it is not late, but wrong
    return step, difference


class Player:
    """Plays the requests of a session again, with new rows."""

    def __init__(self, context: CheckContext, references: References, number: str) -> None:
        self._context = context
        self._references = references
        self._number = number

    def is_absent(self, finding: Finding) -> bool:
        """Whether the last response shows nothing, or is that of a server without services, or whose are late."""
        if finding.steps[-1].shows_nothing:
            return True
        others = tuple(replace(step, is_compared=False) for step in finding.steps[:-1])
        return self.play((*others, finding.steps[-1]), with_services=False) is None

    def shown(self, finding: Finding) -> Finding | None:
        """What shows a finding each time, with the fewest requests.

        None if it came of chance, or of what the server does by itself. What has to be waited for is played as it is,
        since each try takes long.
        """
        if finding.waits:
            return finding
        shown = self.confirmed(self.shortest(finding)) or self.confirmed(finding)
        return None if shown is None or self.play(shown.steps, with_services=True) is None else shown

    def shortest(self, finding: Finding) -> Finding | None:
        """The fewest requests that show a finding; None if it does not show again."""
        shown = self._played_like(finding, needed(finding.steps, self._number))
        shown = shown or self._played_like(finding, finding.steps)
        index = 0
        for _ in range(TRIES):
            if shown is None or index >= len(shown.steps) - 1:
                break
            others = (*shown.steps[:index], *shown.steps[index + 1 :])
            shorter = self._played_like(shown, others) if is_removable(shown.steps, index) else None
            if shorter is not None:
                shown = shorter
            else:
                index += 1
        return shown

    def _played_like(self, finding: Finding, steps: Sequence[Step]) -> Finding | None:
        """What some requests show, if it is like a finding: with too few of them, others differ."""
        shown = self.play(steps)
        return shown if shown is not None and shown.is_like(finding) else None

    def confirmed(self, finding: Finding | None) -> Finding | None:
        """A finding that shows each time that it is played; None if it does not, and came of chance."""
        for _ in range(CONFIRMED):
            finding = None if finding is None else self.play(finding.steps)
        return finding

    def _ask(self, step: Step, counterparts: Counterparts) -> tuple[Step, Difference | None]:
        """Send the request of a step again, and learn the ids that the response has in place of the step's."""
        request = counterparts.request(step.request)
        send = ask_in_time if step.is_compared else ask
        again, difference = send(self._context, self._references, step.endpoint, request)
        if difference is not None and step.is_compared and step.endpoint.is_eventual:
            again, difference = ask_later(self._context, self._references, step.endpoint, request)
        counterparts.aligned(again.answer.body, step.answer.body)
        return replace(again, is_compared=step.is_compared), difference if step.is_compared else None

    def play(self, steps: Sequence[Step], *, with_services: bool | None = None) -> Finding | None:
        """The first difference when requests are sent again, with other ids for those that were drawn.

        Servers of our own do what services do if it is said, or if something of it is compared.
        """
        if with_services is None:
            with_services = any(step.request.optional for step in steps)
        restart(self._context, self._references, with_services=with_services)
        counterparts, shown = Counterparts(self._references.moving), set[str]()
        played: list[Step] = []
        for step in steps:
            for drawn in set(re.findall(ID, step.sent)) - shown:
                counterparts.pair(drawn_id(self._context), drawn)
            shown.update(re.findall(ID, step.sent), re.findall(ID, step.shown))
            again, difference = self._ask(step, counterparts)
            played.append(again)
            if difference is not None:
                return Finding(tuple(played), difference)
        return None


def needed(steps: Sequence[Step], number: str) -> list[Step]:
    """The last step, and those before it that it depends on: what they made or changed is in later requests."""
    *before, last = steps
    chosen, wanted = [last], last.asks - {number}
    for step, made in reversed(list(zip(before, made_by(before), strict=True))):
        touched = made if step.endpoint.is_safe else made | step.asks
        if touched & wanted:
            chosen.insert(0, step)
            wanted |= step.asks - {number}
    return chosen


def made_by(steps: Sequence[Step]) -> list[set[str]]:
    """The ids and names that each step is the first to show."""
    known: set[str] = set()
    made = []
    for step in steps:
        made.append(step.shows - known - (set() if not step.endpoint.is_safe else step.asks))
        known |= step.shows
    return made


def is_removable(steps: Sequence[Step], index: int) -> bool:
    """Whether no later request has an id that a step made."""
    made = set(filter(is_id, made_by(steps[: index + 1])[index]))
    return not any(made & step.asks for step in steps[index + 1 :])
