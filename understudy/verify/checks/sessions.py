"""Random sessions, whose responses are compared with those of reference servers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.checks.replay import Player, drawn_id
from understudy.verify.checks.session_steps import Finding, Step, ask_in_time, ask_later, restart
from understudy.verify.cleanup import delete
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.random_sessions import Drawn, Session
from understudy.verify.requests.scenario_requests import Scenario, Script
from understudy.verify.requests.session_operations import SessionOperations

LENGTH = 40  # requests of a session without a scenario
AFTER = 5  # requests at the end of a session with a scenario
BETWEEN = 0.3  # the share of a scenario's requests that are followed by a random one
OTHERS = 0.5  # random requests to expect per request of a scenario
SHORT = 1.0  # seconds to wait for a late response, after one was wrong


@dataclass(frozen=True)
class Subject:
    """What a session is about: the operations of a topic, and the requests of a scenario, if there is one.

    Args:
        topic: whether an operation belongs to the topic.
        scenario: a scenario of the contract.
        is_alone: whether the session has only the requests of the scenario.
    """

    topic: Callable[[Endpoint], bool]
    scenario: Scenario | None = None
    is_alone: bool = False

    @property
    def optional(self) -> frozenset[str]:
        """The name of the optional service that the scenario needs."""
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


def check(context: CheckContext, references: ReferencePair, operations: SessionOperations, subject: Subject) -> None:
    """Send the requests of a session. If a response is not as expected, report the fewest requests that show it."""
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
    del writes[start:]  # their rows are deleted, so reports of later violations need not show them
    if shown is not None:
        report(context, player, shown)
        delete(context, context.own.made_since(before))
    context.throttled_client.close_streams()


def report(context: CheckContext, player: Player, shown: Finding) -> None:
    """Record a finding if it shows once more. Otherwise it was caused by chance, or by changes of other clients."""
    with context.results.scenario():
        again = player.play(shown.steps)
        if again is not None:
            # An earlier response can differ by chance, if both reference servers draw the same name.
            finding = again if again.is_like(shown) else shown
            operation, subject = finding.steps[-1].endpoint.label, finding.difference.fields
            context.results.record(rules.SESSION, operation, subject, finding.broken)
            if finding.waits:
                context.longest_wait = SHORT


def first_finding(
    context: CheckContext, references: ReferencePair, session: Session, subject: Subject
) -> Finding | None:
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


def requests_of(context: CheckContext, session: Session, subject: Subject) -> Iterator[Drawn]:
    """The requests of a session, and at its end those that show what was done to its rows, such as events.

    The latter are left out if the server has shown this wrongly before, if a large part of the run was spent waiting
    for it, and if services run in the background, since their work has no defined order.
    """
    for _ in range(subject.length):
        yield session.next()
    if context.patience > 1 and context.may_wait and not subject.optional:
        yield from session.looks_back()
