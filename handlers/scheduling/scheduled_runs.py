"""Scheduled runs that have not started."""

from datetime import datetime

from understudy.contract.columns import Column
from understudy.filters.criteria import Condition, Not, all_of
from understudy.workspaces.workspace import Workspace

DEPLOYMENT_ID, STATE_TYPE, STATE_NAME = Column(("deployment_id",)), Column(("state_type",)), Column(("state_name",))


def delete_scheduled_runs(
    workspace: Workspace, deployment: int, *, auto_scheduled_only: bool, after: datetime | None = None
) -> None:
    """Delete the scheduled runs of a deployment that have not started.

    Args:
        workspace: the workspace of the runs.
        deployment: the key of the deployment's id.
        auto_scheduled_only: whether to keep runs that a client has created.
        after: runs that start at this time or before are kept.
    """
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
        start = values["next_scheduled_start_time"]
        is_later = after is None or (start is not None and start > after)
        if values["run_count"] == 0 and is_later and (values["auto_scheduled"] or not auto_scheduled_only):
            waiting.append(row)
    workspace.delete("flow_runs", waiting)
