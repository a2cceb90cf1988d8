"""Shared parts of mutants: operations, as regular expressions, and parts of requests."""

from typing import Any

ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

LIST_ARTIFACTS, COUNT_ARTIFACTS = "POST /artifacts/filter", "POST /artifacts/count"
LIST_LATEST, COUNT_LATEST = "POST /artifacts/latest/filter", "POST /artifacts/latest/count"
LIST_FLOWS, COUNT_FLOWS, PAGE_FLOWS = "POST /flows/filter", "POST /flows/count", "POST /flows/paginate"
ABOUT_ARTIFACTS = "POST /artifacts/(filter|count)"
ABOUT_LATEST = "POST /artifacts/latest/(filter|count)"
ABOUT_FLOWS = "POST /flows/(filter|count|paginate)"
LISTS, COUNTS = "POST /.*/filter", "POST /.*/count"
QUERIES = "POST /.*/(filter|count|paginate)"

CREATE_ARTIFACT, CREATE_FLOW = "POST /artifacts/", "POST /flows/"
READ_ARTIFACT, READ_FLOW = f"GET /artifacts/{ID}", f"GET /flows/{ID}"
UPDATE_ARTIFACT, UPDATE_FLOW = f"PATCH /artifacts/{ID}", f"PATCH /flows/{ID}"
DELETE_ARTIFACT, DELETE_FLOW = f"DELETE /artifacts/{ID}", f"DELETE /flows/{ID}"
READ_LATEST = "GET /artifacts/[^/]+/latest"
BULK_DELETE = "POST /flows/bulk_delete"

NEVER = "\x01"
"""A text that no row holds."""
NOBODY = "00000000-0000-4000-8000-000000000000"
ARTIFACT = "df79123c-8678-5957-a0b1-e674a3d57f2e"
FLOW = "48182b94-05db-57ac-89ab-cb579ac52efb"
RUN = "c5490235-683e-5699-9afb-56a671985922"


def any_of(*values: Any) -> dict[str, Any]:
    return {"any_": list(values)}


def none_of(*values: Any) -> dict[str, Any]:
    return {"not_any_": list(values)}


def like(pattern: str) -> dict[str, Any]:
    return {"like_": pattern}


def is_null(value: bool) -> dict[str, Any]:
    return {"is_null_": value}


def in_state(*words: str) -> dict[str, Any]:
    return {"state": {"type": any_of(*words)}}
