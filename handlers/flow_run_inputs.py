"""Inputs of flow runs: texts by key, which wait for the run to read them."""

import re
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import Conflict, NotFound, Unprocessable
from understudy.filters.operators import begins
from understudy.operations.actions import insert, matching, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer, Content
from understudy.workspaces.workspace import Workspace

FLOW_RUN_ID, KEY = Column(("flow_run_id",)), Column(("key",))
KEYS = re.compile(r"[a-z0-9-]*\n?")  # the pattern of a real server also accepts a line feed at the end


def create_flow_run_input(workspace: Workspace, id: UUID, key: str, value: str, sender: str | None) -> Answer:
    if KEYS.fullmatch(key) is None:  # a real server fails with 500
        raise Unprocessable("The key of an input must only contain lowercase letters, numbers, and dashes.")
    if workspace["flow_runs"].find(id.int) is None:
        raise NotFound("Flow run not found")
    values = {"flow_run_id": id, "key": key, "value": value, "sender": sender}
    inputs = workspace["flow_run_inputs"]
    if same_row(inputs, values) is not None:
        raise Conflict("A flow run input with this key already exists.")
    insert(inputs, values)
    return None


def filter_flow_run_input(workspace: Workspace, id: UUID, prefix: str, limit: int, exclude_keys: list[str]) -> Answer:
    """The inputs with a prefix. A negative limit means no limit, as in SQL."""
    inputs, has_prefix = workspace["flow_run_inputs"], begins([prefix])
    rows: list[dict[str, Any]] = [inputs.values(row) for row in inputs.index(FLOW_RUN_ID).rows(id.int)]
    found = [row for row in rows if has_prefix(row["key"]) and row["key"] not in exclude_keys]
    found.sort(key=lambda row: row["created"])
    return found if limit < 0 else found[:limit]


def read_flow_run_input(workspace: Workspace, id: UUID, key: str) -> Answer:
    values = workspace["flow_run_inputs"].values(input_of(workspace, id, key))
    return Content(values["value"].encode("utf-8", "surrogatepass"), "text/plain; charset=utf-8")


def delete_flow_run_input(workspace: Workspace, id: UUID, key: str) -> Answer:
    workspace.delete("flow_run_inputs", [input_of(workspace, id, key)])
    return NO_CONTENT


def input_of(workspace: Workspace, flow_run: UUID, key: str) -> int:
    rows = matching(workspace["flow_run_inputs"], [(FLOW_RUN_ID, flow_run.int), (KEY, key)])
    if not rows:
        raise NotFound("Flow run input not found")
    return rows.min()
