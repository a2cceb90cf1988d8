"""Workspaces of a server under test: their names, where they are, and the control API."""

from typing import Any
from uuid import uuid4

import httpx

from understudy.workspaces.workspace_names import DEFAULT


def new_name() -> str:
    """The name of a new workspace."""
    return f"{uuid4()}/{uuid4()}"


def at(name: str) -> str:
    """The prefix of the paths of a workspace, below the API."""
    if name == DEFAULT:
        return ""
    account, workspace = name.split("/")
    return f"/accounts/{account}/workspaces/{workspace}"


def admin(api: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """The control API's response, from the server of a client."""
    return api.request(method, api.base_url.join(f"/__admin{path}"), **options)


def keys(api: httpx.Client, name: str = DEFAULT) -> list[str]:
    """The keys that artifacts of a workspace have."""
    return sorted(row["key"] for row in api.post(f"{at(name)}/artifacts/latest/filter", json={}).json())
