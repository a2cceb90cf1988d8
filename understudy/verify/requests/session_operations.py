"""The operations whose requests can be about rows of a session alone, and the meaning of field names in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.contract.catalog import Catalog
from understudy.contract.contract import Place
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap, Selection
from understudy.verify.requests.field_operators import FieldOperator, field_operators_of


@dataclass(frozen=True)
class Fields:
    """The meaning of field names, in requests to any operation.

    Args:
        references: by field, the table of the rows whose ids it has.
        parents: by field, the table of the rows that a row depends on.
        names: the fields whose values are unique among the rows of a table.
        unique: the fields whose values are unique together, by table.
    """

    references: Mapping[str, str]
    parents: frozenset[str]
    names: frozenset[str]
    unique: Mapping[str, Sequence[Sequence[str]]]

    @classmethod
    def of(cls, catalog: Catalog) -> "Fields":
        """The fields of the rows of all tables."""
        references: dict[str, str] = {}
        names, parents = {"name"}, set()
        for schema in catalog.tables.values():
            names.update(*schema.unique)
            for field, reference in schema.references.items():
                references.setdefault(field, reference.table)
                parents.update([field] if reference.on_delete else [])
        return cls(
            references,
            frozenset(parents),
            frozenset(names),
            {table: schema.unique for table, schema in catalog.tables.items()},
        )

    def table_of(self, name: str) -> str:
        """The table of the row whose id, or rows whose ids, a field with a name has; empty without one."""
        return self.references.get(name.removesuffix("s"), "")

    def is_shared(self, endpoint: Endpoint) -> bool:
        """Whether the only name in a path is one that several rows can have, below different other rows."""
        if len(endpoint.parameters) != 1 or "x-names" not in endpoint.parameters[0].value:
            return False
        table, _, field = endpoint.parameters[0].value["x-names"].partition(".")
        sets = [names for names in self.unique.get(table, ()) if field in names]
        return bool(sets) and all(len(names) > 1 for names in sets)


@dataclass(frozen=True)
class SessionOperations:
    """The operations of a contract, and those whose requests can be about rows of a session alone (`endpoints`)."""

    map: EndpointMap
    fields: Fields
    endpoints: Sequence[Endpoint]

    @classmethod
    def of(cls, endpoint_map: EndpointMap, catalog: Catalog) -> "SessionOperations":
        """The operations on the rows of all tables."""
        fields = Fields.of(catalog)
        endpoints = [
            each
            for each in endpoint_map.endpoints
            if is_about_own_rows(each, fields.references) and not fields.is_shared(each)
        ]
        return cls(endpoint_map, fields, endpoints)

    def created(self, endpoint: Endpoint) -> str:
        """The table that an operation adds rows to; empty if it adds none."""
        return next((table for table, creates in self.map.creates.items() if creates == endpoint), "")


def selecting(selection: Selection) -> list[FieldOperator]:
    """The operators that select rows by their own ids or names."""
    return [
        each
        for each in field_operators_of(selection)
        if each.filter == selection.own
        and each.operator == "any_"
        and each.way == (selection.own, each.way[-1])
        and not each.is_either
        and any(field == "id" or field.endswith(("_id", "name", "key")) for field in each.fields)
    ]


def is_about_own_rows(endpoint: Endpoint, references: Mapping[str, str]) -> bool:
    """Whether a request can be about rows of the session alone."""
    parameters = endpoint.place.each("parameters")
    if any("x-names" in each.value for each in parameters):
        return True
    if endpoint.body is None:
        return False
    if endpoint.selects:
        return bool(selecting(Selection(endpoint.selects, endpoint)))
    return "201" in endpoint.place["responses"].value or refers(endpoint.body, references)


def refers(schema: Place, references: Mapping[str, str], within: frozenset[str] = frozenset()) -> bool:
    """Whether a value of a schema has the id or name of a row."""
    if schema.path in within:
        return False
    if "x-names" in schema.value:
        return True
    inside = within | {schema.path}
    if schema.value.get("type") == "array":
        return refers(schema["items"], references, inside)
    return any(
        name.removesuffix("s") in references or refers(part, references, inside)
        for name, part in schema.entries("properties")
    )
