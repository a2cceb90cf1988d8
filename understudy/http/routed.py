"""An API as Connexion routes to it, within the rooms that every such request passes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.routing import Router
from starlette.types import ASGIApp

from understudy.folder import Api
from understudy.http import docs
from understudy.http.middleware import AsyncApp, ErrorMiddleware, OperationMiddleware, Resolver, RouteMiddleware, Stage


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
        return Router(docs.routes(api.contract, documents))

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
        connexion.add_api(dict(api.contract.document), base_path=api.contract.base_path)
    app: ASGIApp = connexion
    return app
