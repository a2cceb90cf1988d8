"""Tokens against cross-site request forgery (CSRF), as the real server issues and requires them."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from understudy.errors import Forbidden
from understudy.operations.api_folder import Api
from understudy.values import is_same, later, new_id, now

CHANGING = ("POST", "PUT", "PATCH", "DELETE")  # the methods of requests that need a token
TOKEN_HEADER, CLIENT_HEADER = "prefect-csrf-token", "prefect-csrf-client"  # as Prefect's clients send them
LIFETIME = timedelta(hours=1)  # of a token
CLIENTS = 10_000  # that may have a token at a time
LONGEST = 200  # characters of a client's name that is stored as it is


class Token(NamedTuple):
    """A client's token. It is valid until `end`, by `time.monotonic`, whatever the machine's clock is set to."""

    id: UUID
    created: datetime
    text: str
    end: float


class Tokens:
    """The tokens of clients: each has one, which a new one replaces."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, Token] = OrderedDict()

    def issue(self, client: str) -> dict[str, Any]:
        """A new token, as the real server returns it."""
        moment, key = now(), key_of(client)
        last = self._tokens.pop(key, None)
        id_, created = (new_id(), moment) if last is None else (last.id, last.created)
        token = Token(id_, created, secrets.token_hex(), time.monotonic() + LIFETIME.total_seconds())
        self._tokens[key] = token
        if len(self._tokens) > CLIENTS:
            self._tokens.popitem(last=False)
        updated = later(moment, created)
        times = {"id": id_, "created": created, "updated": updated}
        return {**times, "token": token.text, "client": client, "expiration": updated + LIFETIME}

    def holds(self, client: str, token: str) -> bool:
        known = self._tokens.get(key_of(client))
        return known is not None and is_same(known.text, token) and time.monotonic() < known.end


def key_of(client: str) -> str:
    """The key of a client's token. It is the hash of a long name, which takes less memory."""
    return client if len(client) <= LONGEST else sha256(client.encode("utf-8", "surrogatepass")).hexdigest()


def check_token(tokens: Tokens, headers: Mapping[bytes, bytes]) -> None:
    """Check that a request has a valid token.

    Raises:
        Forbidden: it has not.
    """
    token, client = text_of(headers, TOKEN_HEADER), text_of(headers, CLIENT_HEADER)
    if token is None:
        raise Forbidden("Missing CSRF token.")
    if client is None:
        raise Forbidden("Missing client identifier.")
    if not tokens.holds(client.strip(), token.strip()):
        raise Forbidden("Invalid CSRF token or client identifier.")


def text_of(headers: Mapping[bytes, bytes], name: str) -> str | None:
    value = headers.get(name.encode("ascii"))
    return None if value is None else value.decode("latin-1")


def issuing(api: Api, tokens: Tokens) -> Api:
    """An API whose operation that issues tokens does so."""
    operations = {
        name: operation.with_handler(tokens.issue) if operation.issues_tokens else operation
        for name, operation in api.operations.items()
    }
    return replace(api, operations=operations)
