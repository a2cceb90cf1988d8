"""Who is let in: passwords, keys, and tokens against cross-site request forgery, as the real server asks for them."""

import base64
import binascii
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, NamedTuple
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.errors import Forbidden, Unauthorized
from understudy.folder import Api
from understudy.http.routes import Routes
from understudy.values import later, new_id, now

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
TOKEN_HEADER, CLIENT_HEADER = "prefect-csrf-token", "prefect-csrf-client"  # as Prefect's clients send them
LIFETIME = timedelta(hours=1)  # of a token
CLIENTS = 10_000  # that may hold a token at a time
LONGEST = 200  # characters of the name of a client that are kept as they are


@dataclass(frozen=True)
class Credentials:
    """What clients need to be let in; None where they need nothing of the kind.

    `basic` is "user:password", `key` a Bearer token; either will do where both are set.
    """

    basic: str | None = None
    key: str | None = None
    csrf: bool = False

    def __repr__(self) -> str:
        return "Credentials(…)"  # what lets people in shows up nowhere

    @property
    def are_asked_for(self) -> bool:
        return self.basic is not None or self.key is not None


class Token(NamedTuple):
    """What a client has. `end` is when it is void, by `time.monotonic`, whatever the machine's clock is set to."""

    id: UUID
    created: datetime
    text: str
    end: float


class Tokens:
    """The tokens of clients: each has one, which a new one replaces."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, Token] = OrderedDict()

    def issue(self, client: str) -> dict[str, Any]:
        """A new token, as the real server answers it."""
        moment, key = now(), key_of(client)
        last = self._tokens.pop(key, None)
        id_, created = (new_id(), moment) if last is None else (last.id, last.created)
        token = Token(id_, created, secrets.token_hex(), time.monotonic() + LIFETIME.total_seconds())
        self._tokens[key] = token
        if len(self._tokens) > CLIENTS:
            self._tokens.popitem(last=False)
        updated = later(moment, created)
        told = {"id": id_, "created": created, "updated": updated}
        return {**told, "token": token.text, "client": client, "expiration": updated + LIFETIME}

    def holds(self, client: str, token: str) -> bool:
        known = self._tokens.get(key_of(client))
        return known is not None and is_same(known.text, token) and time.monotonic() < known.end


def key_of(client: str) -> str:
    """What a client's token is kept under. A long name is kept as its hash, which takes less memory."""
    return client if len(client) <= LONGEST else sha256(client.encode("utf-8", "surrogatepass")).hexdigest()


class Guard:
    """Lets requests in, or refuses them. What the contract calls open is open to all."""

    def __init__(self, credentials: Credentials, routes: Routes, base_path: str, tokens: Tokens | None) -> None:
        self._credentials = credentials
        self._routes = routes
        self._base_path = base_path
        self._tokens = tokens
        self.is_on = credentials.are_asked_for or tokens is not None

    def check(self, scope: Scope) -> None:
        """See whether a request may pass.

        Raises:
            Forbidden: it lacks a token against cross-site request forgery.
            Unauthorized: it has not what lets people in.
        """
        if not self.is_on or not scope["path"].startswith(f"{self._base_path}/"):
            return
        headers = Headers(scope=scope)
        if self._tokens is not None and scope["method"] in CHANGING:
            check_token(self._tokens, headers)
        if self._credentials.are_asked_for and not self._is_open(scope) and not self._is_known(headers):
            raise Unauthorized

    def _is_open(self, scope: Scope) -> bool:
        found = self._routes.find(scope["method"], scope["path"])
        return found is not None and found.operation.is_open

    def _is_known(self, headers: Headers) -> bool:
        basic, key = self._credentials.basic, self._credentials.key
        match headers.get("authorization", "").split():
            case "Basic", said:
                return basic is not None and is_same(basic, decoded(said) or "")
            case "Bearer", *words:
                return key is not None and is_same(key, " ".join(words))
        return False


def check_token(tokens: Tokens, headers: Headers) -> None:
    token, client = headers.get(TOKEN_HEADER), headers.get(CLIENT_HEADER)
    if token is None:
        raise Forbidden("Missing CSRF token.")
    if client is None:
        raise Forbidden("Missing client identifier.")
    if not tokens.holds(client.strip(), token.strip()):
        raise Forbidden("Invalid CSRF token or client identifier.")


def decoded(said: str) -> str | None:
    try:
        return base64.b64decode(said).decode()
    except (binascii.Error, ValueError):
        return None


def is_same(secret: str, said: str) -> bool:
    """Whether two texts are the same, in a time that tells nothing of where they differ."""
    return compare_digest(secret.encode("utf-8", "surrogatepass"), said.encode("utf-8", "surrogatepass"))


def issuing(api: Api, tokens: Tokens) -> Api:
    """An API whose operation that hands out tokens does so."""
    operations = {
        name: replace(operation, handler=tokens.issue) if operation.issues_tokens else operation
        for name, operation in api.operations.items()
    }
    return replace(api, operations=operations)


class GuardMiddleware:
    """Refuses who is not let in."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._guard.check(scope)
        await self._app(scope, receive, send)
