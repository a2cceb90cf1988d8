"""Access to the control API: from this machine or with its token, and never from another site's page."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.errors import ApiError, Forbidden
from understudy.network.ip_addresses import address_of, is_loopback, is_unspecified
from understudy.values import is_same

READING = ("GET", "HEAD")
FORWARDED_FOR = re.compile(r'(?i:\bfor=)"?([^;,"]*)')  # in the header of RFC 7239


class TokenRequired(ApiError):
    def __init__(self, detail: str) -> None:
        super().__init__(401, {"detail": detail}, {"www-authenticate": "Bearer"})


class AccessControlMiddleware:
    """Refuses requests without access to the control API."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            check(scope, self._token)
        await self._app(scope, receive, send)


def check(scope: Scope, token: str | None) -> None:
    """Check that a request has access to the control API.

    Raises:
        ApiError: it has not; the text states what is missing.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if token is not None:
        check_token(headers.get(b"authorization"), token)
    else:
        check_machine(scope, headers.get(b"host", ""))
    if scope["method"] not in READING and not is_same_site(headers):
        raise Forbidden("The control API refuses changes from pages of other sites.")


def check_token(authorization: str | None, token: str) -> None:
    """Check that an `Authorization` header has the token.

    Raises:
        TokenRequired: the header is missing, or has another token.
    """
    if authorization is None:
        raise TokenRequired(
            "The control API requires the server's --admin-token, as `Authorization: Bearer TOKEN`. `understudy admin` "
            "takes it as --token, the pytest plugin as --understudy-token, and both from UNDERSTUDY_ADMIN_TOKEN."
        )
    kind, _, given = authorization.partition(" ")
    if kind.lower() != "bearer" or not is_same(token, given):
        raise TokenRequired("The token is wrong: the control API requires the server's --admin-token.")


def check_machine(scope: Scope, host: str) -> None:
    """Check that a request comes from this machine, and is addressed to it.

    Raises:
        Forbidden: it does not, or a proxy has forwarded it for another machine.
    """
    if not is_local(scope):
        raise Forbidden(
            "The control API only answers this machine. Start the server with --admin-token to change that."
        )
    if not all(map(is_loopback, forwarded_for(scope["headers"]))):
        # Headers are never a reason to trust a request, but they can be a reason to distrust it.
        raise Forbidden(
            "The control API only answers this machine, and a proxy has forwarded this request for another one. "
            "Start the server with --admin-token to change that."
        )
    if not is_own_name(host, scope):
        # DNS rebinding: a page can point its own host name at this machine, and send requests from here.
        raise Forbidden("The control API only answers requests whose `Host` is a name or address of this machine.")


def is_local(scope: Scope) -> bool:
    """Whether the client's address is this machine's. A client that has disconnected has no address."""
    client = scope.get("client")
    return client is not None and is_loopback(client[0])


def forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The addresses for which proxies have forwarded a request; empty without a proxy."""
    addresses = []
    for name, value in headers:
        text = value.decode("latin-1")
        if name in (b"x-forwarded-for", b"x-real-ip"):
            addresses += text.split(",")
        elif name == b"forwarded":
            addresses += FORWARDED_FOR.findall(text)
    return [without_port(address.strip()) for address in addresses]


def without_port(text: str) -> str:
    return text if address_of(text) else split(f"//{text}").hostname or text


def is_own_name(host: str, scope: Scope) -> bool:
    name = split(f"//{host}").hostname or ""
    server = scope.get("server")
    return (
        name == "localhost" or is_loopback(name) or is_unspecified(name) or (server is not None and name == server[0])
    )


def is_same_site(headers: Mapping[bytes, str]) -> bool:
    origin = headers.get(b"origin")
    return origin is None or (split(origin).netloc or None) == headers.get(b"host", "")


def split(url: str) -> SplitResult:
    """The parts of a URL; all empty if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
