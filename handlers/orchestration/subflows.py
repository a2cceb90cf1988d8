"""The task run that represents a subflow run in its parent."""

from .policy import Finish, transform
from .task_states import set_task_run_state
from .transition import TASK_RUNS, Transition, copy_of


@transform
def update_subflow_parent_task(transition: Transition) -> Finish | None:
    """The task run that represents a subflow run gets the same states.

    Source: `UpdateSubflowParentTask` in `prefect.server.orchestration.global_policy`.
    """
    parent = transition.run["parent_task_run_id"]
    if parent is None:
        return None

    def finish(holds: bool) -> None:
        row = transition.workspace[TASK_RUNS.table].find(parent.int)
        if row is None:
            return
        state = copy_of(transition.validated, transition.time)
        state["state_details"]["child_flow_run_id"] = transition.run["id"]
        set_task_run_state(transition.workspace, row, state, transition.time, force=True)

    return finish
