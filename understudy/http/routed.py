"""An API as Connexion routes to it, within the rooms that every such request passes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.routing import Router
from starlette.types import ASGIApp

from understudy.folder import Api
from understudy.http import docs
from understudy.http.framework import AsyncApp, Resolver
from understudy.http.hint import Unserved
from understudy.http.middleware import ErrorMiddleware, OperationMiddleware, RouteMiddleware, Stage
from understudy.http.routes import Routes


def routed(
    api: Api, stage: Stage, before: Sequence[Any] = (), within: Sequence[Any] = (), documents: str = ""
) -> ASGIApp:
    """The ASGI application of an API's operations, and of its documents.

    Args:
        api: what is served.
        stage: where its operations are answered.
        before: middleware that a request passes before all else.
        within: middleware behind where errors are written.
        documents: the path below which the documents are.

    Raises:
        ContractError: Connexion cannot serve the contract.
    """

    def elsewhere(app: ASGIApp) -> ASGIApp:
        # The end of the way: what is no operation is documentation, or not found.
        routes = Routes(api.operations.values(), api.contract.base_path)
        return Router(docs.routes(api, documents), default=Unserved(routes, api.contract.base_path))

    connexion = AsyncApp(
        __name__,
        middlewares=[
            *before,
            ErrorMiddleware,
            *within,
            RouteMiddleware,
            partial(OperationMiddleware, operations=api.operations, stage=stage),
            elsewhere,
        ],
        resolver=Resolver(lambda operation_id: api.operations[operation_id].handler),
    )
    with api.contract.root.blamed():
        connexion.add_api(outline(api), base_path=api.contract.base_path)
    app: ASGIApp = connexion
    return app


def outline(api: Api) -> dict[str, Any]:
    """As much of a contract as routes are made of.

    Connexion checks, copies and resolves all that it is given, at each start; the rest was read already. The
    order is the contract's: where no method of a path fits, the first is the one that the answer names.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in api.operations.values():
        names = dict.fromkeys(operation.reader.path_names)
        paths.setdefault(operation.path, {})[operation.method.lower()] = {
            "operationId": operation.id,
            "parameters": [path_parameter(name, name in operation.reader.ids) for name in names],
            "responses": {"default": {"description": "what the contract says"}},
        }
    return {**{name: api.contract.document[name] for name in ("openapi", "info")}, "paths": paths}


def path_parameter(name: str, is_id: bool) -> dict[str, Any]:
    schema = {"type": "string", **({"format": "uuid"} if is_id else {})}
    return {"name": name, "in": "path", "required": True, "schema": schema}
