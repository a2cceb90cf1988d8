"""A hint in responses to requests for operations that are not served, since a missing row is a 404 as well."""

from typing import Final
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from understudy.errors import ApiError, NotFound
from understudy.http.routing_table import RoutingTable

HINT: Final = b"x-understudy-hint"  # the name of the header
LONGEST: Final = 200  # characters of a path that are shown


class NotServed:
    """An ASGI application that responds to all requests with 404, and with a hint if the operation is unknown.

    Args:
        table: the served operations.
        base_path: the base path of operations.
    """

    def __init__(self, table: RoutingTable, base_path: str) -> None:
        self._table = table
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        method, path = scope["method"], scope["path"]
        if f"{path}/".startswith(f"{self._base_path}/") and not self._table.has_similar(method, path):
            raise not_served(method, path)
        raise NotFound


def not_served(method: str, path: str) -> ApiError:
    """The error for an operation that the contract does not have."""
    return ApiError(404, {"detail": "Not Found"}, hint(method, path))


def hint(method: str, path: str) -> dict[str, str]:
    """The header that says which operation is not served."""
    shown = quote(path)
    if len(shown) > LONGEST:
        shown = f"{shown[:LONGEST]}..."
    return {HINT.decode(): f"{method} {shown} is not served: the contract has no such operation"}
