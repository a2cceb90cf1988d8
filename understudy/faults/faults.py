"""The rules that are in force, and what they do to a request."""

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any

from starlette.types import Scope

from understudy.errors import Forbidden
from understudy.faults.fault_rule import TIMES, Effect, Rule, Times
from understudy.http.routing_table import ROUTE

CAPACITY = 2**25  # bytes that all rules may take


class Faults:
    """Rules for all workspaces, and for each those of its own, in the order in which they apply.

    Args:
        base_path: the API's.
        seed: what is drawn by it is drawn again the same way.
    """

    def __init__(self, base_path: str, seed: int | None = None) -> None:
        self.rules: dict[str | None, list[Rule]] = {}
        self._base_path = base_path
        self._seed = seed
        self._times = Times(TIMES)

    def __iter__(self) -> Iterator[Rule]:
        self._forget_what_is_over()
        return iter([rule for rules in self.rules.values() for rule in rules])

    def of(self, workspace: str | None) -> list[Rule]:
        """The rules of a workspace, or those for all."""
        self._forget_what_is_over()
        return self.rules.get(workspace, [])

    @property
    def look_back(self) -> bool:
        """Whether a rule may ask what rows were like before."""
        return any(rule.says.get("stale") is not None for rule in self)

    def put(self, workspace: str | None, says: Iterable[Mapping[str, Any]]) -> None:
        """Replace the rules of a workspace, or those for all.

        Raises:
            ValueError: the parts of a rule do not go together; then nothing is replaced.
            Forbidden: there are too many rules; then nothing is replaced.
        """
        own = {} if workspace is None else {"workspace": workspace}
        rules = [Rule({**rule, **own}, self._randomness(number), self._times) for number, rule in enumerate(says)]
        others = (rule for name, some in self.rules.items() if name != workspace for rule in some)
        if sum(rule.size for rule in (*others, *rules)) > CAPACITY:
            raise Forbidden(f"All fault rules together may take {CAPACITY // 2**20} MiB. No rule was changed.")
        self.clear(workspace)
        if rules:
            self.rules[workspace] = rules

    def clear(self, workspace: str | None = None) -> None:
        """Take back the rules of a workspace, or all that are for all."""
        self.rules.pop(workspace, None)

    def effect(self, scope: Scope) -> Effect | None:
        """What happens to a request; None where nothing does."""
        route = scope[ROUTE]
        effect = Effect()
        for rule in self:
            rule.apply(scope, route and route.operation.id, self._base_path, effect)
        return None if effect == Effect() else effect

    def _randomness(self, number: int) -> Random:
        return Random() if self._seed is None else Random(f"{self._seed}/{number}")  # noqa: S311 - nothing to keep secret

    def _forget_what_is_over(self) -> None:
        for workspace, rules in list(self.rules.items()):
            left = [rule for rule in rules if not rule.is_over]
            if not left:
                del self.rules[workspace]
            elif len(left) < len(rules):
                self.rules[workspace] = left
