"""The active fault rules, and their effect on a request."""

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any

from starlette.types import Scope

from understudy.errors import Forbidden
from understudy.faults.fault_rule import TIMES, Effect, Rule, Times
from understudy.http.routing_table import ROUTE

CAPACITY = 2**25  # bytes of all rules, at most


class Faults:
    """Rules for all workspaces, and those of each workspace, in the order in which they apply.

    Args:
        base_path: the base path of the API.
        seed: the seed of the random numbers; random by default.
    """

    def __init__(self, base_path: str, seed: int | None = None) -> None:
        self.rules: dict[str | None, list[Rule]] = {}
        self._base_path = base_path
        self._seed = seed
        self._times = Times(TIMES)

    def __iter__(self) -> Iterator[Rule]:
        self._remove_expired()
        return iter([rule for rules in self.rules.values() for rule in rules])

    def of(self, workspace: str | None) -> list[Rule]:
        """The rules of a workspace, or those for all workspaces."""
        self._remove_expired()
        return self.rules.get(workspace, [])

    @property
    def look_back(self) -> bool:
        """Whether a rule may need the rows of the past."""
        return any(rule.definition.get("stale") is not None for rule in self)

    def put(self, workspace: str | None, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Replace the rules of a workspace, or those for all workspaces.

        Raises:
            ValueError: the fields of a rule are not consistent. Nothing is replaced.
            Forbidden: the rules are too large. Nothing is replaced.
        """
        own = {} if workspace is None else {"workspace": workspace}
        rules = [
            Rule({**rule, **own}, self._randomness(number), self._times) for number, rule in enumerate(definitions)
        ]
        others = (rule for name, some in self.rules.items() if name != workspace for rule in some)
        if sum(rule.size for rule in (*others, *rules)) > CAPACITY:
            raise Forbidden(f"The fault rules exceed the limit of {CAPACITY // 2**20} MiB. No rule was changed.")
        self.clear(workspace)
        if rules:
            self.rules[workspace] = rules

    def clear(self, workspace: str | None = None) -> None:
        """Remove the rules of a workspace, or those for all workspaces."""
        self.rules.pop(workspace, None)

    def effect(self, scope: Scope) -> Effect | None:
        """The effect on a request; None without one."""
        route = scope[ROUTE]
        effect = Effect()
        for rule in self:
            rule.apply(scope, route and route.operation.id, self._base_path, effect)
        return None if effect == Effect() else effect

    def _randomness(self, number: int) -> Random:
        return Random() if self._seed is None else Random(f"{self._seed}/{number}")  # noqa: S311 - no secrets

    def _remove_expired(self) -> None:
        for workspace, rules in list(self.rules.items()):
            left = [rule for rule in rules if not rule.is_over]
            if not left:
                del self.rules[workspace]
            elif len(left) < len(rules):
                self.rules[workspace] = left
