"""Leases that are not renewed expire, and release their slots.

Source: `prefect.server.services.repossessor`.
"""

from datetime import datetime

from understudy.values import now, time_of_key
from understudy.workspaces.workspace import Workspace

from ..concurrency_slots import EXPIRES, LEASES, settle


def due(workspace: Workspace) -> datetime | None:
    leases = workspace[LEASES]
    for row in leases.index(EXPIRES).page(leases.live, False, 0, 1):
        return time_of_key(leases.key(EXPIRES, row))
    return None


def run(workspace: Workspace) -> None:
    settle(workspace, now())
