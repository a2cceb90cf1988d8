"""Who may use the control API: this machine, or whoever has its token; never another site's page."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.errors import ApiError, Forbidden
from understudy.http.access import is_same

READING = ("GET", "HEAD")


class TokenNeeded(ApiError):
    def __init__(self) -> None:
        detail = "The control API needs its token, as `Authorization: Bearer …`; it is what --admin-token says."
        super().__init__(401, {"detail": detail}, {"www-authenticate": "Bearer"})


class GateMiddleware:
    """Refuses who may not use the control API."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            check(scope, self._token)
        await self._app(scope, receive, send)


def check(scope: Scope, token: str | None) -> None:
    """See whether a request for the control API may pass.

    Raises:
        ApiError: it may not; the text says what is missing.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if token is not None:
        kind, _, said = headers.get(b"authorization", "").partition(" ")
        if kind.lower() != "bearer" or not is_same(token, said):
            raise TokenNeeded
    elif not is_local(scope):
        raise Forbidden(
            "The control API answers this machine alone; start the server with --admin-token to change that."
        )
    elif not is_own_name(headers.get(b"host", ""), scope):
        # A page can point a name of its own at this machine, and then ask as if it were from here.
        raise Forbidden("The control API answers to this machine's own names and addresses only, not to that `Host`.")
    if scope["method"] not in READING and not is_same_site(headers):
        raise Forbidden("The control API takes no changes from the pages of other sites.")


def is_local(scope: Scope) -> bool:
    client = scope.get("client")
    return client is None or is_loopback(client[0])


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def is_own_name(host: str, scope: Scope) -> bool:
    name = split(f"//{host}").hostname or ""
    server = scope.get("server")
    return name == "localhost" or is_loopback(name) or (server is not None and name == server[0])


def is_same_site(headers: Mapping[bytes, str]) -> bool:
    origin = headers.get(b"origin")
    return origin is None or (split(origin).netloc or None) == headers.get(b"host")


def split(url: str) -> SplitResult:
    """The parts of a URL; one that is none has none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
