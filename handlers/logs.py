"""Logs: they come many at a time."""

from typing import Any

from understudy.operations.actions import insert
from understudy.operations.handler_results import Answer
from understudy.workspaces.workspace import Workspace


def create_logs(workspace: Workspace, body: list[dict[str, Any]]) -> Answer:
    for log in body:
        texts = {name: log[name].replace("\0", "") for name in ("name", "message")}
        insert(workspace["logs"], {**log, **texts})
    return None
