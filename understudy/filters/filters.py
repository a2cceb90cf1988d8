"""Filters of the contract, compiled into functions from the values of a request to criteria.

Only `openapi.yaml` defines what a filter applies to, by its names and its `x-` annotations; `operators` defines which
rows an operator matches.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from understudy.contract.catalog import Catalog
from understudy.contract.columns import Column, Step
from understudy.contract.contract import Place
from understudy.filters.criteria import EVERY, Condition, Criteria, Either, Not, Related, all_of, reached
from understudy.filters.operators import OPERATORS
from understudy.values import key_of

ANNOTATIONS = {
    "x-filters", "x-field", "x-coalesce", "x-either", "x-joined", "x-related", "x-operator", "x-combines",
    "x-first-of", "x-non-empty", "x-flat", "x-ignored", "x-default", "x-fixed", "x-passed",
}  # fmt: skip


OWN = ("x-filters", "x-first-of", "x-non-empty", "x-flat")  # what a filter schema says of itself


@dataclass(frozen=True)
class FieldSubject:
    """A filter on a column, of this row or of one that steps lead to."""

    steps: tuple[Step, ...]
    column: Column

    def criterion(self, operator: str, operand: Any) -> Criteria:
        return reached(self.steps, Condition(self.column, operator, operand))


@dataclass(frozen=True)
class EitherSubject:
    """A filter on several columns, any of which may meet it."""

    subjects: tuple[FieldSubject, ...]

    def criterion(self, operator: str, operand: Any) -> Criteria:
        return Either(tuple(subject.criterion(operator, operand) for subject in self.subjects))


@dataclass(frozen=True)
class RelationSubject:
    """A filter on the existence of a related row."""

    step: Step

    def criterion(self, operator: str, operand: Any) -> Criteria:
        exists = Related(self.step, EVERY)
        return exists if operand == (operator == "exists_") else Not(exists)


Subject = FieldSubject | EitherSubject | RelationSubject


@dataclass(frozen=True)
class Leaf:
    """An operator and its subject."""

    operator: str
    subject: Subject

    def __call__(self, value: Any) -> Criteria | None:
        """Criteria for an operand; None without effect."""
        criteria = self.criteria(value)
        return all_of(criteria) if criteria else None

    def criteria(self, value: Any) -> list[Criteria]:
        """The same, each criterion on its own."""
        operator = OPERATORS[self.operator]
        if not value and (operator.ignores_empty or operator.omits_empty):
            return []
        operands = operator.split(value)
        return [self.subject.criterion(self.operator, operand_of(operand)) for operand in operands]

    @property
    def can_be_omitted(self) -> bool:
        return OPERATORS[self.operator].omits_empty

    def omits(self, value: Any) -> bool:
        """Whether the operator is left out for an operand."""
        return not value and self.can_be_omitted


@dataclass(frozen=True)
class Filter:
    """A filter object: its parts by name, and how they are combined."""

    parts: Mapping[str, "Filter | Leaf"]
    combined_by: str | None
    first_of: tuple[tuple[str, bool], ...]
    non_empty: bool
    flat: bool
    fixed: Mapping[str, Any]

    def __call__(self, value: Mapping[str, Any] | None) -> Criteria | None:
        """Criteria for the value of this filter in a request; None without effect."""
        if value is None:
            return None
        criteria = self.each(value)
        if self.non_empty and not criteria:
            return None
        if not criteria:
            return EVERY
        if self.combined_by is not None and value.get(self.combined_by) == "or_":
            return Either(tuple(criteria))
        return all_of(criteria)

    def criteria(self, value: Mapping[str, Any]) -> list[Criteria]:
        """The criteria of this filter, to be combined with those beside it."""
        if self.flat:
            return self.each(value)
        if self.can_be_omitted and self.omits(value):
            return []
        criterion = self(value)
        return [] if criterion is None else [criterion]

    @cached_property
    def can_be_omitted(self) -> bool:
        """Whether one of its operators has no effect for some operands."""
        return any(part.can_be_omitted for part in self.parts.values())

    def omits(self, value: Mapping[str, Any]) -> bool:
        """Whether all that is given is left out; not where nothing is given, which every row meets."""
        given = [
            self.parts[name].omits(part) for name, part in value.items() if name in self.parts and part is not None
        ]
        return bool(given) and all(given)

    def each(self, value: Mapping[str, Any]) -> list[Criteria]:
        """The criteria of the given properties."""
        criteria = []
        if self.fixed:
            value = {**value, **self.fixed}
        for name in self.effective(value) if self.first_of else value:
            given = value[name] if name in self.parts else None
            if given is not None:
                criteria += self.parts[name].criteria(given)
        return criteria

    def effective(self, value: Mapping[str, Any]) -> list[str]:
        """The given properties that have an effect."""
        names = [name for name in value if name in self.parts and value[name] is not None]
        for name, only_if_true in self.first_of:
            if name in names and (value[name] or not only_if_true):
                return [name]
        return names


Part = Filter | Leaf
"""Turns the value of one name into criteria; None without effect."""


def filter_at(place: Place, catalog: Catalog) -> Filter:
    """Compile the filter schema at `place`, which names its table by `x-filters`.

    Raises:
        ContractError: an annotation is unknown, or names something that does not exist.
    """
    # Many bodies reference the same filter, each with its own path to the filtered rows.
    made, key = catalog.filters, (place.within, *map(str, map(place.value.get, OWN)))
    if key not in made:
        check_annotations(place)
        made[key] = object_filter(place, place.value["x-filters"], lambda: None, catalog)
    found: Filter = made[key]
    return found


def object_filter(place: Place, table: str, outer: Callable[[], Subject | None], catalog: Catalog) -> Filter:
    parts: dict[str, Part] = {}
    combined_by = None
    for name, part in place["properties"].items():
        check_annotations(part)
        if part.value.get("x-combines"):
            combined_by = name
        elif not part.value.get("x-ignored"):
            parts[name] = part_at(name, part, table, outer, catalog)
    non_empty, flat = bool(place.value.get("x-non-empty")), bool(place.value.get("x-flat"))
    fixed = {name: part.value["x-fixed"] for name, part in place["properties"].items() if "x-fixed" in part.value}
    return Filter(parts, combined_by, first_of(place), non_empty, flat, fixed)


def part_at(name: str, place: Place, table: str, outer: Callable[[], Subject | None], catalog: Catalog) -> Part:
    """A name of a filter object: a nested object, or an operator on its own subject or on `outer`."""
    if "properties" in place.value:
        return object_filter(place, table, lambda: subject_of(place, name, table, catalog), catalog)
    operator = place.value.get("x-operator", name)
    if operator not in OPERATORS:
        raise place.error(f"unknown operator `{operator}`; the operators are {', '.join(OPERATORS)}")
    subject = subject_of(place, None, table, catalog) or outer()
    if subject is None:
        raise place.error("an operator requires a field")
    if isinstance(subject, RelationSubject) and operator not in ("exists_", "is_null_"):
        raise place.error(f"`{operator}` does not apply to a relation")
    return Leaf(operator, subject)


def subject_of(place: Place, name: str | None, table: str, catalog: Catalog) -> Subject | None:
    """The subject in the annotations of `place`, else the field with its name; None without either."""
    schema = place.value
    if "x-related" in schema:
        steps, _ = catalog.steps(table, schema["x-related"], place)
        if len(steps) != 1:
            raise place.error("existence requires a path of one step")
        return RelationSubject(steps[0])
    if "x-either" in schema:
        return EitherSubject(tuple(field_subject(path, table, place, catalog) for path in schema["x-either"]))
    if "x-coalesce" in schema:
        return FieldSubject((), catalog.column(table, tuple(schema["x-coalesce"]), place))
    if "x-joined" in schema:
        return FieldSubject((), catalog.column(table, tuple(schema["x-joined"]), place, joined=True))
    path = schema.get("x-field", name)
    return None if path is None else field_subject(path, table, place, catalog)


def field_subject(path: str, table: str, place: Place, catalog: Catalog) -> FieldSubject:
    way, _, name = path.rpartition("/")
    steps: tuple[Step, ...] = ()
    if way:
        steps, table = catalog.steps(table, way, place)
    return FieldSubject(steps, catalog.column(table, (name,), place))


def operand_of(value: Any) -> Hashable:
    """The operand to compare keys with."""
    return tuple(map(key_of, value)) if isinstance(value, list) else key_of(value)


def first_of(place: Place) -> tuple[tuple[str, bool], ...]:
    """The names of which only the first that is set has an effect; "name=true" only if it is true."""
    rules = []
    for rule in place.value.get("x-first-of", ()):
        name, _, value = rule.partition("=")
        if name not in place.value["properties"] or value not in ("", "true"):
            raise place.error(f"`x-first-of` has an unknown name or value `{rule}`")
        rules.append((name, value == "true"))
    return tuple(rules)


def check_annotations(place: Place) -> None:
    for key in place.value:
        if key.startswith("x-") and key not in ANNOTATIONS:
            raise place.error(f"unknown filter annotation `{key}`; known are {', '.join(sorted(ANNOTATIONS))}")
