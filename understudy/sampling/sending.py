"""Sending a request to a server."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import httpx
from pydantic_core import from_json

from understudy.contract.contract import MEDIA_TYPE
from understudy.errors import UnderstudyError
from understudy.network.failures import reason_of
from understudy.sampling.answers import Answer
from understudy.sampling.http_client import shown_url
from understudy.sampling.random_requests import Request

JSON = {"content-type": MEDIA_TYPE}
DEEPEST = 250  # levels of lists and objects in a body


def ask(server: httpx.Client, request: Request) -> Answer:
    """Send a request, and return the response.

    Raises:
        UnderstudyError: there was no response; the text names the server.
    """
    has_body = request.method != "GET" and request.body is not None
    body: dict[str, Any] = {"content": request.encoded, "headers": JSON} if has_body else {}
    try:
        response = server.request(request.method, request.path, **body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UnderstudyError(f"{shown_url(server)}: cannot be reached ({reason_of(error)})") from None
    return answer_of(response)


def answer_of(response: httpx.Response) -> Answer:
    return Answer(response.status_code, body_of(response), dict(response.headers))


def answer_from_parts(status: int, headers: Sequence[tuple[str, str]], content: bytes) -> Answer:
    """An answer from the status, the headers (with names in lower case) and the content of a response."""
    try:
        return Answer(status, from_json(content), dict(headers))
    except ValueError:
        return answer_of(httpx.Response(status, headers=headers, content=content))


def body_of(response: httpx.Response) -> Any:
    """The JSON value of a body, or its text if it is not JSON, or nested too deep to be compared."""
    with suppress(ValueError):
        return from_json(response.content)  # three times as fast; refuses lone surrogates and deep nesting
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return response.text
    return response.text if is_too_deep(value) else value


def is_too_deep(value: Any) -> bool:
    """Whether functions that call themselves for each part of a value could go too deep."""
    parts = [value]
    for _ in range(DEEPEST):
        parts = [each for part in parts for each in parts_of(part)]
        if not parts:
            return False
    return True


def parts_of(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
