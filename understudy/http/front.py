"""The front: which workspace a request is for, said by its URL."""

import re
from urllib.parse import quote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.contract.contract import Contract
from understudy.errors import ApiError
from understudy.workspaces.tenants import WORKSPACE, canonical

NEVER = re.compile(r"(?!)")


class Front:
    """Leads what comes in by a workspace's own URL to the API, as if it had come in by the plain one.

    Where the contract names no such URL, there is none.
    """

    def __init__(self, app: ASGIApp, contract: Contract) -> None:
        self._app = app
        self._base_path = contract.base_path
        own = contract.workspace_path
        self._prefix, _, _ = own.partition("{")
        self._pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", own) + "(/.*)?", re.DOTALL) if own else NEVER

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._prefix):
            found = self._pattern.fullmatch(scope["path"])
            if found is not None:
                *ids, rest = found.groups(default="")
                path = self._base_path + rest
                own = scope["path"].removesuffix(rest)
                scope = {**scope, "path": path, "raw_path": quote(path).encode(), WORKSPACE: named(ids)}
                send = Signpost(send, self._base_path, own).send
        await self._app(scope, receive, send)


def named(ids: list[str]) -> str:
    """The workspace of some ids; one of another form is refused later, where errors are written."""
    name = "/".join(ids)
    try:
        return canonical(name)
    except ApiError:
        return name


class Signpost:
    """Sends answers on, with redirects that stay below the workspace's own URL."""

    def __init__(self, send: Send, base_path: str, own_path: str) -> None:
        self._send = send
        self._base_path = base_path
        self._own_path = own_path

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [(name, self._led(name, value)) for name, value in message["headers"]]}
        await self._send(message)

    def _led(self, name: bytes, value: bytes) -> bytes:
        if name.lower() != b"location":
            return value
        url = urlsplit(value.decode("latin-1"))
        path = quote(self._own_path) + url.path.removeprefix(self._base_path)
        return url._replace(path=path).geturl().encode("latin-1")
