"""The application: all middleware that a request passes, in one list."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Scope

from understudy.admin.control_api import ControlMiddleware
from understudy.faults.injection import STALE, FaultMiddleware, ResponseFaultMiddleware
from understudy.http.authentication import AuthenticationMiddleware
from understudy.http.cors import AnyOriginMiddleware
from understudy.http.dispatch import OperationMiddleware
from understudy.http.error_responses import ErrorMiddleware
from understudy.http.journal_middleware import JournalMiddleware
from understudy.http.middleware_stack import Middleware, stacked
from understudy.http.prefer import PreferMiddleware
from understudy.http.request_log import RequestLog, RequestLogMiddleware
from understudy.http.routing import RoutingMiddleware
from understudy.http.routing_table import LookupMiddleware
from understudy.http.unrouted import UnroutedApp
from understudy.http.workspace_urls import WorkspaceURLMiddleware
from understudy.operations.operation import Operation
from understudy.site import Site
from understudy.streams.handshakes import StreamMiddleware
from understudy.workspaces.workspace_names import DEFAULT, WORKSPACE

if TYPE_CHECKING:
    from understudy.http.web_ui_routes import WebUIRoutes


def create_app(site: Site, request_log: RequestLog | None = None) -> ASGIApp:
    """The ASGI application of a site.

    Args:
        site: what is served.
        request_log: where each request has a line; by default none is written.
    """

    async def perform(operation: Operation, scope: Scope, arguments: Mapping[str, Any]) -> Any:
        name = scope.get(WORKSPACE, DEFAULT)
        opened = site.registry.get_open(name) or await site.registry.get(name)
        if STALE in scope and operation.is_safe:
            return opened.at_its_time(partial(operation.handler, opened.history.at(scope[STALE]), **arguments))()
        if site.faults.rules and not operation.is_safe and site.faults.look_back:
            opened.history.note()
        return await opened.perform(operation.handler, **arguments)

    middlewares: list[Middleware] = [
        *([] if request_log is None else [partial(RequestLogMiddleware, log=request_log)]),
        partial(ControlMiddleware, site=site),
        partial(WorkspaceURLMiddleware, contract=site.api.contract),
        partial(StreamMiddleware, site=site, log=request_log),
        partial(LookupMiddleware, table=site.table),
        partial(JournalMiddleware, journal=site.journal),
        partial(FaultMiddleware, faults=site.faults),
        AnyOriginMiddleware,
        ErrorMiddleware,
        ResponseFaultMiddleware,
        partial(AuthenticationMiddleware, guard=site.guard),
        PreferMiddleware,
        partial(RoutingMiddleware, api=site.served),
        partial(
            OperationMiddleware, perform=perform, limits=site.options.limits, base_path=site.api.contract.base_path
        ),
    ]
    return stacked(middlewares, UnroutedApp(site.served, site.table, web_ui=web_ui_of(site)))


def web_ui_of(site: Site) -> "WebUIRoutes | None":
    if site.web_ui is None:
        return None
    from understudy.http.web_ui_routes import WebUIRoutes  # noqa: PLC0415 - most servers have no web UI

    return WebUIRoutes(site.web_ui, site.api.contract, site.credentials)
