"""The operations of a contract, by their effect on the rows of its tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from understudy.contract.contract import Contract, Place
from understudy.sampling.random_requests import Request
from understudy.verify.requests.endpoint import LIMIT, Endpoint, endpoint_at, schema_of, stream_at, success_of

ROW = {"id", "created", "updated"}  # fields that every row has, and views lack


@dataclass(frozen=True)
class Lookup:
    """An operation on the one row of `table` whose `field` has the value of a parameter, mostly a path parameter."""

    endpoint: Endpoint
    parameter: str
    table: str
    field: str

    def request(self, value: str, body: Any = None) -> Request:
        return self.endpoint.request(body, **{self.parameter: value})


@dataclass(frozen=True)
class Selection:
    """The operations that select rows of one table by the same filters."""

    table: str
    lists: Endpoint
    counts: Endpoint | None = None
    pages: Endpoint | None = None
    removes: Endpoint | None = None

    @cached_property
    def all(self) -> list[Endpoint]:
        """The operations that change nothing."""
        return [endpoint for endpoint in (self.lists, self.counts, self.pages) if endpoint is not None]

    @cached_property
    def parts(self) -> Mapping[str, Place]:
        """The properties of the list's body, by name."""
        return dict(schema_of(self.lists)["properties"].items())

    @cached_property
    def filters(self) -> Mapping[str, Place]:
        return {name: part for name, part in self.parts.items() if "x-filters" in part.value}

    @cached_property
    def own(self) -> str:
        """The name of the filter on the table's own rows; empty without one."""
        return next((name for name, part in self.filters.items() if "x-related" not in part.value), "")

    @cached_property
    def shows_rows(self) -> bool:
        """Whether it lists the rows themselves, and not views with other fields."""
        return bool(success_of(self.lists)["items"].value.get("x-table") == self.table)

    @cached_property
    def shows_views(self) -> bool:
        """Whether it lists views with everything that Understudy needs to know about the rows (`x-shows`)."""
        return self.lists.listed_table == self.table and not self.shows_rows

    @cached_property
    def page_size(self) -> int:
        """How many rows a response has by default."""
        return int(self.parts[LIMIT].value["default"])

    @cached_property
    def sort(self) -> tuple[str, Place] | None:
        """The name of the sort, and its schema; None if rows have one order only."""
        return next(((name, part) for name, part in self.parts.items() if "x-sorts" in part.value), None)


@dataclass(frozen=True)
class EndpointMap:
    """All operations. Tables have their names from the contract.

    Args:
        lists: the operations that list all rows of a table for a body in the contract, for tables without a selection.
        children: the operations that list the rows of a table below a row of another one, for tables without another
            list.
        streams: the WebSockets.
    """

    endpoints: tuple[Endpoint, ...]
    selections: Mapping[str, Selection] = field(default_factory=dict)
    reads: tuple[Lookup, ...] = ()
    updates: Mapping[str, Lookup] = field(default_factory=dict)
    deletes: Mapping[str, Lookup] = field(default_factory=dict)
    creates: Mapping[str, Endpoint] = field(default_factory=dict)
    changes: tuple[Lookup, ...] = ()
    lists: Mapping[str, Endpoint] = field(default_factory=dict)
    children: Mapping[str, Lookup] = field(default_factory=dict)
    streams: tuple[Endpoint, ...] = ()

    @property
    def about_rows(self) -> list[Lookup]:
        """The operations that change nothing and are about the one row that their path names."""
        return [lookup for each in self.endpoints if each.is_safe and (lookup := named_by(each)) is not None]

    @property
    def listed_tables(self) -> list[str]:
        """The tables whose rows are listed with all fields."""
        return [table for table, selection in self.selections.items() if selection.shows_rows]

    def find(self, method: str, path: str) -> Endpoint | None:
        """The operation of a method, or the stream, whose path is one without a query; the one with fewest parameters.

        Parameters may be any text.
        """
        parts = path.split("/")
        alike = self._by_form.get((method, len(parts)), ())
        return next((each for each in alike if each.has_parts(parts)), None)

    @cached_property
    def _by_form(self) -> Mapping[tuple[str, int], Sequence[Endpoint]]:
        """All operations and streams by method and number of parts, those with fewer parameters first."""
        found: dict[tuple[str, int], list[Endpoint]] = {}
        for each in sorted((*self.endpoints, *self.streams), key=lambda each: each.path.count("{")):
            found.setdefault((each.method, each.path.count("/") + 1), []).append(each)
        return found

    @property
    def by_path(self) -> Mapping[str, Sequence[Endpoint]]:
        """The operations at each path."""
        paths: dict[str, list[Endpoint]] = {}
        for endpoint in self.endpoints:
            paths.setdefault(endpoint.path, []).append(endpoint)
        return paths

    @classmethod
    def of(cls, contract: Contract) -> "EndpointMap":
        endpoints = cls.of_endpoints(tuple(map(endpoint_at, (place for _, place in contract.operations()))))
        return replace(endpoints, streams=tuple(map(stream_at, contract.stream_places())))

    def below(self, table: str, row: Mapping[str, Any]) -> "EndpointMap":
        """The operations whose path continues below a row of a table, all with the same row."""
        return EndpointMap.of_endpoints(tuple(bound_to(table, row, self.endpoints)))

    @classmethod
    def of_endpoints(cls, endpoints: tuple[Endpoint, ...]) -> "EndpointMap":
        lookups = [lookup for endpoint in endpoints if (lookup := lookup_of(endpoint)) is not None]
        selections = selections_of(endpoints)
        return cls(
            endpoints,
            selections,
            tuple(lookup for lookup in lookups if lookup.endpoint.method == "GET"),
            {lookup.table: lookup for lookup in lookups if lookup.endpoint.method in ("PATCH", "PUT")},
            {lookup.table: lookup for lookup in lookups if lookup.endpoint.method == "DELETE"},
            {table: endpoint for endpoint in endpoints if (table := created_by(endpoint, lookups)) is not None},
            tuple(lookup for lookup in lookups if lookup.endpoint.method != "GET"),
            {
                table: endpoint
                for endpoint in endpoints
                if (table := endpoint.listed_table) not in ("", *selections)
                and endpoint.lists_all
                and not endpoint.parameters
            },
            {
                table: lookup
                for endpoint in endpoints
                if (table := endpoint.listed_table) not in ("", *selections)
                and (lookup := named_by(endpoint) or named_by_query(endpoint)) is not None
            },
        )


def selections_of(endpoints: tuple[Endpoint, ...]) -> dict[str, Selection]:
    found: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        # A list below another row needs that row's name, and shows a part of its table.
        if endpoint.selects and not endpoint.parameters:
            role = role_of(endpoint)
            if role is not None:
                found.setdefault(endpoint.selects, {}).setdefault(role, endpoint)
    return {table: Selection(table, **roles) for table, roles in found.items() if "lists" in roles}


def role_of(endpoint: Endpoint) -> str | None:
    """The role of an operation that selects rows; None for a view of them, such as a history."""
    if not endpoint.is_safe:
        return "removes"
    schema = endpoint.success
    if schema is None or schema.value.get("type") == "integer":
        return None if schema is None else "counts"
    if schema.value.get("type") == "array":
        return "lists" if schema["items"].value.get("properties", {}).keys() >= ROW else None
    return "pages" if any("x-counts" in part.value for _, part in schema.entries("properties")) else None


def bound_to(table: str, row: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> Iterator[Endpoint]:
    """The operations whose path begins with the path of a row of a table and continues, with the row's key filled
    in.
    """
    for endpoint in endpoints:
        first = next(iter(endpoint.parameters), None)
        if first is None or "x-names" not in first.value or endpoint.path.endswith(f"{{{first.value['name']}}}"):
            continue
        named, _, field_name = first.value["x-names"].partition(".")
        if named == table and isinstance(row.get(field_name), str):
            yield replace(endpoint, given=((first.value["name"], row[field_name]),))


def lookup_of(endpoint: Endpoint) -> Lookup | None:
    """The role of an operation on one row that its path names; None for others."""
    is_read, success = endpoint.method == "GET", endpoint.success
    if is_read and (success is None or "id" not in success.value.get("properties", ())):
        return None
    return named_by(endpoint) if is_read or endpoint.path.endswith("}") else None


def named_by(endpoint: Endpoint) -> Lookup | None:
    """The operation with the row that its path names; None if it names no row, or several."""
    for parameter in endpoint.parameters:
        if len(endpoint.parameters) == 1 and "x-names" in parameter.value:
            return lookup_by(endpoint, parameter)
    return None


def named_by_query(endpoint: Endpoint) -> Lookup | None:
    """The operation with the row that its query must name; None if the query need not, or the path names one."""
    needed = [each for each in endpoint.query if each.value.get("required")]
    if endpoint.parameters or len(needed) != 1 or "x-names" not in needed[0].value:
        return None
    return lookup_by(endpoint, needed[0])


def lookup_by(endpoint: Endpoint, parameter: Place) -> Lookup:
    table, _, name = parameter.value["x-names"].partition(".")
    return Lookup(endpoint, parameter.value["name"], table, name)


def created_by(endpoint: Endpoint, lookups: Sequence[Lookup]) -> str | None:
    """The table that an operation adds rows to; None if its path names the row that they belong to.

    If responses do not say so, it is the table whose rows are returned by their ids below the same path.
    """
    if endpoint.method not in ("POST", "PUT") or endpoint.parameters or endpoint.success is None:
        return None
    if "201" not in endpoint.place["responses"].value:
        return None
    table: str | None = endpoint.success.value.get("x-table")
    below = (
        lookup.table
        for lookup in lookups
        if lookup.field == "id" and lookup.endpoint.path == f"{endpoint.path.rstrip('/')}/{{{lookup.parameter}}}"
    )
    return table or next(below, None)
