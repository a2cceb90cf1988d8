"""Saved searches. Creating one replaces the filters of an existing one with the same name."""

from typing import Any

from understudy.operations.actions import insert, same_row
from understudy.operations.handler_results import Answer
from understudy.workspaces.workspace import Workspace


def create_saved_search(workspace: Workspace, body: dict[str, Any]) -> Answer:
    searches = workspace["saved_searches"]
    row = same_row(searches, body)
    if row is None:
        return searches.encoded(insert(searches, body)), 201
    # The time of the change is not kept: a real server leaves that to its database, which does not do it here.
    searches.update(row, {"filters": body["filters"]})
    return searches.encoded(row), 200
