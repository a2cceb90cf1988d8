"""Applying a policy to a transition: the rules before the new state, the state, the rules after it.

Source: `validate_proposed_state` in `prefect.server.orchestration.rules`.
"""

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema

from understudy.values import time_of_change
from understudy.workspaces.workspace import Workspace

from ..artifacts import keep_artifact
from ..server_events.flow_runs import keep_state_change
from ..states import whole
from .client import Client
from .policy import Policy, leave
from .shared_rules import is_persisted
from .transition import FLOW_RUNS, Runs, State, Transition

ARTIFACT = SchemaValidator(
    core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(core_schema.nullable_schema(core_schema.str_schema()), required=False)
            for name in ("key", "type", "description")
        }
    ),
    config=core_schema.CoreConfig(title="Artifact"),
)
ARTIFACT_FIELDS = {"artifact_key": "key", "artifact_type": "type", "artifact_description": "description"}
"""The keys of a result that set fields of its artifact."""


def set_state(
    workspace: Workspace, runs: Runs, row: int, proposed: State, time: datetime, policy: Policy, client: Client
) -> Transition:
    """Propose a state for a run. Returns the result."""
    table = workspace[runs.table]
    run = table.values(row)
    before = {**run, "empirical_policy": copy(run["empirical_policy"])}
    transition = Transition(workspace, runs, run, initial_state(run, time), proposed, time, client)
    apply_policy(transition, policy)
    if run != before:
        table.update(row, {**run, "updated": time_of_change(run["created"], run["updated"])})
    return transition


def initial_state(run: Mapping[str, Any], time: datetime) -> State:
    """The state of a run. A run that was loaded as scheduled, but without a time, is scheduled for now."""
    state: State | None = run["state"]
    if state is None:
        return {}
    state = whole(state, run)
    details = dict(state["state_details"])
    if state["type"] == "SCHEDULED" and details["scheduled_time"] is None:
        details["scheduled_time"] = time
    return {**state, "state_details": details}


def add_run(
    workspace: Workspace, runs: Runs, values: Mapping[str, Any], state: State, policy: Policy, client: Client
) -> int:
    """Add a run with its first state. Returns its number."""
    table = workspace[runs.table]
    run = table.schema.complete(values)
    transition = Transition(workspace, runs, run, {}, state, state["timestamp"], client)
    apply_policy(transition, policy)
    return table.add(run)


def apply_policy(transition: Transition, policy: Policy) -> None:
    """Apply the rules, and write the resulting state. The caller stores the changed run."""
    left = policy.enter(transition)
    if transition.proposed:
        try:
            write(transition)
        except ValidationError as error:
            transition.abort(f"Error validating state: {error!r}")
    elif transition.initial:
        transition.validated = stored_state(transition)
    leave(transition, left)
    if transition.runs is FLOW_RUNS and transition.proposed and transition.validated:
        keep_state_change(transition.workspace, transition.run, transition.initial, transition.validated)


def stored_state(transition: Transition) -> State:
    """The state as it is stored on the run. As on a real server, it only shows a result that was stored with it."""
    initial = transition.initial
    is_loaded = transition.workspace[transition.runs.states].find(initial["id"].int) is None
    data = None if is_loaded else initial["data"]
    return {**initial, "data": data, "state_details": dict(initial["state_details"])}


def write(transition: Transition) -> None:
    """Add the proposed state, as the state that the run has."""
    proposed, states, runs, run = (
        transition.proposed,
        transition.workspace[transition.runs.states],
        transition.runs,
        transition.run,
    )
    keep_initial(transition)
    data, result = proposed["data"], None
    if data is not None and (is_persisted(data) or not isinstance(data, dict)):
        data = result = keep_result(transition, data)
    row = states.schema.complete({**proposed, "data": result, runs.owner: run["id"]})
    states.add(row)
    state = {name: value for name, value in row.items() if name != runs.owner}
    run.update(state_id=state["id"], state=state)
    transition.validated = {**state, "data": data, "state_details": dict(state["state_details"])}


def keep_initial(transition: Transition) -> None:
    """Add a row for the former state, if it was loaded only as a part of its run."""
    states, run = transition.workspace[transition.runs.states], transition.run
    if run["state"] is not None and states.find(transition.initial["id"].int) is None:
        states.insert({**transition.initial, **run["state"], transition.runs.owner: run["id"]})


def keep_result(transition: Transition, data: Any) -> Any:
    """Store a result as an artifact. Returns the result without the fields of the artifact.

    Raises:
        ValidationError: the artifact is not valid.
    """
    run, artifact = transition.run, {}
    if isinstance(data, dict):
        given = {field: data[name] for name, field in ARTIFACT_FIELDS.items() if data.get(name)}
        artifact = ARTIFACT.validate_python(given)
        data = {name: value for name, value in data.items() if name not in ARTIFACT_FIELDS}
    if transition.runs is FLOW_RUNS:
        owners = {"flow_run_id": run["id"]}
    else:
        owners = {"flow_run_id": run["flow_run_id"], "task_run_id": run["id"]}
    keep_artifact(transition.workspace, {**artifact, **owners, "data": data})
    return data
