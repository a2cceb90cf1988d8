"""Work queues, as other rows show them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.tables.table import Table


def show_queue(tables: Mapping[str, Table], row: dict[str, Any]) -> dict[str, Any] | None:
    """Set the id and the name of a row's queue, where it has one. Returns the queue's pool."""
    queue = row_of(tables["work_queues"], row["work_queue_id"])
    if queue is None:
        return None
    row["work_queue_name"] = queue["name"]
    return row_of(tables["work_pools"], queue["work_pool_id"])


def row_of(table: Table, row_id: str | None) -> dict[str, Any] | None:
    """The JSON of the row with an id; None where there is none."""
    row = None if row_id is None else table.find(UUID(row_id).int)
    found: dict[str, Any] | None = None if row is None else from_json(table.encoded(row))
    return found
