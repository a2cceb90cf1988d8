"""The OpenAPI document that a server publishes of itself."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import yaml

from understudy.drift.openapi_document import Document
from understudy.errors import UnderstudyError
from understudy.text import one_line

ENDINGS = (".json", ".yaml", ".yml")


def published(server: httpx.Client) -> Document:
    """The document at the client's base URL, or the nearest `openapi.json` from there up to the site's root.

    Raises:
        UnderstudyError: the server cannot be asked, or has no such document.
    """
    reasons = []
    for url in places(server.base_url):
        try:
            return Document(str(url), parsed(asked(server, url)))
        except ValueError as error:  # noqa: PERF203 - there are few places
            reasons.append(f"{url.path} {error}")
    base = str(server.base_url).rstrip("/")
    raise UnderstudyError(f"{base}: no OpenAPI document is published there ({', '.join(reasons)})")


def places(base: httpx.URL) -> Iterator[httpx.URL]:
    """Where the document may be, the likeliest first."""
    path = base.path.rstrip("/")
    if path.endswith(ENDINGS):
        yield base.copy_with(path=path)
        return
    names = path.split("/")
    for depth in range(len(names), 0, -1):
        yield base.copy_with(path="/".join([*names[:depth], "openapi.json"]))


def asked(server: httpx.Client, url: httpx.URL) -> bytes:
    """A server's answer.

    Raises:
        UnderstudyError: there was none.
        ValueError: it was no success.
    """
    try:
        response = server.get(url)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise UnderstudyError(f"{url}: cannot be asked ({one_line(str(error)) or type(error).__name__})") from None
    if not response.is_success:
        raise ValueError(f"answers {response.status_code}")
    return response.content


def parsed(text: bytes) -> Mapping[str, Any]:
    """An OpenAPI 3 document from JSON or YAML.

    Raises:
        ValueError: it is none.
    """
    value = from_json_or_yaml(text)
    if not isinstance(value, dict) or not str(value.get("openapi", "")).startswith("3."):
        raise ValueError("is no OpenAPI 3 document")
    return value


def from_json_or_yaml(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # JSON is not all YAML to the YAML parser, so each has its own
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("is neither JSON nor YAML") from None
