"""Setting the state of flow runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from understudy.workspaces.workspace import Workspace

from .client import UNKNOWN, Client
from .flow_policy import CORE_FLOW_POLICY, MINIMAL_FLOW_POLICY
from .policy import Policy
from .transition import FLOW_RUNS, State, Transition
from .writing import add_run, set_state


def set_flow_run_state(
    workspace: Workspace, row: int, proposed: State, time: datetime, *, force: bool = False, client: Client = UNKNOWN
) -> Transition:
    """Propose a state for a flow run. Returns the result.

    Args:
        workspace: the workspace of the run.
        row: the row number of the run.
        proposed: the state, as `proposed_state` returns it.
        time: the time of the request.
        force: whether to skip most rules.
        client: the client that proposes it.
    """
    policy = MINIMAL_FLOW_POLICY if force else CORE_FLOW_POLICY
    return set_state(workspace, FLOW_RUNS, row, proposed, time, policy, client)


def propose(workspace: Workspace, row: int, proposed: State, time: datetime, policy: Policy) -> Transition:
    """The same with the policy of a service."""
    return set_state(workspace, FLOW_RUNS, row, proposed, time, policy, UNKNOWN)


def add_flow_run(workspace: Workspace, values: Mapping[str, Any], state: State, client: Client = UNKNOWN) -> int:
    """Add a flow run of at least the fields without a default, with its first state. Returns its number."""
    return add_run(workspace, FLOW_RUNS, values, state, MINIMAL_FLOW_POLICY, client)
