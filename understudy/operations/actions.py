"""Actions: handlers that many resources share, declared in the contract (`x-action`).

The table of an action is that of the rows that the body selects (`x-selects`), that the path names (`x-names`), or that
the response returns (`x-table`). Handlers of other operations use the same functions.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from pydantic_core import from_json
from pyroaring import BitMap

from understudy.contract.catalog import Catalog
from understudy.contract.columns import ID, Column
from understudy.contract.contract import MEDIA_TYPE, Place
from understudy.errors import Conflict, NotFound
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort, sort_by
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.tables.table import Table
from understudy.values import MICROSECOND, key_of, new_id, now, time_of_change
from understudy.workspaces.workspace import Workspace

Handler = Callable[..., Answer]
Names = Sequence[tuple[str, Column]]
"""Path parameters with the columns of their values."""


def action_at(operation: Place, catalog: Catalog) -> Handler:
    """The handler of an operation with an `x-action`.

    Raises:
        ContractError: the contract lacks an annotation that the action needs.
    """
    return ACTIONS[operation.value["x-action"]](operation, catalog)


# ------------------------------------------------------------------- one row


def read(operation: Place, catalog: Catalog) -> Handler:
    find = finder(operation, catalog)

    def handle(workspace: Workspace, **arguments: Any) -> Answer:
        table, row = find(workspace, arguments)
        return workspace.shown(table.schema.name, row)

    return handle


def update(operation: Place, catalog: Catalog) -> Handler:
    find, clash = finder(operation, catalog), message(operation, "409")

    def handle(workspace: Workspace, body: Mapping[str, Any], **arguments: Any) -> Answer:
        table, row = find(workspace, arguments)
        check_keys(workspace, table, body, clash, row)
        change(table, row, body)
        return NO_CONTENT

    return handle


def delete(operation: Place, catalog: Catalog) -> Handler:
    find = finder(operation, catalog)

    def handle(workspace: Workspace, **arguments: Any) -> Answer:
        table, row = find(workspace, arguments)
        workspace.delete(table.schema.name, [row])
        return NO_CONTENT

    return handle


def create(operation: Place, catalog: Catalog) -> Handler:
    """Adds a row. If the operation has a response 200 beside 201, an existing row with the same unique fields is
    returned.
    """
    name, clash = created_table(operation, catalog), message(operation, "409")
    finds_existing = {"200", "201"} <= operation.value["responses"].keys()
    parts = catalog.tables[name].place.entries("properties")
    stored_otherwise = [field for field, part in parts if "x-affinity" in part.value]

    def handle(workspace: Workspace, body: Mapping[str, Any]) -> Answer:
        table = workspace[name]
        existing = same_row(table, body) if finds_existing else None
        if existing is not None:
            return workspace.shown(name, existing), 200
        check_keys(workspace, table, body, clash)
        shown = as_sent(workspace.shown(name, insert(table, body)), body, stored_otherwise)
        return (shown, 201) if finds_existing else shown

    return handle


def as_sent(shown: bytes, body: Mapping[str, Any], fields: Sequence[str]) -> bytes | dict[str, Any]:
    """A new row as responses show it: some fields have the values that were sent, rather than the stored ones."""
    sent = {field: body[field] for field in fields if field in body}
    return {**from_json(shown), **sent} if sent else shown


# ----------------------------------------------------------------- many rows


def list_rows(operation: Place, catalog: Catalog) -> Handler:
    name, order = selected(operation, catalog)

    def handle(workspace: Workspace, criteria: Criteria, limit: int, offset: int = 0, sort: Sort = order) -> Answer:
        return workspace.page(name, criteria, sort, limit, offset)

    return handle


def count(operation: Place, catalog: Catalog) -> Handler:
    name, _ = selected(operation, catalog)

    def handle(workspace: Workspace, criteria: Criteria) -> Answer:
        return workspace.count(name, criteria)

    return handle


def paginate(operation: Place, catalog: Catalog) -> Handler:
    name, order = selected(operation, catalog)

    def handle(workspace: Workspace, criteria: Criteria, limit: int, page: int, sort: Sort = order) -> Answer:
        results = workspace.page(name, criteria, sort, limit, (page - 1) * limit)
        total = workspace.count(name, criteria)
        pages = -(-total // limit) if limit else 0
        return b'{"results":%b,"count":%d,"limit":%d,"pages":%d,"page":%d}' % (results, total, limit, pages, page)

    return handle


def bulk_delete(operation: Place, catalog: Catalog) -> Handler:
    name, order = selected(operation, catalog)

    def handle(workspace: Workspace, criteria: Criteria, limit: int) -> Answer:
        table = workspace[name]
        rows = workspace.first(name, criteria, order, limit)
        deleted = sorted(table.values(row)["id"] for row in rows)
        workspace.delete(name, rows)
        return {"deleted": deleted}

    return handle


ACTIONS: Mapping[str, Callable[[Place, Catalog], Handler]] = {
    "read": read,
    "update": update,
    "delete": delete,
    "create": create,
    "list": list_rows,
    "count": count,
    "paginate": paginate,
    "bulk_delete": bulk_delete,
}


# ------------------------------------------------------- shared with handlers


def insert(table: Table, values: Mapping[str, Any]) -> int:
    """Add a row with a new id, created now. Returns its number."""
    created = now()
    # The real server reads the clock for each of them, so `updated` is later than `created` from the start.
    return table.insert({"id": new_id(), "created": created, "updated": created + MICROSECOND, **values})


def change(table: Table, row: int, changes: Mapping[str, Any]) -> None:
    """Change fields of a row now."""
    own = table.values(row)
    table.update(row, {**changes, "updated": time_of_change(own["created"], own["updated"])})


def same_row(table: Table, values: Mapping[str, Any]) -> int | None:
    """The row with the same values in unique fields; None if there is no such row."""
    for fields in table.schema.unique:
        if all(values.get(field) is not None for field in fields):
            rows = matching(table, [(Column((field,)), key_of(values[field])) for field in fields])
            if rows:
                return rows.min()
    return None


def matching(table: Table, keys: Sequence[tuple[Column, Any]]) -> BitMap:
    """The rows with some keys, each in its column."""
    return BitMap.intersection(*(table.index(column).rows(key) for column, key in keys))


def check_keys(
    workspace: Workspace, table: Table, values: Mapping[str, Any], detail: str, row: int | None = None
) -> None:
    """Check the constraints of the values of a row.

    No other row has the same unique fields, referenced rows exist, and required fields have a value. A reference is
    checked if the contract has an `x-on-delete` for it.

    Raises:
        Conflict: a constraint is violated. Its text is `detail`, in which names in braces are fields.
    """
    if any(value is None and name in table.schema.filled for name, value in values.items()):
        raise Conflict(detail.format(**values))
    unique = set(chain(*table.schema.unique))
    if row is None or unique & values.keys():
        whole = values if row is None else {**table.values(row), **values}
        other = same_row(table, whole)
        if other is not None and other != row:
            raise Conflict(detail.format(**whole))
    for name, reference in table.schema.references.items():
        target = values.get(name)
        if target is not None and reference.on_delete and workspace[reference.table].find(target.int) is None:
            raise Conflict(detail.format(**values))


# ------------------------------------------------------ reading the contract


def finder(operation: Place, catalog: Catalog) -> Callable[[Workspace, Mapping[str, Any]], tuple[Table, int]]:
    """A function that finds the row of a path.

    Raises:
        ContractError: no path parameter names a table, or the 404 response has no message.
    """
    name, names = named(operation, catalog)
    detail = message(operation, "404")

    def find(workspace: Workspace, arguments: Mapping[str, Any]) -> tuple[Table, int]:
        table = workspace[name]
        rows = matching(table, [(column, key_of(arguments[parameter])) for parameter, column in names])
        if not rows:
            raise NotFound(detail.format(**arguments))
        return table, rows.min()

    return find


def named(operation: Place, catalog: Catalog) -> tuple[str, Names]:
    """The table of the row that path parameters name, and their columns."""
    found: list[tuple[str, str, Column]] = []
    for parameter in operation.each("parameters"):
        if "x-names" in parameter.value:
            table, _, field = parameter.value["x-names"].partition(".")
            found.append((table, parameter.value["name"], catalog.column(table, (field,), parameter)))
    tables = {table for table, _, _ in found}
    if len(tables) != 1:
        raise operation.error("`x-action` requires a path whose parameters name rows of one table (`x-names`)")
    return tables.pop(), [(parameter, column) for _, parameter, column in found]


def created_table(operation: Place, catalog: Catalog) -> str:
    """The table of the row in a response."""
    for status in ("201", "200"):
        content = operation["responses"].value.get(status) and operation["responses"][status].get("content")
        schema = content and content[MEDIA_TYPE].get("schema")
        if schema and "x-table" in schema.value:
            return catalog.table(schema.value["x-table"], schema).name
    raise operation.error("`x-action: create` requires a response that is a row (`x-table`)")


def selected(operation: Place, catalog: Catalog) -> tuple[str, Sort]:
    """The table of the rows that a body selects, and their default order."""
    body = operation.get("requestBody")
    schema = body and body["content"][MEDIA_TYPE]["schema"]
    if not schema or "x-selects" not in schema.value:
        raise operation.error("`x-action` requires a body that selects rows (`x-selects`)")
    table = catalog.table(schema.value["x-selects"], schema).name
    order = schema.value.get("x-order")
    return table, Sort(ID) if order is None else sort_by(order, table, catalog, schema)


def message(operation: Place, status: str) -> str:
    """The `x-message` of a response; '' if the operation has no such response.

    Raises:
        ContractError: the response has no message.
    """
    responses = operation["responses"]
    if status not in responses.value:
        return ""
    response = responses[status]
    if "x-message" not in response.value:
        raise operation.error(f"`x-action` requires the `x-message` of the response {status}")
    return str(response.value["x-message"])
