"""Flow runs: shown with their work queue and estimates, created with their first state, and set to other states."""

from collections.abc import Mapping
from math import isfinite
from typing import Any
from uuid import UUID

from pydantic_core import PydanticKnownError, core_schema

from understudy.contract.columns import ID
from understudy.errors import BadRequest, NotFound, ObjectNotFound, Unprocessable
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, check_keys, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.tables.table import Table
from understudy.values import MICROSECOND, new_id, now, time_of_change
from understudy.workspaces.workspace import Workspace

from .logs import OF_FLOW_RUN, delete_logs
from .names import new_name
from .orchestration import flow_states
from .orchestration.client import Client
from .orchestration.flow_slots import release_of_deleted
from .orchestration.results import answer_of, result_of
from .orchestration.transition import new_state, proposed_state
from .request_origin import creator_of
from .runs import estimate
from .work_queues import queue_of, show_queue

LATEST_ID = Sort(ID, descending=True)
CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs for "
    "details."
)


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A flow run with the present names of its queue and pool. Without labels, it has an empty object."""
    estimate(row)
    row["labels"] = row["labels"] or {}
    pool = show_queue(tables, row)
    row["work_pool_id"] = pool and pool["id"]
    row["work_pool_name"] = pool and pool["name"]


def create_flow_run(workspace: Workspace, body: dict[str, Any], headers: Mapping[bytes, bytes]) -> Answer:
    runs, moment = workspace["flow_runs"], now()
    values = {name: value for name, value in body.items() if name not in ("state", "work_pool_name")}
    values["created_by"] = creator_of(headers)
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
    created = moment + MICROSECOND
    values |= {"id": new_id(), "created": created, "updated": time_of_change(created)}
    values |= {"name": body.get("name") or new_name(), "labels": labels_of(workspace, body)}
    row = flow_states.add_flow_run(workspace, values, proposed_state(body.get("state"), moment), Client.of(headers))
    return workspace.shown("flow_runs", row), 201


def pause_keys(core: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """The schema of a policy's pause keys. A real server removes duplicates."""
    once = core_schema.no_info_after_validator_function(lambda keys: keys and list(dict.fromkeys(keys)), core)
    return core_schema.no_info_before_validator_function(list_only, once)


def list_only(value: Any) -> Any:
    if value is not None and not isinstance(value, list):
        raise PydanticKnownError("set_type")
    return value


def labels_of(workspace: Workspace, body: Mapping[str, Any]) -> dict[str, Any]:
    """The labels of a run's deployment, else of its flow, the labels that name these, and the run's own."""
    deployments, deployment_id = workspace["deployments"], body.get("deployment_id")
    row = None if deployment_id is None else deployments.find(deployment_id.int)
    if row is None:
        flow_id = body["flow_id"]
        labels = {**own_labels(workspace["flows"], flow_id), "prefect.flow.id": str(flow_id)}
    else:
        deployment = deployments.look(row)
        system = {"prefect.flow.id": str(deployment["flow_id"]), "prefect.deployment.id": str(deployment_id)}
        labels = {**(deployment["labels"] or {}), **system}
    return {**labels, **(body.get("labels") or {})}


def own_labels(table: Table, row_id: Any) -> dict[str, Any]:
    row = table.find(row_id.int)
    return {} if row is None else table.look(row)["labels"] or {}


def update_flow_run(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    runs, row = workspace["flow_runs"], workspace["flow_runs"].find(id.int)
    if row is None:
        raise NotFound("Flow run not found")
    if body.get("job_variables") is not None:
        check_changed_variables(workspace, runs.values(row), body["job_variables"])
    check_keys(workspace, runs, body, CONFLICT, row)
    change(runs, row, body)
    return NO_CONTENT


def check_changed_variables(workspace: Workspace, run: Mapping[str, Any], variables: dict[str, Any]) -> None:
    """Check job variables that a run is given.

    Raises:
        ApiError: they cannot be changed any more, or are not valid.
    """
    # A lazy import: jsonschema and Jinja take longer to import than all else that the first run of a test needs.
    from .parameters.job_variables import check_run_variables  # noqa: PLC0415
    from .parameters.parameter_schemas import Mismatch  # noqa: PLC0415

    if run["state"] is None:
        raise BadRequest("Flow run state is required to update job variables but none exists")
    if run["state"]["type"] != "SCHEDULED":
        raise BadRequest(f"Job variables for a flow run in state {run['state']['type']} cannot be updated")
    deployment = workspace["deployments"].get(run["deployment_id"])
    if deployment is None:
        raise BadRequest("A deployment for the flow run could not be found")
    try:
        check_run_variables(workspace, deployment, variables)
    except Mismatch as error:
        raise Unprocessable(f"Error updating flow run: {error}") from None


def update_flow_run_labels(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    runs, row = workspace["flow_runs"], row_of(workspace, id)
    for name, value in body.items():
        if not isinstance(value, (int, str)) and not (isinstance(value, float) and isfinite(value)):
            # A real server takes it, and fails from then on.
            raise Unprocessable(f"The label {name!r} must be a text, a finite number or a boolean.")
    labels = runs.values(row)["labels"] or {}
    change(runs, row, {"labels": {**labels, **body}})
    return NO_CONTENT


def delete_flow_run(workspace: Workspace, id: UUID) -> Answer:
    row = workspace["flow_runs"].find(id.int)
    if row is None:
        raise NotFound("Flow run not found")
    delete(workspace, [row])
    return NO_CONTENT


def bulk_delete_flow_runs(workspace: Workspace, criteria: Criteria, limit: int) -> Answer:
    rows = workspace.first("flow_runs", criteria, LATEST_ID, limit)
    deleted = sorted(UUID(int=workspace["flow_runs"].key(ID, row)) for row in rows)
    delete(workspace, rows)
    return {"deleted": deleted}


def delete(workspace: Workspace, rows: list[int]) -> None:
    """Delete runs and their logs, and release their slots."""
    moment, runs = now(), workspace["flow_runs"]
    delete_logs(workspace, OF_FLOW_RUN, [runs.key(ID, row) for row in rows])
    for row in rows:
        release_of_deleted(workspace, runs.values(row), moment)
    workspace.delete("flow_runs", rows)


# ------------------------------------------------------------------------ states


def set_flow_run_state(
    workspace: Workspace, id: UUID, state: dict[str, Any], force: bool, headers: Mapping[bytes, bytes]
) -> Answer:
    moment, row = now(), row_of(workspace, id)
    proposed, client = proposed_state(state, moment), Client.of(headers)
    return answer_of(flow_states.set_flow_run_state(workspace, row, proposed, moment, force=force, client=client))


def bulk_set_flow_run_state(
    workspace: Workspace,
    criteria: Criteria,
    state: dict[str, Any],
    force: bool,
    limit: int,
    headers: Mapping[bytes, bytes],
) -> Answer:
    """Set the state of several runs.

    As on a real server, they share its details: a run may get some of those before it, and the results show those of
    the last one.
    """
    moment, client, runs = now(), Client.of(headers), workspace["flow_runs"]
    results, accepted = [], []
    for row in workspace.first("flow_runs", criteria, LATEST_ID, limit):
        proposed = proposed_state(state, moment)
        state = {**state, "state_details": proposed["state_details"]}
        done = flow_states.set_flow_run_state(workspace, row, proposed, moment, force=force, client=client)
        results.append({"flow_run_id": UUID(int=runs.key(ID, row)), **result_of(done)})
        if done.status == "ACCEPT":
            accepted.append(done.validated)
    for each in accepted:
        each["state_details"] = accepted[-1]["state_details"]
    return {"results": results}


def resume_flow_run(
    workspace: Workspace, id: UUID, run_input: dict[str, Any] | None, headers: Mapping[bytes, bytes]
) -> Answer:
    # A lazy import, as above.
    from .parameters.run_input import InvalidInput, checked_input, keep_input  # noqa: PLC0415

    moment, row = now(), row_of(workspace, id)
    run = workspace["flow_runs"].values(row)
    state = run["state"]
    if state is None or state["type"] != "PAUSED":
        return refusal(None, "ABORT", "Cannot resume a flow run that is not paused.")
    keyset = state["state_details"]["run_input_keyset"]
    if keyset:
        try:
            run_input = checked_input(workspace, id, keyset, run_input or {})
        except InvalidInput as error:
            return refusal(state, "REJECT", str(error))
    is_suspended = state["state_details"]["pause_reschedule"]
    proposed = new_state("SCHEDULED", moment, "Resuming") if is_suspended else new_state("RUNNING", moment)
    done = flow_states.set_flow_run_state(workspace, row, proposed, moment, client=Client.of(headers))
    if keyset and run_input and done.status == "ACCEPT":
        keep_input(workspace, id, keyset, run_input)
    return answer_of(done)


def refusal(state: dict[str, Any] | None, status: str, reason: str) -> Answer:
    """The result of a request without a proposed state. A rejection has the same details as an abort."""
    return {"state": state, "status": status, "details": {"type": "abort_details", "reason": reason}}


def row_of(workspace: Workspace, id: UUID) -> int:
    row = workspace["flow_runs"].find(id.int)
    if row is None:
        raise ObjectNotFound(f"Flow run with id {id} not found")
    return row
