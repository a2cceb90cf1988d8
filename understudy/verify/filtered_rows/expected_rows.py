"""The rows that a body should select, derived from the rows that each of its criteria selects alone."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from understudy.contract.columns import Step
from understudy.filters.criteria import EVERY, All, Criteria, Either, Related, reached
from understudy.verify.filtered_rows.selected_ids import Filters, Ids, SelectedIds
from understudy.verify.requests.field_operators import FieldOperator, asked

NONE: Ids = frozenset()
UNPINNED: Filters = {}


@dataclass(frozen=True)
class Bounds:
    """The rows that are selected at least, and at most. These are mostly the same."""

    least: Ids
    most: Ids

    @classmethod
    def exactly(cls, ids: Ids) -> "Bounds":
        return cls(ids, ids)


class ExpectedRows:
    """Evaluates bodies that select rows of one table.

    Criteria that the known rows decide are evaluated on them; any other criterion is requested alone. `and_` is then an
    intersection and `or_` a union. If a row has several related rows, each of two criteria can be met by one of them,
    and both by none. Then an intersection is only an upper bound, unless the body is pinned to a single related row.
    """

    def __init__(self, selected: SelectedIds, field_operators: Mapping[tuple[str, ...], FieldOperator]) -> None:
        self._selected = selected
        self._model = selected.context.model
        self._interpreter = selected.context.interpreter
        self._selection = selected.selection
        self._field_operators = field_operators
        self._by_filters: dict[str, Ids | None] = {}  # what `known` returned
        self._state: tuple[int, Ids | None] = selected.context.version, selected.known  # what that depends on

    def bounds(self, filters: Filters, pin: Filters = UNPINNED) -> Bounds:
        """The rows that filters select, together with a pin: filters that select one related row."""
        return self._evaluated(filters, self.parts(filters), pin)

    def bounds_apart(self, field_operator: FieldOperator, operand: Any) -> Bounds:
        """The rows that an operator on one of several fields selects, from the operators on each of these fields."""
        beside = [
            other
            for other in self._field_operators.values()
            if other.operator == field_operator.operator and other is not field_operator
        ]
        return self._evaluated(field_operator.filters(operand), [other.filters(operand) for other in beside], UNPINNED)

    def _evaluated(self, filters: Filters, parts: Iterable[Filters], pin: Filters) -> Bounds:
        """The rows that filters select, from the known rows and from bodies with one criterion each."""
        alone = {**self._basic, **self._by_criteria(parts)}

        def ask(part: Criteria) -> Ids | None:
            if not pin and self._decides(part):
                return self._known(part)
            body = alone.get(repr(part))
            return None if body is None else self._selected.whole(merged(body, pin))

        pinned = self.steps(next(iter(pin))) if pin else ()
        return Evaluation(ask, self._selected.every, pinned).bounds(self.criteria(filters), ())

    def _known(self, criteria: Criteria) -> Ids:
        selected = self._model.select(self._selection.table, criteria)
        return selected if self._selected.known is None else selected & self._selected.known

    def same(self) -> Iterator[tuple[Filters, Filters]]:
        """Equivalent bodies."""
        first: dict[str, Filters] = {}
        for body in self._plain_bodies():
            criteria = repr(self.criteria(body))
            if criteria in first:
                yield first[criteria], body
            first.setdefault(criteria, body)

    def steps(self, name: str) -> tuple[Step, ...]:
        """The steps from a row to the rows that a filter is about."""
        steps, criteria = [], self.criteria({name: {}})
        while isinstance(criteria, Related):
            steps.append(criteria.step)
            criteria = criteria.criteria
        return tuple(steps)

    def accepts(self, filters: Filters) -> bool:
        """Whether filters are valid in the contract."""
        return self._interpreter.refusals(self._selection.lists, json.dumps(filters).encode(), {})[0] is None

    def criteria(self, filters: Filters) -> Criteria:
        return self._interpreter.criteria(self._selection.lists, filters)

    def parts(self, filters: Filters) -> list[Filters]:
        """The bodies with each criterion alone."""
        return [
            field_operator.filters(operand)
            for field_operator, operand in asked(filters, self._field_operators)
            if operand is not None
        ]

    def is_single(self, name: str) -> bool:
        """Whether a filter is about at most one related row for each selected row."""
        return not any(step.back for step in self.steps(name))

    def pins(self, filters: Filters) -> list[Filters]:
        """A pin to a random related row, if filters are about one of several."""
        name, value = next(iter(filters.items()), ("", None))
        if not all(self.steps(other)[: len(self.steps(name))] == self.steps(name) for other in filters):
            return []
        field_operator = self._field_operators.get((name, "id", "any_"))
        if field_operator is None or self.is_single(name) or not isinstance(value, dict) or is_joined_by_or(value):
            return []
        ids = self._selected.context.samples.seen(field_operator.table, field_operator.fields)
        return [field_operator.filters([self._selected.context.random.choice(ids)])] if ids else []

    def known(self, filters: Filters) -> Ids | None:
        """The rows that filters select, if the known rows alone determine them."""
        state, key = (self._selected.context.version, self._selected.known), json.dumps(filters)
        if self._state != state:
            self._by_filters.clear()
            self._state = state
        if key not in self._by_filters:
            criteria = self.criteria(filters)
            self._by_filters[key] = self._known(criteria) if self._decides(criteria) else None
        return self._by_filters[key]

    def known_by_each(self, filters: Filters) -> Ids | None:
        """The rows that each filter alone selects, if the known rows determine them."""
        alone = [self.known({name: part}) for name, part in filters.items()]
        known = [ids for ids in alone if ids is not None]
        return intersection(known) if known and len(known) == len(alone) else None

    def is_known(self, filters: Filters) -> bool:
        """Whether the known rows alone determine what filters select."""
        return self._decides(self.criteria(filters))

    def _decides(self, criteria: Criteria) -> bool:
        """Whether the known rows alone determine which rows meet criteria: all rows, or those that are tested."""
        table = self._selection.table
        is_whole = table not in self._model.partial or self._selected.known is not None
        return is_whole and self._model.knows(criteria, table)

    @cached_property
    def _basic(self) -> dict[str, Filters]:
        """The criteria of an empty filter, and those that null or a default may stand for."""
        return self._by_criteria(self._plain_bodies())

    def _plain_bodies(self) -> list[Filters]:
        flags = [
            field_operator
            for field_operator in self._field_operators.values()
            if field_operator.place.value["type"] == "boolean"
        ]
        bodies: list[Filters] = [{name: {}} for name in self._selection.filters]
        return [*bodies, *(field_operator.filters(value) for field_operator in flags for value in (True, False))]

    def _by_criteria(self, bodies: Iterable[Filters]) -> dict[str, Filters]:
        return {repr(self.criteria(body)): body for body in bodies}


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of criteria. `ask` returns the rows that some of them select, and None for the others; `every`
    requests all rows. `pinned` are the steps that lead to a single row.
    """

    ask: Callable[[Criteria], Ids | None]
    every: Callable[[], Ids]
    pinned: tuple[Step, ...]

    def bounds(self, criteria: Criteria, steps: tuple[Step, ...]) -> Bounds:
        known = self.ask(reached(steps, criteria))
        if known is not None:
            return Bounds.exactly(known)
        match criteria:
            case Related(step, part) if steps and returns(steps[-1], step):
                there, here = self.bounds(EVERY, steps), self.bounds(part, steps[:-1])
                return Bounds(there.least & here.least, there.most & here.most)
            case Related(step, part):
                return self.bounds(part, (*steps, step))
            case Either(parts):
                each = [self.bounds(part, steps) for part in parts]
                return Bounds(union(part.least for part in each), union(part.most for part in each))
            case All(parts):
                each = [self.bounds(part, steps) for part in parts]
                least = intersection(part.least for part in each) if self.is_single(steps) else NONE
                return Bounds(least, intersection(part.most for part in each))
        return Bounds(NONE, self.every())

    def is_single(self, steps: tuple[Step, ...]) -> bool:
        """Whether steps lead to at most one row."""
        size = len(self.pinned)
        return not any(step.back for step in (steps[size:] if steps[:size] == self.pinned else steps))


def returns(step: Step, following: Step) -> bool:
    """Whether a step leads to rows that refer to these rows, and the following step leads back."""
    return step.back and not following.back and step.column == following.column


def union(sets: Iterable[Ids]) -> Ids:
    return NONE.union(*sets)


def intersection(sets: Iterable[Ids]) -> Ids:
    return reduce(frozenset.__and__, sets)


def merged(body: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two bodies merged object by object; `other` takes precedence."""
    both = {
        name: merged(body[name], part) if isinstance(part, dict) and isinstance(body.get(name), dict) else part
        for name, part in other.items()
    }
    return {**body, **both}


def is_joined_by_or(value: Mapping[str, Any]) -> bool:
    return value.get("operator") == "or_"
