"""The application behind all middleware: it responds to requests that are for no operation."""

from functools import cached_property
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.http.routing_table import RoutingTable
from understudy.operations.api_folder import Api

if TYPE_CHECKING:
    from understudy.http.web_ui_routes import WebUIRoutes


class UnroutedApp:
    """Responds with a document of the API or a page of its web UI, or with 404.

    What these need is imported with the first such request.

    Args:
        api: the API that the documents describe.
        table: the operations of the API.
        path: a second path for the documents, see `understudy.http.docs.routes`.
        web_ui: the web UI, if there is one.
    """

    def __init__(self, api: Api, table: RoutingTable, path: str = "", web_ui: "WebUIRoutes | None" = None) -> None:
        self._api = api
        self._table = table
        self._path = path
        self._web_ui = web_ui

    @cached_property
    def _documents(self) -> ASGIApp:
        from understudy.http.docs import documents  # noqa: PLC0415 - see above

        return documents(self._api, self._table, self._path, self._web_ui)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
        else:
            await self._documents(scope, receive, send)


async def live(receive: Receive, send: Send) -> None:
    """Respond to the events of ASGI's lifespan: there is nothing to start or to stop."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
