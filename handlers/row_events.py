"""Events of rows: the server has one when a resource is created, updated or deleted, and when its status changes.

The contract names the operations (`x-observes`) and the observer of each table (`x-observed-by`). Source:
`prefect.server.events.schemas.lifecycle`, `prefect.server.models.events`, and where `prefect.server.models` emits them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace

from .event_filters import ID, ROLE
from .events import keep
from .status_events import keep_status

NAME, POOL_TYPE = "prefect.resource.name", "prefect.work-pool.type"

Row = Mapping[str, Any]
Labels = dict[str, str]
Rows = Sequence[tuple[Row, Row]]
"""Rows before and after an operation, as JSON; empty if they do not exist."""


class Kind(NamedTuple):
    """A kind of resource.

    `label` is the field that is its name in events. `watched` are the fields whose changes are in the event of an
    update, which there is only if one of them changes; without them, each update has one, with the whole payload.
    Without `relates_updates`, the event of an update has no related resources.
    """

    name: str
    label: str = "name"
    payload: Callable[[Workspace, Row], dict[str, Any]] = lambda workspace, row: {}
    related: Callable[[Workspace, Row], list[Labels]] = lambda workspace, row: []
    labels: Callable[[Row], Labels] = lambda row: {}
    watched: Mapping[str, str] | None = None
    relates_updates: bool = True


def fields(*names: str) -> Callable[[Workspace, Row], dict[str, Any]]:
    """A payload of some fields."""
    return lambda workspace, row: {name: row[name] for name in names}


def keep_all(workspace: Workspace, kind: Kind, rows: Rows) -> None:
    for number, (before, after) in enumerate(rows):
        row, action = after or before, "created" if not before else "deleted" if not after else "updated"
        updates = changes(kind, before, after) if before and after else {}
        if action != "updated" or kind.watched is None:
            add(workspace, kind, action, row, kind.payload(workspace, row))
        elif updates and number == 0:  # other rows change as a consequence, such as the priorities of queues
            add(workspace, kind, action, row, {"updated_fields": list(updates), "updates": updates})
        if before and after and before.get("status") != after.get("status"):
            table = f"{kind.name}s".replace("-", "_")
            changed = workspace[table].find(UUID(row["id"]).int)
            if changed is not None:
                keep_status(workspace, table, changed)


def changes(kind: Kind, before: Row, after: Row) -> dict[str, Any]:
    return {
        label: {"from": before[name], "to": after[name]}
        for name, label in (kind.watched or {}).items()
        if before[name] != after[name]
    }


def add(workspace: Workspace, kind: Kind, action: str, row: Row, payload: dict[str, Any]) -> None:
    moment, name = now(), row[kind.label]
    resource = {ID: f"prefect.{kind.name}.{row['id']}", **({} if name is None else {NAME: name}), **kind.labels(row)}
    event = {"id": new_id(), "occurred": moment, "received": moment, "event": f"prefect.{kind.name}.{action}"}
    related = kind.related(workspace, row) if action != "updated" or kind.relates_updates else []
    keep(workspace, {**event, "resource": resource, "related": related, "payload": payload, "follows": None})


def resource_of(workspace: Workspace, table: str, kind: str, row_id: str | None) -> list[Labels]:
    """The labels of a related row, if there is one."""
    row = workspace[table].get(UUID(row_id)) if row_id else None
    if row is None:
        return []
    more = {POOL_TYPE: row["type"]} if kind == "work-pool" else {}
    return [{ID: f"prefect.{kind}.{row['id']}", NAME: row["name"], **more, ROLE: kind}]


def reference(kind: str, row_id: str | None, role: str) -> list[Labels]:
    return [{ID: f"prefect.{kind}.{row_id}", ROLE: role}] if row_id else []


# ----------------------------------------------------------------- the kinds


def related_to_artifacts(workspace: Workspace, row: Row) -> list[Labels]:
    return [
        *reference("artifact", row["latest_id"], "latest"),
        *reference("flow-run", row["flow_run_id"], "flow-run"),
        *reference("task-run", row["task_run_id"], "task-run"),
    ]


def related_to_deployment(workspace: Workspace, row: Row) -> list[Labels]:
    queue = workspace["work_queues"].get(UUID(row["work_queue_id"])) if row["work_queue_id"] else None
    pool_id = None if queue is None else queue["work_pool_id"]
    return [
        *resource_of(workspace, "flows", "flow", row["flow_id"]),
        *resource_of(workspace, "work_queues", "work-queue", row["work_queue_id"]),
        *resource_of(workspace, "work_pools", "work-pool", None if pool_id is None else str(pool_id)),
        *reference("block-document", row["storage_document_id"], "storage"),
        *reference("block-document", row["infrastructure_document_id"], "infrastructure"),
        *reference("concurrency-limit", row["concurrency_limit_id"], "concurrency-limit"),
    ]


def related_to_pool(workspace: Workspace, row: Row) -> list[Labels]:
    storage = (row["storage_configuration"] or {}).get("default_result_storage_block_id")
    return [
        *reference("work-queue", row["default_queue_id"], "default-queue"),
        *reference("block-document", storage, "result-storage"),
    ]


def related_to_queue(workspace: Workspace, row: Row) -> list[Labels]:
    return resource_of(workspace, "work_pools", "work-pool", row["work_pool_id"])


def related_to_document(workspace: Workspace, row: Row) -> list[Labels]:
    block_type = workspace["block_types"].get(UUID(row["block_type_id"]))
    name = {} if block_type is None else {NAME: block_type["name"]}
    return [
        {ID: f"prefect.block-type.{row['block_type_id']}", ROLE: "block-type", **name},
        *reference("block-schema", row["block_schema_id"], "block-schema"),
    ]


def payload_of_document(workspace: Workspace, row: Row) -> dict[str, Any]:
    """What is not secret in a block document, as far as it is text."""
    schema = workspace["block_schemas"].get(UUID(row["block_schema_id"]))
    block_type = workspace["block_types"].get(UUID(row["block_type_id"]))
    secret = set() if schema is None else set(schema["fields"].get("secret_fields") or ())
    data = {name: value for name, value in row["data"].items() if name not in secret and isinstance(value, str)}
    shown = None
    if schema is not None:
        name = "" if block_type is None else block_type["name"]
        of_type = {"id": row["block_type_id"], "name": name}
        shown = {"capabilities": schema["capabilities"], "block_type": of_type}
    return {"name": row["name"], "data": data, "block_schema": shown}


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


ARTIFACTS = Kind(
    "artifact-collection", "key", fields("key", "type", "data", "description"), related=related_to_artifacts
)
AUTOMATION = Kind("automation", payload=lambda workspace, row: dict(row))
BLOCK_DOCUMENT = Kind("block-document", payload=payload_of_document, related=related_to_document)
BLOCK_TYPE = Kind(
    "block-type",
    payload=fields("name", "slug", "logo_url", "documentation_url", "description", "code_example", "is_protected"),
)
DEPLOYMENT = Kind(
    "deployment",
    related=related_to_deployment,
    watched={
        **same(
            "description", "tags", "parameters", "parameter_openapi_schema", "enforce_parameter_schema", "entrypoint",
            "path", "pull_steps", "work_queue_id", "paused", "labels", "version", "concurrency_limit_id",
            "concurrency_options",
        ),
        "job_variables": "infra_overrides",
    },
)  # fmt: skip
FLOW = Kind("flow", payload=fields("name", "tags", "labels"))
GLOBAL_LIMIT = Kind("concurrency-limit", payload=fields("name", "limit", "active", "slot_decay_per_second"))
TAG_LIMIT = Kind("concurrency-limit", "tag", fields("tag", "concurrency_limit"))
VARIABLE = Kind("variable", payload=fields("name", "value", "tags"))
WORK_POOL = Kind(
    "work-pool",
    related=related_to_pool,
    labels=lambda row: {POOL_TYPE: row["type"], ROLE: "work-pool"},
    watched=same("description", "base_job_template", "concurrency_limit", "storage_configuration"),
    relates_updates=False,
)
WORK_QUEUE = Kind(
    "work-queue",
    related=related_to_queue,
    labels=lambda row: {ROLE: "work-queue"},
    watched=same("name", "description", "concurrency_limit", "priority"),
)


def observe_artifacts(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, ARTIFACTS, rows)


def observe_automations(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, AUTOMATION, rows)


def observe_block_documents(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, BLOCK_DOCUMENT, [each for each in rows if not (each[1] or each[0])["is_anonymous"]])


def observe_block_types(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, BLOCK_TYPE, rows)


def observe_deployments(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, DEPLOYMENT, rows)


def observe_flows(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, FLOW, rows)


def observe_global_limits(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, GLOBAL_LIMIT, rows)


def observe_tag_limits(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, TAG_LIMIT, rows)


def observe_variables(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, VARIABLE, rows)


def observe_work_pools(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, WORK_POOL, rows)


def observe_work_queues(workspace: Workspace, rows: Rows) -> None:
    keep_all(workspace, WORK_QUEUE, rows)
