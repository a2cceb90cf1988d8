"""Fetching the OpenAPI document of a server."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import yaml

from understudy.drift.openapi_document import Document
from understudy.errors import UnderstudyError
from understudy.network.failures import reason_of
from understudy.network.proxies import without_password

ENDINGS = (".json", ".yaml", ".yml")


def published(server: httpx.Client) -> Document:
    """The document at the client's base URL, or the nearest `openapi.json` from there up to the root.

    Raises:
        UnderstudyError: the server cannot be reached, or has no such document.
    """
    reasons = []
    for url in places(server.base_url):
        try:
            return Document(str(url), parsed(fetched(server, url)))
        except ValueError as error:  # noqa: PERF203 - few iterations
            reasons.append(f"{url.path} {error}")
    base = without_password(str(server.base_url).rstrip("/"))
    raise UnderstudyError(f"{base}: no OpenAPI document is published there ({', '.join(reasons)})")


def places(base: httpx.URL) -> Iterator[httpx.URL]:
    """The possible URLs of the document, the most likely first."""
    path = base.path.rstrip("/")
    if path.endswith(ENDINGS):
        yield base.copy_with(path=path)
        return
    names = path.split("/")
    for depth in range(len(names), 0, -1):
        yield base.copy_with(path="/".join([*names[:depth], "openapi.json"]))


def fetched(server: httpx.Client, url: httpx.URL) -> bytes:
    """The body of a server's response.

    Raises:
        UnderstudyError: the server cannot be reached.
        ValueError: the response is an error.
    """
    try:
        response = server.get(url)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise UnderstudyError(f"{without_password(str(url))}: cannot be reached ({reason_of(error)})") from None
    if not response.is_success:
        raise ValueError(f"returned {response.status_code}")
    return response.content


def parsed(text: bytes) -> Mapping[str, Any]:
    """Parse an OpenAPI 3 document in JSON or YAML.

    Raises:
        ValueError: it is not one.
    """
    value = from_json_or_yaml(text)
    if not isinstance(value, dict) or not str(value.get("openapi", "")).startswith("3."):
        raise ValueError("is not an OpenAPI 3 document")
    return value


def from_json_or_yaml(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # the YAML parser does not accept all JSON
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("is neither JSON nor YAML") from None
