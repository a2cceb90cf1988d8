"""States of flow runs."""

from uuid import UUID

from understudy.operations.handler_results import Answer
from understudy.workspaces.workspace import Workspace

from .states import read_state, states_of


def read_flow_run_state(workspace: Workspace, id: UUID) -> Answer:
    return read_state(workspace, "flow_run_states", "flow_runs", id)


def read_flow_run_states(workspace: Workspace, flow_run_id: UUID) -> Answer:
    return states_of(workspace, "flow_run_states", "flow_runs", flow_run_id)
