"""Requests that tests of StandIn send to a workspace, whose rows are those of the small set."""

from typing import Any

import httpx

from understudy.admin.client import RemoteWorkspace

FLOWS = 12  # of the small set


def post(workspace: RemoteWorkspace, path: str, body: Any) -> httpx.Response:
    """The response, without the slowest part of a connection, which is to prepare for TLS."""
    return httpx.post(f"{workspace.url}{path}", json=body, verify=False)


def flows(workspace: RemoteWorkspace) -> int:
    return int(post(workspace, "/flows/count", {}).raise_for_status().json())


def add_flow(workspace: RemoteWorkspace, name: str = "added") -> None:
    post(workspace, "/flows/", {"name": name}).raise_for_status()
