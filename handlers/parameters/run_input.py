"""The input that a paused flow run waits for: values under keys, and the schema that they must match.

Source: `resume_flow_run` in `prefect.server.api.flow_runs`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from understudy.contract.columns import Column
from understudy.errors import Unprocessable
from understudy.operations.actions import check_keys, insert, matching
from understudy.workspaces.workspace import Workspace

from .. import CONFLICT
from .hydration import Hydration, HydrationError, without_context
from .parameter_schemas import Mismatch, check

INPUTS, FLOW_RUN_ID, KEY = "flow_run_inputs", Column(("flow_run_id",)), Column(("key",))


class InvalidInput(Exception):
    """The input cannot be taken. The text is the reason."""


def checked_input(
    workspace: Workspace, run_id: UUID, keyset: Mapping[str, str], given: dict[str, Any]
) -> dict[str, Any]:
    """The input for a paused run, with its placeholders filled in.

    Raises:
        InvalidInput: it is not valid against the schema of the input, or there is no such schema.
    """
    try:
        values: dict[str, Any] = Hydration(workspace, raises=True, render=without_context).object(given) or {}
    except HydrationError as error:
        raise InvalidInput(f"Error hydrating run input: {error}") from None
    try:
        check(values, schema_of(workspace, run_id, keyset.get("schema")))
    except Mismatch as error:
        raise InvalidInput(f"Reason: {error}") from None
    except Unprocessable as error:
        raise InvalidInput(error.body["detail"]) from None
    return values


def schema_of(workspace: Workspace, run_id: UUID, key: str | None) -> dict[str, Any]:
    rows = matching(workspace[INPUTS], [(FLOW_RUN_ID, run_id.int), (KEY, key)])
    if not rows:
        raise InvalidInput("Run input schema not found.")
    try:
        schema = from_json(workspace[INPUTS].values(rows.min())["value"])
    except ValueError:
        schema = None
    if not isinstance(schema, dict):
        raise InvalidInput("Run input schema is not valid JSON.")
    return schema


def keep_input(workspace: Workspace, run_id: UUID, keyset: Mapping[str, str], values: dict[str, Any]) -> None:
    """Store the input under its key, for the run to read.

    Raises:
        Conflict: the run has an input under this key.
    """
    if "response" not in keyset:
        return
    row = {"flow_run_id": run_id, "key": keyset["response"], "value": to_json(values).decode()}
    check_keys(workspace, workspace[INPUTS], row, CONFLICT)
    insert(workspace[INPUTS], row)
