"""Values of a body that servers often store wrongly, compared with what the reference servers make of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import eq
from typing import Any

from understudy.sampling.answers import Answer
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import sessions
from understudy.verify.expectations.reference_answers import ENTRIES, ReferencePair
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.rich_bodies import Change, Way
from understudy.verify.requests.rich_scenarios import changes_of_last, enriched, with_reads
from understudy.verify.requests.scenario_requests import Scenario, Script

REFUSED = Answer(0, None)  # stands for the response to a request that cannot be sent


def check(context: CheckContext, references: ReferencePair, endpoint: Endpoint, scenario: Scenario) -> None:
    """Send the requests of a scenario, the last of them with as many rich values as a reference server accepts.

    Args:
        context: the server, and its known rows.
        references: the reference servers.
        endpoint: the operation of the last request.
        scenario: the scenario, which ends with that request.
    """
    operations = context.session_operations
    for changes in rounds(changes_of_last(endpoint, scenario)):
        respond = Trials(context, references, scenario).response  # until a session is sent to these servers
        for some in united(list(accepted(changes, respond)), respond):
            rich = with_reads(operations.map, endpoint, enriched(scenario, some))
            subject = sessions.Subject(partial(eq, endpoint), rich, is_alone=True)
            sessions.check(context, references, operations, subject)


def united(
    groups: Sequence[Sequence[Change]], respond: Callable[[Sequence[Change]], Answer]
) -> Sequence[Sequence[Change]]:
    """All changes as one group if they are accepted together, or else the groups."""
    together = [change for group in groups for change in group]
    return [together] if len(groups) > 1 and respond(together).is_success else groups


def rounds(changes: Sequence[Change]) -> list[list[Change]]:
    """Changes in rounds, with at most one for each place. Of a text and an object, each is sent once."""
    parts: list[dict[Way, Any]] = []
    for way, value in changes:
        part = next((each for each in parts if way not in each), None)
        if part is None:
            parts.append(part := {})
        part[way] = value
    return [list(part.items()) for part in parts]


def accepted(changes: Sequence[Change], respond: Callable[[Sequence[Change]], Answer]) -> Iterator[Sequence[Change]]:
    """Groups of changes, each accepted together. If not all of them are, those at the places that the response names
    and the others are tried apart, or else each half, and so on.
    """
    answer = respond(changes) if changes else REFUSED
    if answer.is_success:
        yield changes
    elif len(changes) > 1:
        for some in parted(changes, places_of(answer)):
            yield from accepted(some, respond)


def places_of(answer: Answer) -> list[Way]:
    """The places in a body that the response to an invalid request names."""
    entries = answer.body.get(ENTRIES) if isinstance(answer.body, dict) else None
    return [tuple(entry["loc"][1:]) for entry in entries or ()]


def parted(changes: Sequence[Change], places: Sequence[Way]) -> Iterator[Sequence[Change]]:
    """Changes in two parts: those at some places, as far as their first names show that, and the others."""
    for size in range(1, max(map(len, places), default=0) + 1):
        starts = {place[:size] for place in places}
        named = [each for each in changes if each[0][:size] in starts]
        if 0 < len(named) < len(changes):
            yield [each for each in changes if each not in named]
            yield named
            return
    yield changes[: len(changes) // 2]
    yield changes[len(changes) // 2 :]


class Trials:
    """Sends a reference server the last request of a scenario again and again, with changes of its body.

    The requests before it are only repeated after a change was accepted, since a refused one changes nothing.
    """

    def __init__(self, context: CheckContext, references: ReferencePair, scenario: Scenario) -> None:
        self._context = context
        self._references = references
        self._scenario = scenario
        self._script: Script | None = None  # at its last request, if the requests before it were sent

    def response(self, changes: Sequence[Change]) -> Answer:
        """The response of the reference server to the request with some changes; `REFUSED` if it cannot be sent."""
        last = enriched(self._scenario, changes).steps[-1]
        script = self._script or self._begun()
        drawn = script.next_of(last)
        answer = REFUSED if drawn is None else self._references.ask(drawn[1])
        self._script = None if answer.is_success else script
        return answer

    def _begun(self) -> Script:
        """The script of the scenario after all but the last request."""
        self._references.restart()
        before = replace(self._scenario, steps=self._scenario.steps[:-1])
        script = Script(self._context.session_operations.map, before, self._context.own.mark())
        while (drawn := script.next()) is not None:
            script.learn(self._references.ask(drawn[1]))
        return script
