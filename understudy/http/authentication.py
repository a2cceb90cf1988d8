"""Authentication: passwords, keys and tokens, as the real server requires them."""

import base64
import binascii
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.errors import Unauthorized
from understudy.http.csrf import CHANGING, Tokens, check_token
from understudy.http.routing_table import ROUTE
from understudy.operations.request_headers import headers_of
from understudy.values import is_same


@dataclass(frozen=True)
class Credentials:
    """The credentials that clients need; None where none are required.

    `basic` is "user:password", `key` a Bearer token; either is accepted where both are set.
    """

    basic: str | None = None
    key: str | None = None
    csrf: bool = False

    def __repr__(self) -> str:
        return "Credentials(…)"  # secrets are never shown

    @property
    def are_required(self) -> bool:
        return self.basic is not None or self.key is not None

    def accept(self, token: Any) -> bool:
        """Whether a token in a message of a stream is the password or the key, or none is required."""
        if not self.are_required:
            return True
        return isinstance(token, str) and any(
            secret is not None and is_same(secret, token) for secret in (self.basic, self.key)
        )


class Guard:
    """Checks the authentication of requests. Operations that the contract calls open (`x-open`) need none."""

    def __init__(self, credentials: Credentials, base_path: str, tokens: Tokens | None) -> None:
        self._credentials = credentials
        self._prefix = f"{base_path}/"
        self._tokens = tokens
        self.is_on = credentials.are_required or tokens is not None

    def check(self, scope: Scope) -> None:
        """Check that a request may pass.

        Raises:
            Forbidden: it lacks a token against cross-site request forgery.
            Unauthorized: it has no valid credentials.
        """
        if not scope["path"].startswith(self._prefix):
            return
        headers = headers_of(scope)
        if self._tokens is not None and scope["method"] in CHANGING:
            check_token(self._tokens, headers)
        if self._credentials.are_required and not is_open(scope) and not self._is_authenticated(headers):
            raise Unauthorized

    def _is_authenticated(self, headers: Mapping[bytes, bytes]) -> bool:
        basic, key = self._credentials.basic, self._credentials.key
        match headers.get(b"authorization", b"").decode("latin-1").split():
            case "Basic", value:
                return basic is not None and is_same(basic, decoded(value) or "")
            case "Bearer", *words:
                return key is not None and is_same(key, " ".join(words))
        return False


def is_open(scope: Scope) -> bool:
    route = scope.get(ROUTE)
    return route is not None and bool(route.operation.is_open)


def decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, ValueError):
        return None


class AuthenticationMiddleware:
    """Refuses requests that are not authenticated."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if self._guard.is_on and scope["type"] == "http":
            self._guard.check(scope)
        return self._app(scope, receive, send)
