"""Deployments: shown with their work queue, and deleted with the runs that they have scheduled."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from pyroaring import BitMap

from understudy.contract.columns import ID, Column
from understudy.errors import NotFound
from understudy.filters.criteria import Condition, Criteria, Not, all_of
from understudy.filters.query import Sort
from understudy.operations.actions import change
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.tables.table import Table
from understudy.workspaces.workspace import Workspace

from .work_queues import show_queue

LIMIT_FIELDS = ("id", "created", "updated", "active", "name", "limit", "active_slots", "slot_decay_per_second")
NAME, FLOW_ID = Column(("name",)), Column(("flow_id",))
DEPLOYMENT_ID, STATE_TYPE, STATE_NAME = Column(("deployment_id",)), Column(("state_type",)), Column(("state_name",))


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A deployment with the names of its queue and pool as they are now."""
    pool = show_queue(tables, row)
    row["work_pool_name"] = pool and pool["name"]
    limits, limit_id = tables["concurrency_limits_v2"], row["concurrency_limit_id"]
    limit = None if limit_id is None else limits.find(UUID(limit_id).int)
    if limit is not None:
        values = from_json(limits.encoded(limit))
        row["global_concurrency_limit"] = {name: values[name] for name in LIMIT_FIELDS}


def read_deployment_by_name(workspace: Workspace, flow_name: str, deployment_name: str) -> Answer:
    flows, deployments = workspace["flows"], workspace["deployments"]
    found = BitMap()
    for flow in flows.index(NAME).rows(flow_name):
        of_flow = deployments.index(FLOW_ID).rows(flows.key(ID, flow))
        found |= of_flow & deployments.index(NAME).rows(deployment_name)
    if not found:
        raise NotFound("Deployment not found")
    return workspace.shown("deployments", found.min())


def delete_deployment(workspace: Workspace, id: UUID) -> Answer:
    delete(workspace, [row_of(workspace, id)])
    return NO_CONTENT


def bulk_delete_deployments(workspace: Workspace, criteria: Criteria, limit: int) -> Answer:
    rows = workspace.first("deployments", criteria, Sort(NAME), limit)
    deleted = [workspace["deployments"].values(row)["id"] for row in rows]
    delete(workspace, rows)
    return {"deleted": deleted}


def pause_deployment(workspace: Workspace, id: UUID) -> Answer:
    row = row_of(workspace, id)
    change(workspace["deployments"], row, {"paused": True})
    delete_scheduled_runs(workspace, id.int, auto_scheduled_only=True)
    return None


def resume_deployment(workspace: Workspace, id: UUID) -> Answer:
    change(workspace["deployments"], row_of(workspace, id), {"paused": False})
    return None


def delete(workspace: Workspace, rows: list[int]) -> None:
    """Delete deployments, with the runs that wait to be started."""
    for row in rows:
        delete_scheduled_runs(workspace, workspace["deployments"].key(ID, row), auto_scheduled_only=False)
    workspace.delete("deployments", rows)


def delete_scheduled_runs(workspace: Workspace, deployment: int, *, auto_scheduled_only: bool) -> None:
    criteria = all_of(
        [
            Condition(DEPLOYMENT_ID, "eq_", deployment),
            Condition(STATE_TYPE, "eq_", "SCHEDULED"),
            Condition(STATE_NAME, "is_null_", False),
            Not(Condition(STATE_NAME, "eq_", "AwaitingConcurrencySlot")),
        ]
    )
    runs = workspace["flow_runs"]
    waiting = []
    for row in workspace.select("flow_runs", criteria):
        values = runs.values(row)
        if values["run_count"] == 0 and (values["auto_scheduled"] or not auto_scheduled_only):
            waiting.append(row)
    workspace.delete("flow_runs", waiting)


def row_of(workspace: Workspace, id: UUID) -> int:
    row = workspace["deployments"].find(id.int)
    if row is None:
        raise NotFound("Deployment not found")
    return row
