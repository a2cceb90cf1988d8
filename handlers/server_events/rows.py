"""Events of rows: the server emits one when a resource is created, updated or deleted, and when its status changes.

The contract names the operations (`x-observes`) and the observer of each table (`x-observed-by`). Source:
`prefect.server.events.schemas.lifecycle`, `prefect.server.models.events`, and where `prefect.server.models` emits them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from understudy.operations.observers import Changes, Row
from understudy.values import new_ordered_id, now
from understudy.workspaces.workspace import Workspace

from ..block_documents import masked, paths_of
from ..event_filters import ID, ROLE
from ..events import store_event
from .related import (
    NAME,
    POOL_TYPE,
    Labels,
    Lookup,
    Related,
    related_to_artifacts,
    related_to_deployment,
    related_to_document,
    related_to_new_pool,
    related_to_pool,
    related_to_queue,
    unrelated,
)
from .statuses import keep_status


class Kind(NamedTuple):
    """A kind of resource.

    `label` is the field that is its name in events. `watched` are the fields whose changes the event of an update has;
    there is no event if none of them changes. Without `watched`, each update has an event with the whole payload.
    `related` are the related resources in events, except those of the actions in `related_otherwise`. Without
    `has_status`, handlers store the events of a new status.
    """

    name: str
    label: str = "name"
    payload: Callable[[Lookup, Row], dict[str, Any]] = lambda lookup, row: {}
    related: Related = unrelated
    labels: Callable[[Row], Labels] = lambda row: {}
    watched: Mapping[str, str] | None = None
    related_otherwise: Mapping[str, Related] = {}
    has_status: bool = True


def fields(*names: str) -> Callable[[Lookup, Row], dict[str, Any]]:
    """A payload with some fields."""
    return lambda lookup, row: {name: row[name] for name in names}


def keep_all(workspace: Workspace, table: str, kind: Kind, changes: Changes) -> None:
    """Store the events of the rows of a table."""
    lookup = Lookup(workspace, changes)
    for number, (before, after) in enumerate(changes[table]):
        row, action = after or before, "created" if not before else "deleted" if not after else "updated"
        updates = updated_fields(kind, before, after) if before and after else {}
        if action != "updated" or kind.watched is None:
            add(workspace, lookup, kind, action, row, kind.payload(lookup, row))
        elif updates and number == 0:  # other rows change as a consequence, such as the priorities of queues
            add(workspace, lookup, kind, action, row, {"updated_fields": list(updates), "updates": updates})
        if kind.has_status and before and before.get("status") != after.get("status"):
            changed = workspace[table].find(UUID(row["id"]).int)
            if changed is not None:
                keep_status(workspace, table, changed)


def observer(table: str, kind: Kind) -> Callable[[Workspace, Changes], None]:
    """The observer of a table whose rows all have events."""

    def observe(workspace: Workspace, changes: Changes) -> None:
        keep_all(workspace, table, kind, changes)

    return observe


def updated_fields(kind: Kind, before: Row, after: Row) -> dict[str, Any]:
    return {
        label: {"from": before[name], "to": after[name]}
        for name, label in (kind.watched or {}).items()
        if before[name] != after[name]
    }


def add(workspace: Workspace, lookup: Lookup, kind: Kind, action: str, row: Row, payload: dict[str, Any]) -> None:
    moment, name = now(), row[kind.label]
    resource = {ID: f"prefect.{kind.name}.{row['id']}", **({} if name is None else {NAME: name}), **kind.labels(row)}
    event = {"id": new_ordered_id(), "occurred": moment, "received": moment, "event": f"prefect.{kind.name}.{action}"}
    related = kind.related_otherwise.get(action, kind.related)(lookup, row)
    store_event(workspace, {**event, "resource": resource, "related": related, "payload": payload, "follows": None})


# ----------------------------------------------------------------- the kinds


def payload_of_document(lookup: Lookup, row: Row) -> dict[str, Any]:
    """The fields of a block document that are not secret, as far as they are text once secrets are masked."""
    schema = lookup.get("block_schemas", row["block_schema_id"])
    block_type = lookup.get("block_types", row["block_type_id"])
    secret = () if schema is None else schema["fields"].get("secret_fields") or ()
    data = masked(row["data"], paths_of(secret))
    data = {name: value for name, value in data.items() if name not in secret and isinstance(value, str)}
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
AUTOMATION = Kind(
    "automation", payload=lambda lookup, row: {name: row[name] for name in row if name != "owner_resource"}
)
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
    related_otherwise={"created": related_to_new_pool, "updated": unrelated},
    has_status=False,
)
WORK_QUEUE = Kind(
    "work-queue",
    related=related_to_queue,
    labels=lambda row: {ROLE: "work-queue"},
    watched=same("name", "description", "concurrency_limit", "priority"),
)


def observe_block_documents(workspace: Workspace, changes: Changes) -> None:
    table = "block_documents"
    named = [(before, after) for before, after in changes[table] if not (after or before)["is_anonymous"]]
    keep_all(workspace, table, BLOCK_DOCUMENT, {**changes, table: named})


observe_artifacts = observer("artifact_collections", ARTIFACTS)
observe_automations = observer("automations", AUTOMATION)
observe_block_types = observer("block_types", BLOCK_TYPE)
observe_deployments = observer("deployments", DEPLOYMENT)
observe_flows = observer("flows", FLOW)
observe_global_limits = observer("concurrency_limits_v2", GLOBAL_LIMIT)
observe_tag_limits = observer("concurrency_limits", TAG_LIMIT)
observe_variables = observer("variables", VARIABLE)
observe_work_pools = observer("work_pools", WORK_POOL)
observe_work_queues = observer("work_queues", WORK_QUEUE)
