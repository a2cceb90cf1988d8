"""Routing: by the routing table, and by Connexion where the table knows no operation."""

from collections.abc import Awaitable
from functools import cached_property

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.http.routing_table import ROUTE
from understudy.operations.api_folder import Api


class RoutingMiddleware:
    """Routes requests that the routing table does not know by Connexion: to redirect them, or to refuse their method.

    Connexion is imported with the first of them, since importing it takes a fifth of the time to start.

    Args:
        app: responds to requests.
        api: has the routes.
    """

    def __init__(self, app: ASGIApp, api: Api) -> None:
        self._app = app
        self._api = api

    @cached_property
    def _connexion(self) -> ASGIApp:
        from understudy.http.connexion_routing import connexion_router  # noqa: PLC0415 - see above

        return connexion_router(self._api, self._app)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._app(scope, receive, send)
        route = scope.get(ROUTE)
        if route is None:
            scope["app"] = self  # then Starlette raises errors instead of responding in its own way
            return self._connexion(scope, receive, send)
        scope["path_params"] = route.arguments
        return self._app(scope, receive, send)
