"""Policies: rules in order, and their application to a transition.

Source: `prefect.server.orchestration.rules` and `policies`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from .transition import Transition

Finish = Callable[[bool], None]
"""What a rule does after the state is written. The argument is whether no later rule has changed the transition."""

TYPES = ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING")
ANY = frozenset({*TYPES, None})


@dataclass(frozen=True)
class Rule:
    """A function that governs the transitions between some types of states.

    It applies only as long as no earlier rule has changed the type of the proposed state, unless it is `universal`:
    then it applies as long as a state is proposed.
    """

    function: Callable[[Transition], Finish | None]
    initial: Collection[str | None]
    proposed: Collection[str | None]
    universal: bool = False


def rule(
    initial: Collection[str | None] = ANY, proposed: Collection[str | None] = ANY
) -> Callable[[Callable[[Transition], Finish | None]], Rule]:
    """Make a function a rule for transitions from and to some types of states."""
    return lambda function: Rule(function, initial, proposed)


def transform(function: Callable[[Transition], Finish | None]) -> Rule:
    """Make a function a rule for all transitions (a universal transform in Prefect's terms)."""
    return Rule(function, ANY, ANY, universal=True)


@dataclass(frozen=True)
class Policy:
    """Rules in order."""

    rules: tuple[Rule, ...]

    @cached_property
    def _between(self) -> dict[tuple[str | None, str | None], tuple[Rule, ...]]:
        return {
            (initial, proposed): tuple(
                each for each in self.rules if initial in each.initial and proposed in each.proposed
            )
            for initial in ANY
            for proposed in TYPES
        }

    def enter(self, transition: Transition) -> list[tuple[Finish, str | None, bool]]:
        """Apply the rules before the state is written. Returns what they defer until after that, for `leave`."""
        intended = transition.proposed_type
        left = []
        for each in self._between[transition.initial_type, intended]:
            applies = bool(transition.proposed) if each.universal else transition.proposed_type == intended
            if not applies:
                continue
            finish = each.function(transition)
            if finish is not None:
                left.append((finish, transition.proposed_type, each.universal))
        return left


def leave(transition: Transition, left: list[tuple[Finish, str | None, bool]]) -> None:
    """Run what rules have deferred, in reverse order."""
    for finish, proposed, universal in reversed(left):
        if universal:
            if transition.proposed:
                finish(True)
        else:
            finish(transition.proposed_type == proposed)
