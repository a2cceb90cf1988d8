"""Workspace URLs: which workspace a request is for, by its URL."""

import re
from collections.abc import Awaitable
from urllib.parse import quote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.contract.contract import Contract
from understudy.errors import ApiError
from understudy.workspaces.workspace_names import WORKSPACE, canonical

NEVER = re.compile(r"(?!)")
OWN_PATH = "understudy.own_path"  # the key in a scope of the path of the workspace's own URL


class WorkspaceURLMiddleware:
    """Rewrites requests to a workspace's own URL as requests to the plain URL of the API.

    Where the contract names no such URL, no workspace has one.
    """

    def __init__(self, app: ASGIApp, contract: Contract) -> None:
        self._app = app
        self._base_path = contract.base_path
        own = contract.workspace_path
        self._prefix, _, _ = own.partition("{")
        self._pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", own) + "(/.*)?", re.DOTALL) if own else NEVER

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "lifespan" and scope["path"].startswith(self._prefix):
            found = self._pattern.fullmatch(scope["path"])
            if found is not None:
                *ids, rest = found.groups(default="")
                path = self._base_path + (rest or "/")
                own = scope["path"].removesuffix(rest)
                scope = {**scope, "path": path, "raw_path": quote(path).encode(), WORKSPACE: named(ids), OWN_PATH: own}
                send = Redirects(send, self._base_path, own).send
        return self._app(scope, receive, send)


def named(ids: list[str]) -> str:
    """The workspace of some ids. A name that is not valid is refused later, where errors are sent."""
    name = "/".join(ids)
    try:
        return canonical(name)
    except ApiError:
        return name


class Redirects:
    """Sends responses on, with redirects that stay below the workspace's own URL."""

    def __init__(self, send: Send, base_path: str, own_path: str) -> None:
        self._send = send
        self._base_path = base_path
        self._own_path = own_path

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            headers = [(name, self._rewritten(name, value)) for name, value in message["headers"]]
            message = {**message, "headers": headers}
        return self._send(message)

    def _rewritten(self, name: bytes, value: bytes) -> bytes:
        if name.lower() != b"location":
            return value
        url = urlsplit(value.decode("latin-1"))
        path = quote(self._own_path) + url.path.removeprefix(self._base_path)
        return url._replace(path=path).geturl().encode("latin-1")
