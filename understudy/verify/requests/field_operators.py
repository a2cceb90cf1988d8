"""The operators of filters: each operator on each field, from the contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.contract.contract import Place
from understudy.reports.verdict import Cell
from understudy.sampling.random_requests import fields_of, names_in
from understudy.verify.requests.endpoint_map import Selection


@dataclass(frozen=True, eq=False)
class FieldOperator:
    """An operator on a field that a body can use.

    `way` is the path to it: the names from the property of the body to the last one before the operator. `fields` are
    the fields of `table` that it applies to, and `place` is the schema of its operand. If it `is_either`, one of these
    fields must meet it.
    """

    way: tuple[str, ...]
    name: str
    operator: str
    table: str
    fields: tuple[str, ...]
    place: Place
    is_ignored: bool
    is_either: bool = False

    def filters(self, operand: Any) -> dict[str, Any]:
        """The body with this operator alone."""
        return nested(self.way, {self.name: operand})

    def is_asked(self, filters: Mapping[str, Any]) -> bool:
        """Whether a body uses this operator and no other."""
        return list(names_in(filters)) == [self.subject]

    @property
    def is_first(self) -> bool:
        """Whether it applies to the first of the fields that has a value."""
        return "x-coalesce" in self.place.value

    @property
    def filter(self) -> str:
        """The filter that it belongs to."""
        return self.way[0]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.way, self.name)

    @property
    def subject(self) -> str:
        return ".".join(self.names)

    def cell(self, operation: str) -> Cell:
        return Cell(operation, ".".join(self.way), self.name)


def nested(way: tuple[str, ...], body: dict[str, Any]) -> dict[str, Any]:
    """A body inside the objects of a path."""
    for name in reversed(way):
        body = {name: body}
    return body


def field_operators_of(selection: Selection) -> list[FieldOperator]:
    """All operators on fields in the filters of a selection."""
    return [
        field_operator
        for name, part in selection.filters.items()
        for field_operator in field_operators_at(
            part, (name,), part.value["x-filters"], (), is_ignored=False, is_either=False
        )
    ]


def field_operators_at(
    place: Place, way: tuple[str, ...], table: str, fields: tuple[str, ...], *, is_ignored: bool, is_either: bool
) -> Iterator[FieldOperator]:
    for name, part in place["properties"].items():
        looked_at = tuple(fields_of(part))
        ignored, either = is_ignored or "x-ignored" in part.value, is_either or "x-either" in part.value
        if "properties" in part.value:
            way_on = (*way, name)
            yield from field_operators_at(
                part, way_on, table, looked_at or (name,), is_ignored=ignored, is_either=either
            )
        elif not part.value.get("x-combines"):
            operator = str(part.value.get("x-operator", name))
            yield FieldOperator(way, name, operator, table, looked_at or fields, part, ignored, either)


def combiners(place: Place, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, Sequence[str]]]:
    """The paths to the objects of a filter, each with the property that combines its criteria, and the values of that.

    An object without such a property has no values: a row must meet all of its criteria.
    """
    if "properties" in place.value:
        parts = dict(place["properties"].items())
        name = next((name for name, part in parts.items() if part.value.get("x-combines")), "")
        yield way, name, parts[name].value["enum"] if name else ()
        for below, part in parts.items():
            yield from combiners(part, (*way, below))


def asked(
    value: Any, field_operators: Mapping[tuple[str, ...], FieldOperator], way: tuple[str, ...] = ()
) -> Iterator[tuple[FieldOperator, Any]]:
    """The operators that a body uses, each with its operand."""
    if way in field_operators:
        yield field_operators[way], value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from asked(part, field_operators, (*way, name))
