"""Values of a body that servers often store wrongly, compared with what the reference servers make of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import eq
from typing import Any

from understudy.verify.check_context import CheckContext
from understudy.verify.checks import sessions
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.rich_bodies import Change, Way
from understudy.verify.requests.rich_scenarios import changes_of_last, enriched, with_reads
from understudy.verify.requests.scenario_requests import Scenario, Script


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
        accepts = Trials(context, references, scenario).is_accepted  # until a session is sent to these servers
        for some in united(list(accepted(changes, accepts)), accepts):
            rich = with_reads(operations.map, endpoint, enriched(scenario, some))
            subject = sessions.Subject(partial(eq, endpoint), rich, is_alone=True)
            sessions.check(context, references, operations, subject)


def united(
    groups: Sequence[Sequence[Change]], accepts: Callable[[Sequence[Change]], bool]
) -> Sequence[Sequence[Change]]:
    """All changes as one group if they are accepted together, or else the groups."""
    together = [change for group in groups for change in group]
    return [together] if together and accepts(together) else groups


def rounds(changes: Sequence[Change]) -> list[list[Change]]:
    """Changes in rounds, with at most one for each place. Of a text and an object, each is sent once."""
    parts: list[dict[Way, Any]] = []
    for way, value in changes:
        part = next((each for each in parts if way not in each), None)
        if part is None:
            parts.append(part := {})
        part[way] = value
    return [list(part.items()) for part in parts]


def accepted(changes: Sequence[Change], accepts: Callable[[Sequence[Change]], bool]) -> Iterator[Sequence[Change]]:
    """Groups of changes, each accepted together. If not all of them are, each half is tried, and so on."""
    if changes and accepts(changes):
        yield changes
    elif len(changes) > 1:
        half = len(changes) // 2
        yield from accepted(changes[:half], accepts)
        yield from accepted(changes[half:], accepts)


class Trials:
    """Sends a reference server the last request of a scenario again and again, with changes of its body.

    The requests before it are only repeated after a change was accepted, since a refused one changes nothing.
    """

    def __init__(self, context: CheckContext, references: ReferencePair, scenario: Scenario) -> None:
        self._context = context
        self._references = references
        self._scenario = scenario
        self._script: Script | None = None  # at its last request, if the requests before it were sent

    def is_accepted(self, changes: Sequence[Change]) -> bool:
        """Whether the reference server accepts the request with some changes."""
        last = enriched(self._scenario, changes).steps[-1]
        script = self._script or self._begun()
        drawn = script.next_of(last)
        is_accepted = drawn is not None and self._references.ask(drawn[1]).is_success
        self._script = None if is_accepted else script
        return is_accepted

    def _begun(self) -> Script:
        """The script of the scenario after all but the last request."""
        self._references.restart()
        before = replace(self._scenario, steps=self._scenario.steps[:-1])
        script = Script(self._context.session_operations.map, before, self._context.own.mark())
        while (drawn := script.next()) is not None:
            script.learn(self._references.ask(drawn[1]))
        return script
