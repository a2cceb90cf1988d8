"""Error responses: every exception that a request ends with, as a response."""

import logging
from collections.abc import Awaitable
from http import HTTPStatus
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.errors import ApiError
from understudy.http.not_found import hint
from understudy.http.responses import encode, send_json
from understudy.text import one_line

logger = logging.getLogger("understudy")


class ErrorMiddleware:
    """Sends all error responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        def watched(message: Message) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            refusal = error_for(error, scope)
            await send_json(scope, send, refusal.status, encode(refusal.body), refusal.raw_headers)


def error_for(error: Exception, scope: Scope) -> ApiError:
    """The error to send for an exception. An unexpected exception is logged on one line."""
    if isinstance(error, ApiError):
        return error
    # A lazy import: it also imports an HTTP client, and only requests without an operation end so.
    from starlette.exceptions import HTTPException  # noqa: PLC0415

    if isinstance(error, HTTPException):
        is_other_method = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        more = hint(scope["method"], scope["path"]) if is_other_method else {}
        return ApiError(error.status_code, {"detail": error.detail}, {**(error.headers or {}), **more})
    logger.error("%s %s failed: %s", scope["method"], quote(scope["path"]), one_line(repr(error)))
    logger.debug("traceback of the failure", exc_info=error)
    return ApiError(500, {"exception_message": "Internal Server Error"})


BY_EXCEPTION = (HTTPStatus.UNAUTHORIZED, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)


def error_of(status: int, retry_after: int | None) -> ApiError:
    """An error with the body that the real server has for its status."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    name = "exception_message" if status in BY_EXCEPTION else "detail"
    return ApiError(status, {name: phrase_of(status)}, headers)


def phrase_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
