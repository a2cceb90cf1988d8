"""Actions of automations.

Source: `prefect.server.events.actions`.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.errors import ApiError
from understudy.operations.handler_results import Answer
from understudy.operations.observers import observing
from understudy.values import is_id, moved, now
from understudy.workspaces.workspace import Workspace

from .. import automations, deployment_runs, deployments, flow_runs, work_pools, work_queues
from ..event_filters import ID, ROLE
from ..parameters.hydration import Hydration, HydrationError, with_templates
from ..parameters.templates import TemplateFailed, render
from ..request_origin import headers_of
from . import messages
from .action_events import NAME, Invocation, Json, keep_outcome, kept
from .template_filters import ENVIRONMENT
from .template_values import context_of
from .triggers import Event

SUSPENSION = timedelta(hours=1)
NOTIFY, WEBHOOK = "notify", "webhook"  # a capability of blocks, and the slug of a type


class ActionFailed(Exception):
    """An action cannot be performed. The text is the reason."""


def perform(workspace: Workspace, invocation: Invocation) -> None:
    """Perform an action, and store the events about its result."""
    reason = None
    try:
        ACTIONS[invocation.action["type"]](workspace, invocation)
    except ActionFailed as error:
        reason = str(error)
    except ApiError as error:
        invocation.details["status_code"] = error.status
        reason = reason_of(invocation.action["type"], error)
    keep_outcome(workspace, invocation, reason)


def reason_of(kind: str, error: ApiError) -> str:
    """Why an action failed whose request was refused."""
    detail = error.body.get("detail") if isinstance(error.body, dict) else None
    if error.status == 409 and not detail:  # noqa: PLR2004
        return f"Conflict (409) occurred for {kind!r} - {error.body!r}"
    if error.status in (409, 422):
        return f"Validation error occurred for {kind!r}" + (f" - {detail}" if detail else "")
    return f"Unexpected status from {kind!r} action: {error.status}"


# ------------------------------------------------------------------------ targets


def target(invocation: Invocation, kind: str) -> UUID:
    """The id of the resource that an action is about: the selected one, or the first of its kind in the event.

    Raises:
        ActionFailed: there is no such resource.
    """
    action, words = invocation.action, kind.replace("_", " ")
    if action["source"] == "selected":
        return UUID(str(action[f"{kind}_id"]))
    if invocation.event is None:
        raise ActionFailed(f"No event to infer the {words}")
    found = id_in(invocation.event, kind.replace("_", "-"))
    if found is None:
        raise ActionFailed(f"No {words} could be inferred")
    return found


def target_flow_run(invocation: Invocation) -> UUID:
    """The id of the flow run that an action is about, from the labels of the trigger or from the event.

    Raises:
        ActionFailed: there is no such resource.
    """
    label = invocation.firing.labels.get(ID)
    found = None if label is None else id_of(label, "flow-run")
    if found is None and invocation.event is not None:
        found = id_in(invocation.event, "flow-run")
    if found is None:
        raise ActionFailed("No flow run could be inferred")
    relate(invocation, "flow-run", found)
    return found


def id_in(event: Event, kind: str) -> UUID | None:
    for resource in (event["resource"], *event["related"]):
        if resource[ID].rpartition(".")[0] == f"prefect.{kind}":
            return id_of(resource[ID], kind)
    return None


def id_of(resource_id: str, kind: str) -> UUID | None:
    of, _, text = resource_id.rpartition(".")
    return UUID(text) if of == f"prefect.{kind}" and is_id(text) else None


def relate(invocation: Invocation, kind: str, row_id: UUID, role: str = "target", name: str | None = None) -> None:
    """Add the resource that an action is about to the related resources of its events."""
    named = {} if name is None else {NAME: name}
    invocation.related.append({ID: f"prefect.{kind}.{row_id}", **named, ROLE: role})


# ------------------------------------------------------------------------ actions


def do_nothing(workspace: Workspace, invocation: Invocation) -> None:
    """Does nothing."""


def run_deployment(workspace: Workspace, invocation: Invocation) -> None:
    deployment, action, automation = target(invocation, "deployment"), invocation.action, invocation.automation
    relate(invocation, "deployment", deployment)
    start = moved(now(), action.get("schedule_after") or 0)
    state = {"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": start}}
    try:
        parameters = rendered_parameters(workspace, invocation)
    except HydrationError as error:
        raise ActionFailed(f"Unable to create flow run from deployment: {error!r}") from None
    body = {
        "state": state,
        "parameters": parameters,
        "idempotency_key": f"automation {automation['id']}, action {invocation.index}, invocation {invocation.id}",
        "job_variables": action.get("job_variables"),
    }
    try:
        answer, status = deployment_runs.create_flow_run_from_deployment(
            workspace, deployment, body, headers_of(automation["id"], automation["name"])
        )
    except ApiError as error:
        if error.status == 409 and isinstance(error.body, dict):  # noqa: PLR2004
            invocation.details["validation_error"] = error.body.get("detail")
        raise
    run = from_json(answer)
    invocation.details["status_code"] = int(status)
    relate(invocation, "flow-run", UUID(run["id"]), "flow-run", run["name"])


def on_deployment(operation: Callable[[Workspace, UUID], Answer]) -> Callable[[Workspace, Invocation], None]:
    """An action that pauses or resumes a deployment."""

    def act(workspace: Workspace, invocation: Invocation) -> None:
        deployment = target(invocation, "deployment")
        relate(invocation, "deployment", deployment)
        operation(workspace, deployment)
        invocation.details["status_code"] = 200

    return act


def on_pool(*, is_paused: bool) -> Callable[[Workspace, Invocation], None]:
    def act(workspace: Workspace, invocation: Invocation) -> None:
        pool_id = target(invocation, "work_pool")
        pool = workspace["work_pools"].get(pool_id)
        if pool is None:
            raise ActionFailed(f"Work pool {pool_id} not found")
        relate(invocation, "work-pool", pool_id, name=pool["name"])
        with observing(workspace, "work_pools"):
            work_pools.update_work_pool(workspace, pool["name"], {"is_paused": is_paused})
        invocation.details["status_code"] = 204

    return act


def on_queue(*, is_paused: bool) -> Callable[[Workspace, Invocation], None]:
    def act(workspace: Workspace, invocation: Invocation) -> None:
        queue = target(invocation, "work_queue")
        relate(invocation, "work-queue", queue)
        with observing(workspace, "work_queues"):
            work_queues.update_work_queue(workspace, queue, {"is_paused": is_paused})
        invocation.details["status_code"] = 204

    return act


def on_automation(*, enabled: bool) -> Callable[[Workspace, Invocation], None]:
    def act(workspace: Workspace, invocation: Invocation) -> None:
        automation = target(invocation, "automation")
        relate(invocation, "automation", automation)
        with observing(workspace, "automations"):
            automations.patch_automation(workspace, automation, {"enabled": enabled})
        invocation.details["status_code"] = 204

    return act


def delete_flow_run(workspace: Workspace, invocation: Invocation) -> None:
    flow_runs.delete_flow_run(workspace, target_flow_run(invocation))
    invocation.details["status_code"] = 204


def cancel_flow_run(workspace: Workspace, invocation: Invocation) -> None:
    message = f"Cancelled by Automation {invocation.automation['id']}"
    set_state(workspace, invocation, {"type": "CANCELLING", "message": message})


def suspend_flow_run(workspace: Workspace, invocation: Invocation) -> None:
    details = {"pause_timeout": now() + SUSPENSION, "pause_reschedule": True}
    message = f"Suspended by Automation {invocation.automation['id']}"
    state = {"type": "PAUSED", "name": "Suspended", "message": message, "state_details": details}
    set_state(workspace, invocation, state)


def change_flow_run_state(workspace: Workspace, invocation: Invocation) -> None:
    action = invocation.action
    message = action.get("message") or f"State changed by Automation {invocation.automation['id']}"
    state = {"type": action["state"], "message": message}
    named = {"name": action["name"]} if action.get("name") else {}
    set_state(workspace, invocation, {**state, **named}, force=bool(action.get("force")))


def set_state(workspace: Workspace, invocation: Invocation, state: Json, *, force: bool = False) -> None:
    """Propose a state for the flow run that an action is about.

    Raises:
        ActionFailed: it is not accepted.
    """
    run = target_flow_run(invocation)
    answer = flow_runs.set_flow_run_state(workspace, run, state, force, {})
    body, status = answer if isinstance(answer, tuple) else (answer, 200)
    invocation.details["status_code"] = int(status)
    check_accepted(body, "Failed to set state")


def resume_flow_run(workspace: Workspace, invocation: Invocation) -> None:
    answer = flow_runs.resume_flow_run(workspace, target_flow_run(invocation), None, {})
    check_accepted(answer[0] if isinstance(answer, tuple) else answer, "Failed to resume flow run")


def check_accepted(answer: Any, words: str) -> None:
    result = from_json(answer) if isinstance(answer, bytes) else answer
    if result["details"]["type"] != "accept_details":
        raise ActionFailed(f"{words}: {result['details'].get('reason')}")


# ----------------------------------------------------------------------- messages


def send_notification(workspace: Workspace, invocation: Invocation) -> None:
    block, _, capabilities = loaded_block(workspace, invocation)
    if NOTIFY not in capabilities:
        raise ActionFailed("The referenced block was not a notification block")
    relate_block(workspace, invocation, block)
    action = invocation.action
    subject, body = (rendered(workspace, invocation, action[name]) for name in ("subject", "body"))
    messages.record(workspace, invocation, messages.notify, subject=subject, body=body)


def call_webhook(workspace: Workspace, invocation: Invocation) -> None:
    block, slug, _ = loaded_block(workspace, invocation)
    if slug != WEBHOOK:
        raise ActionFailed("The referenced block was not a webhook block")
    relate_block(workspace, invocation, block)
    body = rendered(workspace, invocation, invocation.action["payload"])
    messages.record(workspace, invocation, messages.call, body=body)


def loaded_block(workspace: Workspace, invocation: Invocation) -> tuple[Json, str | None, list[str]]:
    """The block that sends a message, the slug of its type, and its capabilities.

    A block that can send one has an event that it was loaded, whatever it is used for.

    Raises:
        ActionFailed: there is no such block.
    """
    block = workspace["block_documents"].get(UUID(str(invocation.action["block_document_id"])))
    if block is None:
        raise ActionFailed(f"Unexpected status from {invocation.action['type']!r} action: 404")
    slug, schema = slug_of(workspace, block), workspace["block_schemas"].get(block["block_schema_id"])
    capabilities: list[str] = [] if schema is None else schema["capabilities"]
    if slug == WEBHOOK or NOTIFY in capabilities:
        values = {"resource": block_resource(block), "related": [type_resource(slug)], "payload": {}}
        kept(workspace, f"prefect.block.{slug}.loaded", now(), values)
    return block, slug, capabilities


def slug_of(workspace: Workspace, block: Json) -> str | None:
    """The slug of a block's type."""
    block_type = workspace["block_types"].get(block["block_type_id"])
    return None if block_type is None else block_type["slug"]


def block_resource(block: Json) -> dict[str, str]:
    return {ID: f"prefect.block-document.{block['id']}", NAME: block["name"]}


def type_resource(slug: str | None) -> dict[str, str]:
    return {ID: f"prefect.block-type.{slug}", ROLE: "block-type"}


def relate_block(workspace: Workspace, invocation: Invocation, block: Json) -> None:
    invocation.related += [{**block_resource(block), ROLE: "block"}, type_resource(slug_of(workspace, block))]


# ---------------------------------------------------------------------- templates


def rendered(workspace: Workspace, invocation: Invocation, template: str) -> str:
    """A text with the values that its template names.

    Raises:
        ActionFailed: it cannot be rendered.
    """
    try:
        return render(ENVIRONMENT, template, context_of(workspace, invocation))
    except TemplateFailed as error:
        invocation.details |= {"template_error": str(error), "template_source": template}
        raise ActionFailed(f"Template rendering failed: {error.cause!r}") from None


def rendered_parameters(workspace: Workspace, invocation: Invocation) -> Any:
    """The parameters of an action, with templates and variables replaced by their values.

    Raises:
        HydrationError: a value cannot be determined.
    """
    context = context_of(workspace, invocation)
    hydration = Hydration(workspace, raises=True, render=lambda template: render(ENVIRONMENT, template, context))
    return hydration.object(with_templates(invocation.action.get("parameters") or {}))


ACTIONS: Mapping[str, Callable[[Workspace, Invocation], None]] = {
    "do-nothing": do_nothing,
    "run-deployment": run_deployment,
    "pause-deployment": on_deployment(deployments.pause_deployment),
    "resume-deployment": on_deployment(deployments.resume_deployment),
    "cancel-flow-run": cancel_flow_run,
    "delete-flow-run": delete_flow_run,
    "change-flow-run-state": change_flow_run_state,
    "suspend-flow-run": suspend_flow_run,
    "resume-flow-run": resume_flow_run,
    "pause-work-queue": on_queue(is_paused=True),
    "resume-work-queue": on_queue(is_paused=False),
    "pause-work-pool": on_pool(is_paused=True),
    "resume-work-pool": on_pool(is_paused=False),
    "pause-automation": on_automation(enabled=False),
    "resume-automation": on_automation(enabled=True),
    "send-notification": send_notification,
    "call-webhook": call_webhook,
}
