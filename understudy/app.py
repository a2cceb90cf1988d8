"""The application: every room that a request passes, in order."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp, Scope

from understudy import docs
from understudy.express import Express
from understudy.folder import Api, Operation
from understudy.front import Front
from understudy.http import AsyncApp, ErrorMiddleware, OperationMiddleware, Resolver, RouteMiddleware, Stage
from understudy.journal import JournalMiddleware
from understudy.routes import Routes
from understudy.site import Site
from understudy.tenants import DEFAULT, WORKSPACE


def create_app(site: Site) -> ASGIApp:
    """The ASGI application of a site.

    Raises:
        ContractError: Connexion cannot serve the contract.
    """

    async def perform(operation: Operation, scope: Scope, arguments: Mapping[str, Any]) -> Any:
        name = scope.get(WORKSPACE, DEFAULT)
        tenant = site.tenants.at_hand(name) or await site.tenants.get(name)
        return await tenant.perform(operation.handler, **arguments)

    api, stage = site.api, Stage(perform)
    long_way = JournalMiddleware(routed(api, stage), site.journal)
    app = Express(long_way, Routes(api.operations.values(), api.contract.base_path), stage, site.journal)
    return Front(app, api.contract) if api.contract.workspace_path else app


def routed(api: Api, stage: Stage) -> ASGIApp:
    """An API's operations as Connexion routes to them, and its documents at the root.

    Raises:
        ContractError: Connexion cannot serve the contract.
    """

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
    app: ASGIApp = connexion
    return app
