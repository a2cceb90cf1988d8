"""The application: every room that a request passes, in order."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Scope

from understudy.admin.app import ControlMiddleware
from understudy.faults.middleware import STALE, AnswerMiddleware, FaultMiddleware
from understudy.folder import Operation
from understudy.http.access import GuardMiddleware
from understudy.http.express import Express
from understudy.http.front import Front
from understudy.http.journal import JournalMiddleware
from understudy.http.middleware import Stage
from understudy.http.prefer import PreferMiddleware
from understudy.http.routed import routed
from understudy.site import Site
from understudy.workspaces.tenants import DEFAULT, WORKSPACE

REFINEMENTS = (partial(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]), GZipMiddleware)


def create_app(site: Site, request_log: Callable[[ASGIApp], ASGIApp] | None = None) -> ASGIApp:
    """The ASGI application of a site, put together from its last room to its first.

    Args:
        site: what is served.
        request_log: middleware that writes a line for each request; without it there are none.

    Raises:
        ContractError: Connexion cannot serve the contract.
    """

    async def perform(operation: Operation, scope: Scope, arguments: Mapping[str, Any]) -> Any:
        name = scope.get(WORKSPACE, DEFAULT)
        tenant = site.tenants.at_hand(name) or await site.tenants.get(name)
        if STALE in scope and operation.is_safe:
            return operation.handler(tenant.history.at(scope[STALE]), **arguments)
        if not operation.is_safe and site.faults.look_back:
            tenant.history.note()
        return await tenant.perform(operation.handler, **arguments)

    stage = Stage(perform, site.options.limits)
    within = (
        AnswerMiddleware,
        partial(GuardMiddleware, guard=site.guard),
        partial(PreferMiddleware, routes=site.routes),
    )
    app: ASGIApp = routed(site.served, stage, REFINEMENTS, within)
    app = FaultMiddleware(app, site.faults)
    app = JournalMiddleware(app, site.journal)
    app = Express(app, site, stage)
    app = Front(app, site.api.contract)
    app = ControlMiddleware(app, site)
    # Plain requests to the plain URL, which are most, need not be looked at on the way to the inner one.
    app = Express(app, site, stage)
    return app if request_log is None else request_log(app)
