"""Flow runs: shown with their work queue, and with estimates; created with their first state."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from understudy.errors import BadRequest, Conflict, NotFound
from understudy.operations.actions import change, check_keys, insert, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.tables.table import Table
from understudy.values import MICROSECOND, new_id, now, time_of_change
from understudy.workspaces.workspace import Workspace

from .names import new_name
from .runs import estimate
from .states import TERMINAL, first_state, new_state
from .work_queues import queue_of, show_queue

CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs for "
    "details."
)


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A flow run with the names of its queue and pool as they are now."""
    estimate(row)
    pool = show_queue(tables, row)
    row["work_pool_id"] = pool and pool["id"]
    row["work_pool_name"] = pool and pool["name"]


def create_flow_run(workspace: Workspace, body: dict[str, Any]) -> Answer:
    runs, moment = workspace["flow_runs"], now()
    values = {name: value for name, value in body.items() if name not in ("state", "work_pool_name")}
    if body.get("work_pool_name"):
        values["work_queue_id"] = queue_of(workspace, body["work_pool_name"], body.get("work_queue_name"))
    # The real server gives no default to a run with a key.
    has_key = bool(values.get("idempotency_key"))
    if values.get("job_variables") is None:
        values["job_variables"] = None if has_key else {}
    existing = same_row(runs, values) if has_key else None
    if existing is not None:
        return workspace.shown("flow_runs", existing), 200
    check_keys(workspace, runs, values, CONFLICT)
    check_document(workspace, values.get("infrastructure_document_id"))
    run_id, created = new_id(), moment + MICROSECOND
    state = new_state(body.get("state"), moment, flow_run_id=run_id)
    times = {"created": created, "updated": time_of_change(created)}
    values |= {"name": body.get("name", new_name()), "labels": labels_of(workspace, body)}
    if state["type"] == "RUNNING" or state["type"] in TERMINAL:
        values["empirical_policy"] = {**body.get("empirical_policy", {}), "resuming": False}
    row = insert(runs, {**values, **first_state(state), "id": run_id, **times})
    workspace["flow_run_states"].insert({**state, "flow_run_id": run_id})
    return workspace.shown("flow_runs", row), 201


def check_document(workspace: Workspace, document: UUID | None) -> None:
    """Check that a block document is there, which a run refers to."""
    documents = workspace.get("block_documents")
    if document is not None and (documents is None or documents.find(document.int) is None):
        raise Conflict(CONFLICT)


def labels_of(workspace: Workspace, body: Mapping[str, Any]) -> dict[str, Any]:
    """The labels of a run's deployment, else of its flow, those that say which these are, and the run's own."""
    deployments, deployment_id = workspace["deployments"], body.get("deployment_id")
    row = None if deployment_id is None else deployments.find(deployment_id.int)
    if row is None:
        flow_id = body["flow_id"]
        labels = {**own_labels(workspace["flows"], flow_id), "prefect.flow.id": str(flow_id)}
    else:
        deployment = deployments.values(row)
        system = {"prefect.flow.id": str(deployment["flow_id"]), "prefect.deployment.id": str(deployment_id)}
        labels = {**(deployment["labels"] or {}), **system}
    return {**labels, **(body.get("labels") or {})}


def own_labels(table: Table, row_id: Any) -> dict[str, Any]:
    row = table.find(row_id.int)
    return {} if row is None else table.values(row)["labels"] or {}


def update_flow_run(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    runs, row = workspace["flow_runs"], workspace["flow_runs"].find(id.int)
    if row is None:
        raise NotFound("Flow run not found")
    if body.get("job_variables") is not None:
        state = runs.values(row)["state"]
        if state is None:
            raise BadRequest("Flow run state is required to update job variables but none exists")
        if state["type"] != "SCHEDULED":
            raise BadRequest(f"Job variables for a flow run in state {state['type']} cannot be updated")
    check_keys(workspace, runs, body, CONFLICT, row)
    change(runs, row, body)
    return NO_CONTENT
