"""The complete visible state of a workspace, and changes of any kind."""

import random
from collections.abc import Iterable
from typing import Any

from understudy.contract.columns import Column
from understudy.operations.api_folder import Api
from understudy.tables.table import Table
from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace


def state(api: Api, workspace: Workspace) -> dict[str, Any]:
    """The complete visible state of tables."""
    return {name: state_of(table, api.catalog.columns[name]) for name, table in workspace.items()}


def state_of(table: Table, columns: Iterable[Column]) -> dict[str, Any]:
    return {
        "rows": {row: table.encoded(row) for row in table.live},
        "found": {table.values(row)["id"]: table.find(table.values(row)["id"].int) for row in table.live},
        "indexes": {
            column.names: (index_content(table, column), in_order(table, column) if sortable(column) else None)
            for column in columns
        },
    }


def index_content(table: Table, column: Column) -> dict[Any, list[int]]:
    return {key: list(rows) for key, rows in table.index(column).by_key.items() if rows}


def in_order(table: Table, column: Column) -> list[int]:
    return table.index(column).page(table.live, False, 0, len(table))


def sortable(column: Column) -> bool:
    return column.names in [("id",), ("created",), ("updated",), ("name",), ("key",)]


def change_anything(randomness: random.Random, workspace: Workspace) -> None:
    table = workspace[randomness.choice(["flows", "artifacts", "artifact_collections"])]
    name = "name" if table.schema.name == "flows" else "key"
    rows = list(table.live)
    match randomness.choice(["add", "update", "delete", "cascade"]) if rows else "add":
        case "add":
            values = {"id": new_id(), "created": now(), "updated": now(), name: str(new_id())}
            more = {"latest_id": new_id()} if table.schema.name == "artifact_collections" else {}
            table.insert({**values, **more})
        case "update":
            table.update(randomness.choice(rows), {"updated": now(), name: randomness.choice("abc")})
        case "delete":
            table.delete(randomness.choice(rows))
        case _:
            workspace.delete(table.schema.name, [randomness.choice(rows)])
