"""Automations: actions in response to events."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.errors import ApiError, Invalid, NotFound, Unprocessable
from understudy.operations.actions import change, insert
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.workspaces.workspace import Workspace

from .automation.buckets import resume
from .automation.validation import checked
from .parameters.job_variables import check_job_variables
from .parameters.parameter_schemas import Mismatch
from .parameters.templates import InvalidTemplate, check_template
from .work_queues import pool_of

TABLE = "automations"


def create_automation(workspace: Workspace, body: dict[str, Any]) -> Answer:
    check_runs(workspace, [action for action in body["actions"] if action.get("job_variables")])
    return workspace.shown(TABLE, insert(workspace[TABLE], body))


def read_automation(workspace: Workspace, id: UUID) -> Answer:
    return workspace.shown(TABLE, found(workspace, id))


def update_automation(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    check_runs(workspace, [action for action in body["actions"] if action.get("job_variables") is not None])
    change(workspace[TABLE], found(workspace, id), body)
    resume(workspace, id)
    return NO_CONTENT


def patch_automation(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    row = found(workspace, id)
    whole = from_json(workspace.shown(TABLE, row)) | {"enabled": True, **body}
    try:
        checked(whole)
    except ValueError as error:
        entry = {"type": "value_error", "loc": [], "msg": f"Value error, {error}", "input": whole, "ctx": {"error": {}}}
        raise Invalid([entry], {"enabled": True, **body}) from None
    change(workspace[TABLE], row, body)
    resume(workspace, id)
    return NO_CONTENT


def delete_automation(workspace: Workspace, id: UUID) -> Answer:
    workspace.delete(TABLE, [found(workspace, id)])
    return NO_CONTENT


def read_automations_related_to_resource(workspace: Workspace, resource_id: str) -> Answer:
    """The automations that a resource owns or, for a deployment, that run it."""
    rows = (row for row in workspace[TABLE].live if resource_id in related(workspace[TABLE].values(row)))
    return b"[%b]" % b",".join(workspace.shown(TABLE, row) for row in rows)


def delete_automations_owned_by_resource(workspace: Workspace, resource_id: str) -> Answer:
    table = workspace[TABLE]
    workspace.delete(TABLE, [row for row in table.live if table.values(row)["owner_resource"] == resource_id])


def validate_template(body: str | None) -> Answer:
    try:
        check_template(body or "")
    except InvalidTemplate as error:
        raise ApiError(422, {"error": {"line": error.line, "message": error.message, "source": body}}) from None
    return NO_CONTENT


validate_automation_template = validate_template


def check_runs(workspace: Workspace, actions: list[dict[str, Any]]) -> None:
    """Check the job variables of actions that run deployments.

    Raises:
        NotFound: a deployment does not exist.
        Unprocessable: they are not valid by the template of the deployment's pool.
    """
    errors = []
    for action in actions:
        if action.get("deployment_id") is None:
            continue
        deployment = workspace["deployments"].get(action["deployment_id"])
        if deployment is None:
            raise NotFound("Deployment not found.")
        if not (deployment["job_variables"] or action["job_variables"]):
            continue
        pool = pool_of(workspace, deployment)
        try:
            if pool is not None:
                check_job_variables(workspace, pool, action["job_variables"], requires=True)
        except Mismatch as error:
            errors.append(str(error))
    if errors:
        raise Unprocessable(f"Error creating automation: {' '.join(errors)}")


def found(workspace: Workspace, id: UUID) -> int:
    row = workspace[TABLE].find(id.int)
    if row is None:
        raise ApiError(404, {"exception_message": "Automation not found"})
    return row


def related(automation: dict[str, Any]) -> Iterable[str]:
    """The resources that an automation is related to."""
    yield from filter(None, [automation["owner_resource"]])
    for action in automation["actions"]:
        if action["type"] == "run-deployment" and action.get("deployment_id"):
            yield f"prefect.deployment.{action['deployment_id']}"
