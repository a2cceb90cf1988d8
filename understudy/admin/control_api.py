"""The application of the control API, built like the served API: a contract, Connexion, handlers."""

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from inspect import isawaitable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.admin import FOLDER, PATH
from understudy.admin.access_control import AccessControlMiddleware
from understudy.http.dispatch import OperationMiddleware
from understudy.http.error_responses import ErrorMiddleware
from understudy.http.middleware_stack import Middleware, stacked
from understudy.http.routing import RoutingMiddleware
from understudy.http.routing_table import LookupMiddleware, RoutingTable
from understudy.http.unrouted import UnroutedApp
from understudy.operations.api_folder import Api
from understudy.operations.operation import Operation
from understudy.site import Site


class ControlMiddleware:
    """Passes requests below `PATH` to the control API, which is created on the first of them."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site
        self._control: ASGIApp | None = None
        self._lock = asyncio.Lock()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or not is_within(scope["path"]):
            return self._app(scope, receive, send)
        return self._respond(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._lock:
            if self._control is None:
                self._control = await asyncio.to_thread(control_of, self._site)
        await self._control(scope, receive, send)


def is_within(path: str) -> bool:
    return path == PATH or path.startswith(f"{PATH}/")


def control_of(site: Site) -> ASGIApp:
    """The control API of a site."""

    async def perform(operation: Operation, scope: Scope, arguments: Mapping[str, Any]) -> Any:
        result = operation.handler(site, **arguments)
        return await result if isawaitable(result) else result

    api = Api.load(FOLDER, subject="site")
    table = RoutingTable(api.routed, api.contract.base_path)
    middlewares: list[Middleware] = [
        partial(LookupMiddleware, table=table),
        ErrorMiddleware,
        partial(AccessControlMiddleware, token=site.options.admin_token),
        partial(RoutingMiddleware, api=api),
        partial(OperationMiddleware, perform=perform, limits=site.options.limits),
    ]
    return stacked(middlewares, UnroutedApp(api, table, PATH))
