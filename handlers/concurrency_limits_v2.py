"""Global concurrency limits, by name."""

from math import floor
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import NotFound
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, check_keys, matching
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.tables.table import Table
from understudy.values import is_id, now
from understudy.workspaces.workspace import Workspace

NAME = Column(("name",))
CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs for"
    " details."
)


def read_concurrency_limit_v2(workspace: Workspace, id_or_name: str) -> Answer:
    return shown(workspace["concurrency_limits_v2"], global_limit(workspace, id_or_name))


def read_all_concurrency_limits_v2(workspace: Workspace, criteria: Criteria, limit: int, offset: int) -> Answer:
    limits = workspace["concurrency_limits_v2"]
    return [shown(limits, row) for row in workspace.first(limits.schema.name, criteria, Sort(NAME), limit, offset)]


def update_concurrency_limit_v2(workspace: Workspace, id_or_name: str, body: dict[str, Any]) -> Answer:
    limits, row = workspace["concurrency_limits_v2"], global_limit(workspace, id_or_name)
    check_keys(workspace, limits, body, CONFLICT, row)
    change(limits, row, body)
    return NO_CONTENT


def delete_concurrency_limit_v2(workspace: Workspace, id_or_name: str) -> Answer:
    workspace.delete("concurrency_limits_v2", [global_limit(workspace, id_or_name)])
    return NO_CONTENT


def global_limit(workspace: Workspace, id_or_name: str) -> int:
    limits = workspace["concurrency_limits_v2"]
    row = limits.find(UUID(id_or_name).int) if is_id(id_or_name) else named(limits, NAME, id_or_name)
    if row is None:
        raise NotFound("Concurrency Limit not found")
    return row


def shown(limits: Table, row: int) -> dict[str, Any]:
    """A limit with the slots that have not decayed yet."""
    values = limits.values(row)
    decayed = floor(values["slot_decay_per_second"] * (now() - values["updated"]).total_seconds())
    values["active_slots"] = max(0, values["active_slots"] - decayed)
    del values["denied_slots"], values["avg_slot_occupancy_seconds"]
    return values


def named(table: Table, column: Column, name: str) -> int | None:
    rows = matching(table, [(column, name)])
    return rows.min() if rows else None
