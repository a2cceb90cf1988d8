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
)
from understudy.http.routing_table import ROUTE
from understudy.operations.api_folder import Api


def connexion_app(api: Api, middlewares: Sequence[Any]) -> ASGIApp:
    """Connexion's application for an API, with a list of middleware in place of Connexion's own.

    Raises:
        ContractError: Connexion cannot serve the contract.
    """
    app = AsyncApp(
        __name__,
        middlewares=list(middlewares),
        resolver=Resolver(lambda operation_id: api.operations[operation_id].handler),
    )
    with api.contract.root.blamed():
        app.add_api(outline(api), base_path=api.contract.base_path)
    application: ASGIApp = app.middleware
    return application


def outline(api: Api) -> dict[str, Any]:
    """The part of a contract that routing needs.

    Connexion checks, copies and resolves all that it gets, at each start; the rest was read already. The
    order is the contract's: where no method of a path matches, the first is the one that the response names.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in api.operations.values():
        names = dict.fromkeys(operation.reader.path_names)
        paths.setdefault(operation.path, {})[operation.method.lower()] = {
            "operationId": operation.id,
            "parameters": [path_parameter(name, name in operation.reader.ids) for name in names],
            "responses": {"default": {"description": "see the contract"}},
        }
    return {**{name: api.contract.document[name] for name in ("openapi", "info")}, "paths": paths}


def path_parameter(name: str, is_id: bool) -> dict[str, Any]:
    schema = {"type": "string", **({"format": "uuid"} if is_id else {})}
    return {"name": name, "in": "path", "required": True, "schema": schema}


class TableRoutingMiddleware(RoutingMiddleware):
    """Connexion's routing middleware, which only routes what the routing table does not know.

    The paths are the real server's: a path parameter that is a UUID matches UUIDs alone, and a slash at the end is
    added or removed by a redirect (307).
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self.router.redirect_slashes = False  # slashes are added or removed within an API, not to reach one

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        route = scope.get(ROUTE)
        if route is None:
            response: Awaitable[None] = super().__call__(scope, receive, send)
        else:
            scope["path_params"] = route.arguments
            response = self.app(scope, receive, send)
        return response

    def add_api(self, specification: Any, base_path: str | None = None, **kwargs: Any) -> None:
        api = TableRoutingAPI(specification, base_path=base_path, next_app=self.app, **kwargs)
        self.router.mount(api.base_path, app=api.router)


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
