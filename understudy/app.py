"""The application: every room that a request passes, in order, in one list."""

from functools import partial

from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp

from understudy import docs
from understudy.express import Express
from understudy.folder import Api
from understudy.http import (
    AsyncApp,
    ErrorMiddleware,
    OperationMiddleware,
    Perform,
    Resolver,
    RouteMiddleware,
    Stage,
    at_once,
)
from understudy.workspace import Workspace


def create_app(api: Api, workspace: Workspace, perform: Perform = at_once) -> ASGIApp:
    """The ASGI application that answers an API's requests from a workspace.

    Args:
        api: what is served.
        workspace: the rows.
        perform: how operations on the workspace are performed.

    Raises:
        ContractError: Connexion cannot serve the contract.
    """
    stage = Stage(workspace, perform)

    def elsewhere(app: ASGIApp) -> ASGIApp:
        # The end of the way: what is no operation is documentation, or not found.
        return Router(docs.routes(api.contract))

    connexion = AsyncApp(
        __name__,
        middlewares=[
            partial(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]),
            GZipMiddleware,
            ErrorMiddleware,
            RouteMiddleware,
            partial(OperationMiddleware, operations=api.operations, stage=stage),
            elsewhere,
        ],
        resolver=Resolver(lambda operation_id: api.operations[operation_id].handler),
    )
    with api.contract.root.blamed():
        connexion.add_api(dict(api.contract.document), base_path=api.contract.base_path)
    return Express(connexion, api.operations.values(), api.contract.base_path, stage)
