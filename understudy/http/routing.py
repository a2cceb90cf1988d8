"""Routing by Connexion: its application with our middleware, and its routing middleware with a table in front."""

from collections.abc import Awaitable, Sequence
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.http.connexion_imports import (
    AbstractOperation,
    AsyncApp,
    Resolver,
    RoutingAPI,
    RoutingMiddleware,
    RoutingOperation,
    Specification,
)
from understudy.http.routing_table import ROUTE
from understudy.operations.api_folder import Api


def connexion_app(middlewares: Sequence[Any]) -> ASGIApp:
    """Connexion's application with a list of middleware in place of Connexion's own."""
    application: ASGIApp = AsyncApp(__name__, middlewares=list(middlewares)).middleware
    return application


def outline(api: Api) -> dict[str, Any]:
    """The part of a contract that routing needs.

    Connexion checks, copies and resolves all that it gets; the rest was read already. The order is the contract's:
    where no method of a path matches, the first is the one that the response names.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in api.routed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = {
            "operationId": operation.id,
            "parameters": [path_parameter(*each) for each in operation.path_parameters.items()],
            "responses": {"default": {"description": "see the contract"}},
        }
    return {**{name: api.contract.document[name] for name in ("openapi", "info")}, "paths": paths}


def path_parameter(name: str, is_id: bool) -> dict[str, Any]:
    schema = {"type": "string", **({"format": "uuid"} if is_id else {})}
    return {"name": name, "in": "path", "required": True, "schema": schema}


class TableRoutingMiddleware(RoutingMiddleware):
    """Connexion's routing middleware, which only routes what the routing table does not know.

    The paths are the real server's: a path parameter that is a UUID matches UUIDs alone, and a slash at the end is
    added or removed by a redirect (307). Connexion gets the API with the first request that it has to route.

    Args:
        app: responds to requests.
        api: has the routes.
    """

    def __init__(self, app: ASGIApp, api: Api) -> None:
        super().__init__(app)
        self._api: Api | None = api
        self.router.redirect_slashes = False  # slashes are added or removed within an API, not to reach one

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        route = scope.get(ROUTE)
        if route is None:
            if self._api is not None and scope["type"] != "lifespan":
                self._mount(self._api)
            response: Awaitable[None] = super().__call__(scope, receive, send)
        else:
            scope["path_params"] = route.arguments
            response = self.app(scope, receive, send)
        return response

    def _mount(self, api: Api) -> None:
        operations = {operation.id: operation for operation in api.routed}
        resolver = Resolver(operations.__getitem__)
        specification = Specification.load(outline(api))
        routes = TableRoutingAPI(specification, base_path=api.contract.base_path, resolver=resolver, next_app=self.app)
        self.router.mount(routes.base_path, app=routes.router)
        self._api = None


class TableRoutingAPI(RoutingAPI):
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
