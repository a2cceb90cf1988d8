"""Replays sessions with new rows, to find the fewest requests that reproduce a difference."""

import re
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from understudy.sampling.counterparts import ID, Counterparts
from understudy.values import is_id
from understudy.verify.check_context import CheckContext
from understudy.verify.checks.session_steps import Finding, Step, ask, ask_in_time, ask_later, restart
from understudy.verify.expectations.reference_answers import Difference, ReferencePair

TRIES = 12  # how often a session is replayed to shorten it
CONFIRMED = 3  # how often it is replayed after that, since some responses depend on random ids


class Player:
    """Replays the requests of a session with new rows."""

    def __init__(self, context: CheckContext, references: ReferencePair, number: str) -> None:
        self._context = context
        self._references = references
        self._number = number

    def is_absent(self, finding: Finding) -> bool:
        """Whether the last response is that of a server without the optional service, or whose service is late."""
        if finding.steps[-1].shows_nothing:
            return True
        others = tuple(replace(step, is_compared=False) for step in finding.steps[:-1])
        return self.play((*others, finding.steps[-1]), with_services=False) is None

    def shown(self, finding: Finding) -> Finding | None:
        """The fewest requests that reproduce a finding. None if it was caused by chance or by background services.

        Sessions that wait for responses are not shortened, since each try takes long.
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
        """The finding of some requests, if it is like another one: too few of them may cause other differences."""
        shown = self.play(steps)
        return shown if shown is not None and shown.is_like(finding) else None

    def confirmed(self, finding: Finding | None) -> Finding | None:
        """A finding that shows each time the session is replayed; None if it does not, since then chance caused it."""
        for _ in range(CONFIRMED):
            finding = None if finding is None else self.play(finding.steps)
        return finding

    def _ask(self, step: Step, counterparts: Counterparts) -> tuple[Step, Difference | None]:
        """Send the request of a step again, and map the ids of the step to those in the new response."""
        request = counterparts.request(step.request)
        send = ask_in_time if step.is_compared else ask
        again, difference = send(self._context, self._references, step.endpoint, request)
        if difference is not None and step.is_compared and step.endpoint.is_eventual:
            again, difference = ask_later(self._context, self._references, step.endpoint, request)
        counterparts.aligned(again.answer.body, step.answer.body)
        return replace(again, is_compared=step.is_compared), difference if step.is_compared else None

    def play(self, steps: Sequence[Step], *, with_services: bool | None = None) -> Finding | None:
        """The first difference when requests are sent again, with new ids for those that were drawn.

        The reference servers run their services if `with_services` is true; by default, if a response of a service is
        compared.
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
    """The last step, and the earlier steps that it depends on: those that created or changed what later requests
    name.
    """
    *before, last = steps
    chosen, wanted = [last], last.asks - {number}
    for step, made in reversed(list(zip(before, made_by(before), strict=True))):
        touched = made if step.endpoint.is_safe else made | step.asks
        if touched & wanted:
            chosen.insert(0, step)
            wanted |= step.asks - {number}
    return chosen


def made_by(steps: Sequence[Step]) -> list[set[str]]:
    """For each step, the ids and names that it is the first to show."""
    known: set[str] = set()
    made = []
    for step in steps:
        made.append(step.shows - known - (set() if not step.endpoint.is_safe else step.asks))
        known |= step.shows
    return made


def is_removable(steps: Sequence[Step], index: int) -> bool:
    """Whether no later request has an id that a step has created."""
    made = set(filter(is_id, made_by(steps[: index + 1])[index]))
    return not any(made & step.asks for step in steps[index + 1 :])


def drawn_id(context: CheckContext) -> str:
    return str(UUID(int=context.random.getrandbits(128), version=4))
