"""The related resources of events.

Source: `prefect.server.events.schemas.lifecycle` and `prefect.server.models.events`.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from understudy.operations.observers import Changes, Row
from understudy.workspaces.workspace import Workspace

from ..event_filters import ID, ROLE

NAME, POOL_TYPE = "prefect.resource.name", "prefect.work-pool.type"

Labels = dict[str, str]
NO_CHANGES: Changes = {}


class Lookup:
    """Finds rows, including those that the operation has deleted."""

    def __init__(self, workspace: Workspace, changes: Changes = NO_CHANGES) -> None:
        self._workspace = workspace
        self._deleted = {
            (table, before["id"]): before for table, rows in changes.items() for before, after in rows if not after
        }

    def get(self, table: str, row_id: Any) -> Row | None:
        if row_id is None:
            return None
        return self._workspace[table].get(UUID(str(row_id))) or self._deleted.get((table, str(row_id)))


def unrelated(lookup: Lookup, row: Row) -> list[Labels]:
    return []


Related = Callable[[Lookup, Row], list[Labels]]


def resource_of(lookup: Lookup, table: str, kind: str, row_id: Any) -> list[Labels]:
    """The labels of a related row, if there is one."""
    row = lookup.get(table, row_id)
    if row is None:
        return []
    more = {POOL_TYPE: row["type"]} if kind == "work-pool" else {}
    return [{ID: f"prefect.{kind}.{row['id']}", NAME: row["name"], **more, ROLE: kind}]


def reference(kind: str, row_id: str | None, role: str) -> list[Labels]:
    return [{ID: f"prefect.{kind}.{row_id}", ROLE: role}] if row_id else []


def related_to_artifacts(lookup: Lookup, row: Row) -> list[Labels]:
    return [
        *reference("artifact", row["latest_id"], "latest"),
        *reference("flow-run", row["flow_run_id"], "flow-run"),
        *reference("task-run", row["task_run_id"], "task-run"),
    ]


def related_to_deployment(lookup: Lookup, row: Row) -> list[Labels]:
    queue = lookup.get("work_queues", row["work_queue_id"]) or {}
    return [
        *resource_of(lookup, "flows", "flow", row["flow_id"]),
        *resource_of(lookup, "work_queues", "work-queue", row["work_queue_id"]),
        *resource_of(lookup, "work_pools", "work-pool", queue.get("work_pool_id")),
        *reference("block-document", row["storage_document_id"], "storage"),
        *reference("block-document", row["infrastructure_document_id"], "infrastructure"),
        *reference("concurrency-limit", row["concurrency_limit_id"], "concurrency-limit"),
    ]


def related_to_new_pool(lookup: Lookup, row: Row) -> list[Labels]:
    return reference("work-queue", row["default_queue_id"], "default-queue")


def related_to_pool(lookup: Lookup, row: Row) -> list[Labels]:
    storage = (row["storage_configuration"] or {}).get("default_result_storage_block_id")
    return [*related_to_new_pool(lookup, row), *reference("block-document", storage, "result-storage")]


def related_to_queue(lookup: Lookup, row: Row) -> list[Labels]:
    return resource_of(lookup, "work_pools", "work-pool", row["work_pool_id"])


def related_to_document(lookup: Lookup, row: Row) -> list[Labels]:
    block_type = lookup.get("block_types", row["block_type_id"])
    name = {} if block_type is None else {NAME: block_type["name"]}
    return [
        {ID: f"prefect.block-type.{row['block_type_id']}", ROLE: "block-type", **name},
        *reference("block-schema", row["block_schema_id"], "block-schema"),
    ]
