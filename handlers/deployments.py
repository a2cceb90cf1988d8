"""Deployments: shown with their work queue and schedules, and deleted with the runs that they have scheduled."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from pyroaring import BitMap

from understudy.contract.columns import ID, Column
from understudy.errors import BadRequest, Conflict, NotFound, Unprocessable
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, check_keys, insert, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.operations.observers import observing
from understudy.tables.table import Table
from understudy.values import MICROSECOND, new_id, now
from understudy.workspaces.workspace import Workspace

from . import CONFLICT
from .parameters.hydration import Hydration, HydrationError, without_context
from .parameters.job_variables import check_job_variables, job_variable_errors
from .parameters.parameter_schemas import Mismatch, check, check_given
from .schedules import DEPLOYMENT_ID as SCHEDULED_DEPLOYMENT
from .schedules import add_schedules, delete_schedules
from .scheduling.changes import carry_out, new_schedule, planned_schedules
from .scheduling.dates import moment_of
from .scheduling.scheduled_runs import delete_scheduled_runs
from .work_queues import NAMES, agent_queue, pool_queue, queue_of, show_queue, whole_filter

LIMIT_FIELDS = ("id", "created", "updated", "active", "name", "limit", "active_slots", "slot_decay_per_second")
NAME, FLOW_ID = Column(("name",)), Column(("flow_id",))
BLOCKS = {"infrastructure_document_id": "infrastructure", "storage_document_id": "storage"}
EMPTY_SCHEMA = {"type": "object", "properties": {}}
BOTH_LIMITS = "A deployment cannot have both a concurrency limit and a global concurrency limit."
FORMER_FIELDS = ("worker_pool_queue_id", "worker_pool_name", "worker_pool_queue_name", "work_pool_queue_name")
NO_SCHEMA = (
    "Error updating deployment: Cannot update parameters because parameter schema enforcement is enabled and the"
    " deployment does not have a valid parameter schema."
)
APART = ("schedules", "work_pool_name", "concurrency_limit", "global_concurrency_limit_id", "version_info")
"""Fields of requests that are not stored unchanged in the row of a deployment."""
QUEUE_FIELDS = (
    "id", "created", "updated", "name", "description", "is_paused", "concurrency_limit", "priority", "work_pool_id",
    "filter", "last_polled",
)  # fmt: skip
Body = dict[str, Any]


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A deployment with its limit and schedules, and the present names of its queue and pool. Without labels, it has
    an empty object.
    """
    row["labels"] = row["labels"] or {}
    pool = show_queue(tables, row)
    row["work_pool_name"] = pool and pool["name"]
    row["concurrency_limit"] = None  # a real server has it in requests only
    limits, limit_id = tables["concurrency_limits_v2"], row["concurrency_limit_id"]
    limit = None if limit_id is None else limits.find(UUID(limit_id).int)
    if limit is not None:
        values = from_json(limits.encoded(limit))
        row["global_concurrency_limit"] = {name: values[name] for name in LIMIT_FIELDS}
    schedules = tables["deployment_schedules"]
    own = [
        from_json(schedules.encoded(each)) for each in schedules.index(SCHEDULED_DEPLOYMENT).rows(UUID(row["id"]).int)
    ]
    if own:  # else those that the row was loaded with
        row["schedules"] = sorted(own, key=lambda schedule: moment_of(schedule["updated"]), reverse=True)


# ----------------------------------------------------------------------- create


def create_deployment(workspace: Workspace, body: Body) -> Answer:
    deployments, moment = workspace["deployments"], now()
    check_pool(workspace, body)
    limit = limit_of(workspace, body)
    if NAMES.fullmatch(body["name"] or "-") is None:  # a real server fails with 500
        raise Unprocessable("The name of a deployment cannot have any of the characters / % & > <.")
    values = stored(body) | limit | placed(workspace, body)
    check_blocks(workspace, body)
    existing = same_row(deployments, values)
    check_keys(workspace, deployments, values, CONFLICT, existing)
    values["labels"] = labels_of(workspace, body)
    if existing is None:
        created = moment + MICROSECOND
        row = deployments.insert({"id": new_id(), "created": created, **values, "updated": moment})
    else:
        row = existing
        deployments.update(row, {**values, "schedules": [], "updated": moment})
    deployment = deployments.values(row)["id"]
    delete_scheduled_runs(workspace, deployment.int, auto_scheduled_only=True, after=moment)
    delete_schedules(workspace, deployment)
    add_schedules(workspace, deployment, [new_schedule(each) for each in body.get("schedules", ())])
    if "concurrency_limit" in body:
        set_limit(workspace, row, body["concurrency_limit"])
    return workspace.shown("deployments", row), 201 if existing is None else 200


def checked_creation(body: Any) -> Any:
    """A request before it is validated. Its parameters are validated against its own schema if it enforces that."""
    if not isinstance(body, dict):
        return body
    checked_limits(body)
    parameters = body.get("parameters", {})
    if body.get("enforce_parameter_schema"):
        check_given(parameters, body.get("parameter_openapi_schema"))
    body["parameters"] = parameters  # an error of the fields shows the body with them
    return without(body, *FORMER_FIELDS)


def checked_change(body: Any) -> Any:
    return without(checked_limits(body), *FORMER_FIELDS) if isinstance(body, dict) else body


def checked_limits(body: Body) -> Body:
    if body.get("concurrency_limit") and body.get("global_concurrency_limit_id"):
        raise ValueError(BOTH_LIMITS)
    return body


def without(body: Body, *names: str) -> Body:
    return {name: value for name, value in body.items() if name not in names}


def stored(body: Body) -> Body:
    """The fields of a request that are stored in the row of the deployment."""
    values = without(body, *APART)
    if values.get("parameter_openapi_schema") == {}:
        values["parameter_openapi_schema"] = EMPTY_SCHEMA
    return values


def check_pool(workspace: Workspace, body: Body) -> None:
    """Check that the pool of a new deployment exists, and the deployment's job variables against its template."""
    pool = body.get("work_pool_name")
    if not pool or pool == "default-agent-pool":
        return
    queue_of(workspace, pool, None)
    if body.get("job_variables"):
        try:
            check_job_variables(workspace, pool_named(workspace, pool), body["job_variables"])
        except Mismatch as error:
            raise Unprocessable(f"Error creating deployment: {error}") from None


def pool_named(workspace: Workspace, name: str) -> Body:
    pools = workspace["work_pools"]
    return pools.values(pools.index(NAME).rows(name).min())


def placed(workspace: Workspace, body: Body) -> Body:
    """The queue that a request names, which is created if necessary, or the default queue of its pool."""
    pool, queue = body.get("work_pool_name"), body.get("work_queue_name")
    if pool and queue:
        return {"work_queue_id": pool_queue(workspace, pool, queue)}
    if pool:
        return {"work_queue_id": queue_of(workspace, pool, None)}
    if queue:
        return {"work_queue_id": agent_queue(workspace, queue)}
    return {}


def check_blocks(workspace: Workspace, body: Body) -> None:
    for name, kind in BLOCKS.items():
        block = body.get(name)
        if block is not None and workspace["block_documents"].find(block.int) is None:
            raise Conflict(
                f"Error creating deployment. Could not find {kind} block with id: {block}. This usually occurs when"
                " applying a deployment specification that was built against a different Prefect database / workspace."
            )


def labels_of(workspace: Workspace, body: Body) -> Body:
    """The labels of a deployment's flow, the label that names the flow, and the deployment's own."""
    flows, flow_id = workspace["flows"], body["flow_id"]
    flow = flows.find(flow_id.int)
    inherited = {} if flow is None else flows.values(flow)["labels"] or {}
    return {**inherited, "prefect.flow.id": str(flow_id), **(body.get("labels") or {})}


# ----------------------------------------------------------------------- limits


def limit_of(workspace: Workspace, body: Body) -> Body:
    """The global concurrency limit that a request names."""
    if "global_concurrency_limit_id" not in body:
        return {}
    limit = body["global_concurrency_limit_id"]
    if limit is not None and workspace["concurrency_limits_v2"].find(limit.int) is None:
        raise NotFound("Concurrency limit not found")
    return {"concurrency_limit_id": limit}


def set_limit(workspace: Workspace, row: int, limit: int | None) -> None:
    """Set, change or remove a deployment's own concurrency limit."""
    deployments, limits = workspace["deployments"], workspace["concurrency_limits_v2"]
    deployment = deployments.values(row)
    limit_id = deployment["concurrency_limit_id"]
    own = None if limit_id is None else limits.find(limit_id.int)
    if limit is None:
        if own is not None:
            workspace.delete("concurrency_limits_v2", [own])
    elif own is None:
        new = {"name": f"deployment:{deployment['id']}", "limit": limit}
        check_keys(workspace, limits, new, CONFLICT)
        added = insert(limits, new)
        change(deployments, row, {"concurrency_limit_id": limits.values(added)["id"]})
    elif limits.values(own)["limit"] != limit:
        change(limits, own, {"limit": limit})


# ----------------------------------------------------------------------- change


def update_deployment(workspace: Workspace, id: UUID, body: Body) -> Answer:
    deployments = workspace["deployments"]
    row = deployments.find(id.int)
    if row is None:
        raise NotFound("Deployment not found.")
    deployment = deployments.values(row)
    planned = planned_schedules(workspace, id, body)
    check_template(workspace, body)
    if body.get("parameters") is not None:
        body = {**body, "parameters": hydrated(workspace, body["parameters"])}
    kept = stored(body)
    check_parameters(deployment, kept)
    values = without(kept, *(["job_variables"] if body.get("job_variables") is None else []))
    gets_limit = body.get("concurrency_limit") is not None and deployment["concurrency_limit_id"] is None
    values |= {} if gets_limit else limit_of(workspace, body)
    leaves_pool = "work_pool_name" in body and body["work_pool_name"] is None
    values |= {"work_queue_id": None} if leaves_pool else placed(workspace, body)
    check_keys(workspace, deployments, values, CONFLICT, row)
    if gets_limit:
        set_limit(workspace, row, body["concurrency_limit"])
    with observing(workspace, "deployments"):  # a limit that is new is not among the changes in the event
        # Schedules that the row was loaded with are replaced by the first change of schedules.
        change(deployments, row, {**values, **({"schedules": []} if "schedules" in body else {})})
        delete_scheduled_runs(workspace, id.int, auto_scheduled_only=True, after=now())
        carry_out(workspace, id, planned)
        if "concurrency_limit" in body and not gets_limit:
            set_limit(workspace, row, body["concurrency_limit"])
    return NO_CONTENT


def hydrated(workspace: Workspace, parameters: Body) -> Any:
    try:
        return Hydration(workspace, raises=True, render=without_context).object(parameters)
    except HydrationError as error:
        raise BadRequest(f"Error hydrating deployment parameters: {error}") from None


def check_parameters(deployment: Mapping[str, Any], body: Body) -> None:
    """Check the parameters of a deployment against its schema if that is enforced, all as they are after a change."""
    enforced = body.get("enforce_parameter_schema")
    if not (deployment["enforce_parameter_schema"] if enforced is None else enforced):
        return
    schema = body.get("parameter_openapi_schema") or deployment["parameter_openapi_schema"]
    if not isinstance(schema, dict):
        raise Conflict(NO_SCHEMA)
    given = body.get("parameters")
    try:
        check(deployment["parameters"] if given is None else given, schema, requires=False)
    except Mismatch as error:
        raise Conflict(f"Error updating deployment: {error}") from None


def check_template(workspace: Workspace, body: Body) -> None:
    """Check the job variables of a change against the template of the pool that it names."""
    if not body.get("work_pool_name"):
        return
    queue_of(workspace, body["work_pool_name"], None)
    variables = pool_named(workspace, body["work_pool_name"])["base_job_template"].get("variables")
    if variables is not None and body.get("job_variables") is not None:
        for error in job_variable_errors(body["job_variables"], variables):
            raise Conflict(f"Error creating deployment: {error!r}")


# ------------------------------------------------------------------------- read


def work_queue_check_for_deployment(workspace: Workspace, id: UUID) -> Answer:
    deployment, queues = workspace["deployments"].values(row_of(workspace, id)), workspace["work_queues"]
    chosen = [queues.values(row) for row in queues.live]
    return [
        {name: queue[name] for name in QUEUE_FIELDS} | {"filter": whole_filter(queue["filter"])}
        for queue in chosen
        if selects(queue["filter"], deployment)
    ]


def selects(chosen: Mapping[str, Any] | None, deployment: Mapping[str, Any]) -> bool:
    """Whether the filter of a queue selects a deployment."""
    if chosen is None:
        return True
    ids = chosen.get("deployment_ids")
    return {*(chosen.get("tags") or ())} <= {*deployment["tags"]} and (
        not ids or str(deployment["id"]) in map(str, ids)
    )


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
    deleted = sorted(workspace["deployments"].values(row)["id"] for row in rows)
    delete(workspace, rows)
    return {"deleted": deleted}


def pause_deployment(workspace: Workspace, id: UUID) -> Answer:
    set_paused(workspace, id, True)
    delete_scheduled_runs(workspace, id.int, auto_scheduled_only=True)
    return None


def resume_deployment(workspace: Workspace, id: UUID) -> Answer:
    set_paused(workspace, id, False)
    return None


def set_paused(workspace: Workspace, id: UUID, paused: bool) -> None:
    """Pause or resume a deployment. It only counts as changed if its state differed before."""
    deployments, row = workspace["deployments"], row_of(workspace, id)
    if deployments.values(row)["paused"] != paused:
        change(deployments, row, {"paused": paused})


def delete(workspace: Workspace, rows: list[int]) -> None:
    """Delete deployments, with their runs that have not started."""
    for row in rows:
        delete_scheduled_runs(workspace, workspace["deployments"].key(ID, row), auto_scheduled_only=False)
        set_limit(workspace, row, None)
    workspace.delete("deployments", rows)


def row_of(workspace: Workspace, id: UUID) -> int:
    row = workspace["deployments"].find(id.int)
    if row is None:
        raise NotFound("Deployment not found")
    return row
