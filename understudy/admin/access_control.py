"""Who may use the control API: this machine, or whoever has its token; never another site's page."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.errors import ApiError, Forbidden
from understudy.network.ip_addresses import address_of, is_loopback, is_unspecified
from understudy.values import is_same

READING = ("GET", "HEAD")
FORWARDED_FOR = re.compile(r'(?i:\bfor=)"?([^;,"]*)')  # in the header of RFC 7239


class TokenNeeded(ApiError):
    def __init__(self, detail: str) -> None:
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
        check_token(headers.get(b"authorization"), token)
    else:
        check_machine(scope, headers.get(b"host", ""))
    if scope["method"] not in READING and not is_same_site(headers):
        raise Forbidden("The control API takes no changes from the pages of other sites.")


def check_token(authorization: str | None, token: str) -> None:
    """See whether an `Authorization` header has the token.

    Raises:
        TokenNeeded: it has not.
    """
    if authorization is None:
        raise TokenNeeded(
            "The control API needs the server's --admin-token, as `Authorization: Bearer TOKEN`. `understudy admin` "
            "takes it by --token, the pytest plugin by --understudy-token, both by UNDERSTUDY_ADMIN_TOKEN."
        )
    kind, _, said = authorization.partition(" ")
    if kind.lower() != "bearer" or not is_same(token, said):
        raise TokenNeeded("This is not the token of the control API, which is the server's --admin-token.")


def check_machine(scope: Scope, host: str) -> None:
    """See whether a request comes from this machine, and was meant for it.

    Raises:
        Forbidden: it does not, or a proxy says that it has forwarded it for another machine.
    """
    if not is_local(scope):
        raise Forbidden(
            "The control API answers this machine alone; start the server with --admin-token to change that."
        )
    if not all(map(is_loopback, forwarded_for(scope["headers"]))):
        # Headers are never a reason to trust a request, but they can be one not to.
        raise Forbidden(
            "The control API answers this machine alone, and a proxy has forwarded this request for another one; "
            "start the server with --admin-token to change that."
        )
    if not is_own_name(host, scope):
        # A page can point a name of its own at this machine, and then ask as if it were from here.
        raise Forbidden("The control API answers to this machine's own names and addresses only, not to that `Host`.")


def is_local(scope: Scope) -> bool:
    """Whether the client's address is this machine's; one that is gone already has none."""
    client = scope.get("client")
    return client is not None and is_loopback(client[0])


def forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The addresses for which proxies say that they have forwarded a request; empty without a proxy."""
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
    """The parts of a URL; one that is none has none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
