"""The way of a request through Connexion: routes, operations, and errors."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.errors import ApiError, BadRequest
from understudy.folder import Operation
from understudy.http.answers import encode, send_json
from understudy.http.framework import (
    ROUTING_CONTEXT,
    AbstractOperation,
    RoutingAPI,
    RoutingMiddleware,
    RoutingOperation,
)
from understudy.http.limits import UNREADABLE, Limits
from understudy.http.requests import read_body
from understudy.text import one_line

logger = logging.getLogger("understudy")


class ErrorMiddleware:
    """Writes every error, in one place; nothing else in the project sends one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            refusal = refusal_of(error, scope)
            await send_json(send, refusal.status, encode(refusal.body), refusal.raw_headers)


def refusal_of(error: Exception, scope: Scope) -> ApiError:
    """The refusal that an exception is, or stands for. A fault of ours is logged in one line."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, {"detail": error.detail}, error.headers)
    logger.error("%s %s failed: %s", scope["method"], quote(scope["path"]), one_line(repr(error)))
    logger.debug("it failed here", exc_info=error)
    return ApiError(500, {"exception_message": "Internal Server Error"})


class RouteMiddleware(RoutingMiddleware):
    """Connexion's routing, with the paths of the real server: a UUID in a path is one, or no path."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self.router.redirect_slashes = False  # a slash is added or taken within an API, not to reach one

    def add_api(self, specification: Any, base_path: str | None = None, **kwargs: Any) -> None:
        api = RouteApi(specification, base_path=base_path, next_app=self.app, **kwargs)
        self.router.mount(api.base_path, app=api.router)


class RouteApi(RoutingAPI):
    @staticmethod
    def _framework_path_and_name(operation: AbstractOperation, path: str) -> tuple[str, str]:
        for parameter in operation.parameters:
            if parameter["in"] == "path" and parameter["schema"].get("format") == "uuid":
                path = path.replace(f"{{{parameter['name']}}}", f"{{{parameter['name']}:uuid}}")
        return path, path

    def _add_operation_internal(
        self, method: str, path: str, operation: RoutingOperation, name: str | None = None
    ) -> None:
        route = Route(path, operation, methods=[method])
        route.methods = {method.upper()}  # without the HEAD that Starlette adds to GET
        self.router.routes.append(route)


Perform = Callable[[Operation, Scope, Mapping[str, Any]], Awaitable[Any]]
"""Performs an operation on what its request is for, with what the request says, and returns its answer."""


class Stage:
    """Where every operation is answered: read by the contract, performed, written as JSON."""

    def __init__(self, perform: Perform, limits: Limits) -> None:
        self._perform = perform
        self._limits = limits

    async def answer(self, operation: Operation, scope: Scope, body: bytes) -> tuple[int, bytes]:
        """The status and the body of an operation's answer to a request with some body.

        Raises:
            ApiError: the request is refused.
        """
        self._limits.check(body)
        try:
            arguments = operation.reader.read(scope, body)
            if operation.takes_subject:
                answer = await self._perform(operation, scope, arguments)
            else:
                answer = operation.handler(**arguments)
            content, status = answer if isinstance(answer, tuple) else (answer, operation.status)
            return status, content if isinstance(content, bytes) else encode(content)
        except RecursionError:  # the body could just be read, but no more be worked with
            raise BadRequest(UNREADABLE) from None


class OperationMiddleware:
    """Answers what was routed to an operation."""

    def __init__(self, app: ASGIApp, operations: Mapping[str, Operation], stage: Stage) -> None:
        self._app = app
        self._operations = operations
        self._stage = stage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operations.get(scope.get("extensions", {}).get(ROUTING_CONTEXT, {}).get("operation_id"))
        if operation is None:
            await self._app(scope, receive, send)
            return
        body = await read_body(receive) if operation.reader.takes_body else b""
        await send_json(send, *await self._stage.answer(operation, scope, body))
