"""If a worker does not renew the lease of a cleanup, the cleanup is delivered again.

Source: `prefect.server.services.cleanup_reconciler`.
"""

from datetime import datetime

from understudy.values import now
from understudy.workspaces.workspace import Workspace

from ..worker_cleanups import CLEANUPS, free


def due(workspace: Workspace) -> datetime | None:
    return min((end for _, end in leases(workspace)), default=None)


def run(workspace: Workspace) -> None:
    moment = now()
    for row, end in leases(workspace):
        if end <= moment:
            free(workspace, row)


def leases(workspace: Workspace) -> list[tuple[int, datetime]]:
    """The cleanups that workers hold, each with the end of its lease."""
    table = workspace[CLEANUPS]
    ends = [(row, table.values(row)["lease_expires_at"]) for row in table.live]
    return [(row, end) for row, end in ends if end is not None]
