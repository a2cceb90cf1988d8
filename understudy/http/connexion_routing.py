"""Connexion's routing of the operations of a contract."""

from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.http import routing_table
from understudy.http.connexion_imports import (
    ROUTING_CONTEXT,
    AbstractOperation,
    Resolver,
    RoutingAPI,
    RoutingMiddleware,
    RoutingOperation,
    Specification,
)
from understudy.operations.api_folder import Api
from understudy.operations.operation import Operation


def connexion_router(api: Api, app: ASGIApp) -> ASGIApp:
    """Connexion's routing middleware with the operations of an API, and `app` behind it.

    The paths are the real server's: a path parameter that is a UUID matches UUIDs alone, and a slash at the end is
    added or removed by a redirect (307).
    """
    operations = {operation.id: operation for operation in api.routed}
    found = FoundMiddleware(app, operations)
    routing = RoutingMiddleware(found)
    routing.router.redirect_slashes = False  # slashes are added or removed within an API, not to reach one
    specification = Specification.load(outline(api))
    resolver = Resolver(operations.__getitem__)
    routes = ContractRoutes(specification, base_path=api.contract.base_path, resolver=resolver, next_app=found)
    routing.router.mount(routes.base_path, app=routes.router)
    router: ASGIApp = routing
    return router


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


class ContractRoutes(RoutingAPI):
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


class FoundMiddleware:
    """Stores the operation that Connexion has found for a request in the place where the routing table stores it."""

    def __init__(self, app: ASGIApp, operations: Mapping[str, Operation]) -> None:
        self._app = app
        self._operations = operations

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        found = self._operations.get(scope["extensions"][ROUTING_CONTEXT]["operation_id"])
        if found is not None:
            scope[routing_table.ROUTE] = routing_table.Route(found, scope["path_params"])
        return self._app(scope, receive, send)
