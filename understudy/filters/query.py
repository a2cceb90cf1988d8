"""Request bodies that select rows: filters compiled into criteria, sorts into orders."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from understudy.contract.catalog import Catalog
from understudy.contract.columns import Column, Step
from understudy.contract.contract import Place
from understudy.filters.criteria import Criteria, together
from understudy.filters.filters import Filter, filter_at


@dataclass(frozen=True)
class Sort:
    """An order of rows. If it is `stable`, rows of the same value are in the order in which they were created.

    Otherwise they are in the opposite order if the sort is `descending`.
    """

    column: Column
    descending: bool = False
    stable: bool = False


@dataclass(frozen=True)
class Query:
    """Reads a body with `x-selects`, which selects rows of `table`."""

    table: str
    filters: Mapping[str, tuple[Filter, tuple[Step, ...]]]
    passed: frozenset[str]
    sorts: Mapping[str, Mapping[str, Sort]]

    def read(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a handler: `criteria` for all filters, a `Sort` for each sort, other values unchanged.

        The value of a filter with `x-passed` is an argument too.
        """
        arguments: dict[str, Any] = {"criteria": self.criteria(body)}
        for name, value in body.items():
            if name in self.sorts:
                arguments[name] = self.sorts[name][value]
            elif name not in self.filters or name in self.passed:
                arguments[name] = value
        return arguments

    def criteria(self, body: Mapping[str, Any]) -> Criteria:
        paths = []
        for name, value in body.items():
            if name in self.filters:
                filter_, steps = self.filters[name]
                criteria = filter_(value)
                if criteria is not None:
                    paths.append((steps, criteria))
        return together(paths)


def query_at(place: Place, catalog: Catalog) -> Query:
    """Compile the body schema at `place`.

    Raises:
        ContractError: a filter is for another table than its path leads to, or an annotation is wrong.
    """
    table = place.value["x-selects"]
    filters, sorts = {}, {}
    passed = frozenset(name for name, part in place["properties"].items() if part.value.get("x-passed"))
    if "x-order" in place.value:
        sort_by(place.value["x-order"], table, catalog, place)
    for name, part in place["properties"].items():
        if "x-filters" in part.value:
            way = part.value.get("x-related")
            steps, end = catalog.steps(table, way, part) if way else ((), table)
            if end != part.value["x-filters"]:
                raise part.error(f"the filter is for `{part.value['x-filters']}`, but the path leads to `{end}`")
            filters[name] = (filter_at(part, catalog), steps)
        if "x-sorts" in part.value:
            sorts[name] = sorts_at(part, table, catalog)
    return Query(table, filters, passed, sorts)


def sorts_at(place: Place, table: str, catalog: Catalog) -> dict[str, Sort]:
    """The meaning of each value of a sort: a field, with a minus before it for descending order."""
    words = [word for word in place.value["enum"] if word is not None]
    if set(words) != set(place.value["x-sorts"]):
        raise place.error("`x-sorts` must have exactly the values of the `enum`")
    stable = place.value.get("x-stable-sorts", ())
    if not set(stable) <= set(words):
        raise place.error("`x-stable-sorts` must have values of the `enum`")
    orders = {word: sort_by(field, table, catalog, place) for word, field in place.value["x-sorts"].items()}
    return {word: replace(order, stable=word in stable) for word, order in orders.items()}


def sort_by(field: str, table: str, catalog: Catalog, place: Place) -> Sort:
    """The order by a field; by the first of several ("a|b") that is set, or by all of them ("a,b").

    Behind a minus, the largest comes first.
    """
    names, together = field.removeprefix("-"), "," in field
    column = catalog.column(table, tuple(names.split("," if together else "|")), place, together=together)
    return Sort(column, field.startswith("-"))
