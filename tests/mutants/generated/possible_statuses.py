"""The statuses of an operation that some request can cause, as far as the contract says what causes them."""

from collections.abc import Iterator, Mapping
from itertools import chain

from understudy.contract.catalog import Catalog, RowSchema
from understudy.contract.contract import Place
from understudy.verify.requests.endpoint import LIMIT, Endpoint, schema_of
from understudy.verify.requests.endpoint_map import EndpointMap

SUCCESS, CONFLICT, INVALID = 200, 409, 422


def possible_statuses(endpoint_map: EndpointMap, catalog: Catalog) -> Iterator[tuple[Endpoint, int]]:
    """Each operation with each of its statuses that may be returned."""
    created = {endpoint.label: table for table, endpoint in endpoint_map.creates.items()}
    for endpoint in endpoint_map.endpoints:
        table = created.get(endpoint.label) or named_table(endpoint)
        possible = {
            SUCCESS: not endpoint.may_be_off,  # as it is by default
            CONFLICT: may_conflict(endpoint, table, catalog.tables),
            INVALID: may_be_invalid(endpoint),
        }
        for status in map(int, endpoint.place.value["responses"]):
            if possible.get(status, True):
                yield endpoint, status


def named_table(endpoint: Endpoint) -> str:
    """The table of the row that the end of a path names; empty if it names none."""
    parameters = endpoint.parameters
    if not parameters or not endpoint.path.endswith("}"):
        return ""
    return str(parameters[-1].value.get("x-names", "")).partition(".")[0]


def may_conflict(endpoint: Endpoint, table: str, tables: Mapping[str, RowSchema]) -> bool:
    """Whether a change can break what must be true for rows.

    What other operations change than to create, update and delete rows, is not known, so each of them may that has a
    body.
    """
    if endpoint.method == "DELETE":
        return table not in tables or is_referred_to_by_owner(tables[table], tables)
    if endpoint.body is None:
        return False
    if only_selects(endpoint):
        return is_referred_to_by_owner(tables[endpoint.selects], tables)
    return table not in tables or may_break(endpoint, tables[table])


def is_referred_to_by_owner(table: RowSchema, tables: Mapping[str, RowSchema]) -> bool:
    """Whether a row with which rows of a table are deleted may refer to one of them, which is then needed.

    Rows that are referred to by others are deleted with effects on these, or without any.
    """
    owners = (tables[reference.table] for reference in table.references.values() if reference.on_delete)
    return any(
        reference.table == table.name and not reference.on_delete
        for owner in owners
        for reference in owner.references.values()
    )


def only_selects(endpoint: Endpoint) -> bool:
    """Whether a body states which rows are changed, and nothing else: they are deleted."""
    parts = schema_of(endpoint).entries("properties")
    return bool(endpoint.selects) and all("x-filters" in part.value or name == LIMIT for name, part in parts)


def may_break(endpoint: Endpoint, table: RowSchema) -> bool:
    """Whether a field of a body is unique, refers to a row that must exist, or may be null where rows need a value."""
    finds_existing = {"200", "201"} <= endpoint.place.value["responses"].keys()
    unique = set() if finds_existing else {*chain(*table.unique)}
    checked = {name for name, reference in table.references.items() if reference.on_delete}

    def is_needed(name: str, part: Place) -> bool:
        return name in table.filled and part.value.get("nullable") and not part.value.get("x-null-replaced")

    parts = schema_of(endpoint).entries("properties")
    return any(name in unique | checked or is_needed(name, part) for name, part in parts)


def may_be_invalid(endpoint: Endpoint) -> bool:
    """Whether a body or the query can be invalid: one that is not a free text, or that must be there."""
    return endpoint.body is not None or any(
        part.value.get("required") or not is_free_text(part["schema"]) for part in endpoint.query
    )


def is_free_text(place: Place) -> bool:
    return bool(place.value.get("type") == "string") and place.value.keys() <= {
        "type",
        "nullable",
        "title",
        "description",
    }
