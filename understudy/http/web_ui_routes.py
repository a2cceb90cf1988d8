"""The routes of a web UI: its files, the pages that they show, and its settings."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.contract.contract import Contract
from understudy.http.authentication import Credentials
from understudy.http.dispatch import api_url
from understudy.http.workspace_urls import OWN_PATH
from understudy.operations.web_ui import Bundle, WebUI

INDEX = "index.html"
TEXTS = (".html", ".js", ".css")  # of the files that can have a placeholder
READING = ("GET", "HEAD")


class WebUIRoutes:
    """Serves a UI at the site's root, and for each workspace at its path without the API's base path.

    Args:
        ui: the UI.
        contract: the contract of its API.
        credentials: what the API requires.
    """

    def __init__(self, ui: WebUI, contract: Contract, credentials: Credentials) -> None:
        self._ui = ui
        self._contract = contract
        self._credentials = credentials

    def routes(self, not_served: ASGIApp) -> Iterator[BaseRoute]:
        """The routes, of which the last one takes all requests. `not_served` responds to what is not for the UI."""
        base = self._contract.base_path
        # Ids become part of the pages, so nothing but ids may match.
        workspace = re.sub(r"\{(\w+)\}", r"{\1:uuid}", self._contract.workspace_path.removeprefix(base))
        if workspace:
            yield from self._at(workspace, not_served)
        if base:
            yield Mount(base, not_served)
        yield from self._at("", not_served)

    def _at(self, site: str, not_served: ASGIApp) -> Iterator[BaseRoute]:
        apps = {bundle: BundleApp(bundle, self._ui.placeholder, not_served) for bundle in self._ui.bundles}

        async def home(request: Request) -> Response:
            bundle = self._preferred(request)
            if bundle.path:
                return RedirectResponse(f"{request.url.path}{bundle.path[1:]}/{query_of(request)}")
            return await apps[bundle].page({**request.scope, "root_path": request.url.path.rstrip("/")})

        yield Route(f"{site}/ui-settings", self._settings)
        yield Route(f"{site}/", home)
        for bundle, app in apps.items():
            path = f"{site}{bundle.path}"
            if path:
                yield Route(path, slashed)
            yield Mount(path, app)

    def _preferred(self, request: Request) -> Bundle:
        """The bundle that the site's root shows: the one for the root itself, unless the browser prefers another."""
        named = {bundle.name: bundle for bundle in self._ui.bundles}
        preferred = named.get(request.cookies.get(self._ui.cookie, ""), self._ui.bundles[0])
        if is_navigation(request.headers):
            return preferred
        return next((bundle for bundle in self._ui.bundles if not bundle.path), preferred)

    async def _settings(self, request: Request) -> Response:
        site = request.url.path.rpartition("/")[0]
        url = api_url("", {**request.scope, OWN_PATH: f"{self._contract.base_path}{site}"})
        basic = self._credentials.basic is not None
        return JSONResponse(self._ui.settings(self._ui, site, url, csrf=self._credentials.csrf, basic=basic))


class BundleApp(StaticFiles):
    """The files of a bundle, and its index for all pages that a browser opens.

    Args:
        bundle: the bundle.
        placeholder: what stands in its files for its path.
        not_served: responds to all other requests.
    """

    def __init__(self, bundle: Bundle, placeholder: str, not_served: ASGIApp) -> None:
        super().__init__(directory=bundle.folder)
        self._placeholder = placeholder.encode()
        self._not_served = not_served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(scope) if scope["type"] == "http" and scope["method"] in READING else None
        await (response or self._not_served)(scope, receive, send)

    async def _response(self, scope: Scope) -> Response | None:
        path = self.get_path(scope)
        try:
            return await self.get_response(INDEX if path == "." else path, scope)
        except HTTPException:
            return await self.page(scope) if is_navigation(Headers(scope=scope)) else None

    async def page(self, scope: Scope) -> Response:
        """The index, which shows the page of any URL."""
        return await self.get_response(INDEX, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        if not isinstance(response, FileResponse) or not str(full_path).endswith(TEXTS):
            return response
        content = Path(full_path).read_bytes().replace(self._placeholder, scope["root_path"].encode())
        headers = {name: response.headers[name] for name in ("etag", "last-modified")}
        return Response(content, status_code, headers, response.media_type)


async def slashed(request: Request) -> Response:
    """To the same URL with a slash at its end, below which the files of a bundle are."""
    return RedirectResponse(f"{request.url.path}/{query_of(request)}")


def query_of(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def is_navigation(headers: Headers) -> bool:
    """Whether a browser navigates to a page, rather than a program requesting data; by the real server's rule."""
    if headers.get("sec-fetch-mode") == "navigate" or headers.get("sec-fetch-dest") in {"document", "iframe"}:
        return True
    return "text/html" in headers.get("accept", "").lower()
