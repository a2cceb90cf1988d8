"""Dispatch: reads each request by the contract, calls the operation's handler, and sends its result as JSON."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.errors import ApiError, BadRequest, Unprocessable
from understudy.http.limits import Limits
from understudy.http.responses import encode, send_content, send_json
from understudy.http.routing_table import ROUTE
from understudy.http.workspace_urls import OWN_PATH
from understudy.operations.handler_results import Content
from understudy.operations.json_bodies import UNREADABLE
from understudy.operations.operation import Operation
from understudy.operations.request_headers import headers_of

Perform = Callable[[Operation, Scope, Mapping[str, Any]], Awaitable[Any]]
"""Calls the handler of an operation with the arguments of a request, and returns its result."""


class OperationMiddleware:
    """Responds to requests for operations.

    Args:
        app: responds to all other requests.
        perform: calls the handlers that take more than the request's arguments.
        limits: of a request's body.
        base_path: of the API.
    """

    def __init__(self, app: ASGIApp, perform: Perform, limits: Limits, base_path: str = "") -> None:
        self._app = app
        self._perform = perform
        self._limits = limits
        self._of_request: Mapping[str, Callable[[Scope], Any]] = {
            "api_url": partial(api_url, base_path),
            "headers": headers_of,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = scope.get(ROUTE)
        if route is None:
            await self._app(scope, receive, send)
            return
        operation: Operation = route.operation
        body = await read_body(receive) if operation.reader.takes_body else b""
        self._limits.check(body)
        try:
            arguments = operation.reader.read(scope, body)
            for name in operation.of_request:
                arguments[name] = self._of_request[name](scope)
            if operation.takes_subject:
                result = await self._perform(operation, scope, arguments)
            else:
                result = operation.handler(**arguments)
            content, status = result if isinstance(result, tuple) else (result, operation.status)
            if isinstance(content, Content):
                await send_content(scope, send, status, content)
                return
            encoded = content if isinstance(content, bytes) else encode(content)
        except RecursionError:  # the body can be parsed, but is nested too deep to process
            raise BadRequest(UNREADABLE) from None
        except OverflowError:  # of a time beyond the year 9999, for example
            raise Unprocessable("A time or a number is out of range.") from None
        await send_json(scope, send, status, encoded)


def api_url(base_path: str, scope: Scope) -> str:
    """The URL of the API as a client knows it: that of the workspace, if the request was sent to it."""
    host = headers_of(scope).get(b"host", b"").decode("latin-1") or "localhost"
    return f"{scope.get('scheme', 'http')}://{host}{scope.get(OWN_PATH, base_path)}"


async def read_body(receive: Receive) -> bytes:
    chunks = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, {"detail": "The client has disconnected."})
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
