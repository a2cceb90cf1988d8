"""What clients request from every server at the beginning."""

from typing import Any, NoReturn

from understudy.contract.columns import Column
from understudy.errors import NotFound, Unprocessable
from understudy.operations.actions import change, insert, matching
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.workspaces.workspace import Workspace

DEFAULTS, KEY = "server_defaults", Column(("key",))
RESULT_STORAGE = "server-default-result-storage"
BLOCK_ID = "default_result_storage_block_id"


def read_health() -> bool:
    return True


def read_readiness() -> dict[str, str]:
    return {"message": "OK"}


def read_hello() -> str:
    return "👋"


def read_api_version() -> str:
    return "0.8.4"


def read_server_version() -> str:
    return "3.9.1"


def create_csrf_token(client: str) -> NoReturn:
    raise Unprocessable("CSRF protection is disabled.")


def read_settings() -> Answer:
    """The settings of a real server that describe how this one behaves."""
    return SETTINGS


SETTINGS = {
    "debug_mode": False,
    "api": {"url": None, "auth_string": None, "key": None},
    "client": {"csrf_support_enabled": True, "server_version_check_enabled": True},
    "server": {
        "analytics_enabled": False,
        "api": {"csrf_protection_enabled": False, "default_limit": 200},
        "concurrency": {"maximum_concurrency_slot_wait_seconds": 30.0},
        "memoize_block_auto_registration": False,
        "tasks": {"tag_concurrency_slot_wait_seconds": 10.0},
        "ui": {"enabled": False},
    },
    "ui_url": None,
}


# ------------------------------------------------------------- result storage


def read_server_default_result_storage(workspace: Workspace) -> Answer:
    row = storage_row(workspace)
    return {BLOCK_ID: None if row is None else workspace[DEFAULTS].values(row)[BLOCK_ID]}


def update_server_default_result_storage(workspace: Workspace, body: dict[str, Any]) -> Answer:
    documents, schemas, block_id = workspace["block_documents"], workspace["block_schemas"], body[BLOCK_ID]
    document = documents.find(block_id.int)
    if document is None:
        raise NotFound(f"Block document {block_id} not found.")
    schema = schemas.find(documents.values(document)["block_schema_id"].int)
    if schema is None or "write-path" not in schemas.values(schema)["capabilities"]:
        raise Unprocessable(f"Block document {block_id} cannot be used for result storage.")
    row = storage_row(workspace)
    if row is None:
        insert(workspace[DEFAULTS], {"key": RESULT_STORAGE, BLOCK_ID: block_id})
    else:
        change(workspace[DEFAULTS], row, {BLOCK_ID: block_id})
    return {BLOCK_ID: block_id}


def clear_server_default_result_storage(workspace: Workspace) -> Answer:
    row = storage_row(workspace)
    if row is not None:
        workspace.delete(DEFAULTS, [row])
    return NO_CONTENT


def storage_row(workspace: Workspace) -> int | None:
    rows = matching(workspace[DEFAULTS], [(KEY, RESULT_STORAGE)])
    return rows.min() if rows else None
