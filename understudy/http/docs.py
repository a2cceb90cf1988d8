"""The pages and OpenAPI documents of the contract, at the server's root and below the API."""

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from posixpath import relpath
from typing import Any

import swagger_ui_bundle
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from understudy.contract.coercion import coerced
from understudy.contract.contract import Contract
from understudy.contract.reading import Reading
from understudy.http.not_found import NotServed
from understudy.http.routing_table import RoutingTable
from understudy.http.web_ui_routes import WebUIRoutes
from understudy.operations.api_folder import Api

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title}</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="docs/files/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/files/swagger-ui-bundle.js"></script>
  <script>SwaggerUIBundle({options})</script>
</body>
</html>
"""
DOCS = {"dom_id": "#swagger-ui"}
# The real server shows ReDoc there, from a CDN. No maintained package has ReDoc without a web framework, and a page
# must work offline: this is the bundled Swagger UI as a reference, without requests to send.
REFERENCE = {**DOCS, "supportedSubmitMethods": [], "docExpansion": "full"}

Answer = Callable[[Request], Awaitable[Response]]


def documents(api: Api, table: RoutingTable, path: str, web_ui: WebUIRoutes | None) -> ASGIApp:
    """An application with the documents of an API, see `routes`, and with its web UI.

    All other requests are for nothing that is served. Without a web UI, the root redirects to the documents.
    """
    not_served = NotServed(table, api.contract.base_path)
    others: Iterable[BaseRoute] = [Route(f"{path}/", home)] if web_ui is None else web_ui.routes(not_served)
    return GZipMiddleware(Router([*routes(api, path), *others], default=not_served))


def routes(api: Api, path: str) -> list[Route | Mount]:
    """The documents and pages of an API.

    Below its base path they are those of the real server: `/docs`, `/redoc`, and the contract as `/openapi.json`.

    Args:
        api: the API that they describe.
        path: a second path for them, with the contract as a file (`/openapi.yaml`), and with an `/openapi.json` of what
            this server accepts, which is more than the contract if values are coerced.
    """
    contract = api.contract

    async def as_written(request: Request) -> Response:
        return PlainTextResponse(contract.as_yaml(), media_type="application/yaml")

    async def as_json(request: Request) -> Response:
        return JSONResponse(contract.published)

    async def as_accepted(request: Request) -> Response:
        return JSONResponse(coerced(contract) if api.reading is Reading.COERCED else contract.published)

    # If both have the same path, the contract is served.
    places = {path: as_accepted, contract.base_path: as_json}
    return [
        Route(f"{path}/openapi.yaml", as_written),
        *(Route(f"{place}/openapi.json", answer) for place, answer in places.items()),
        *(route for place in places for route in pages(contract, place)),
    ]


async def home(request: Request) -> Response:
    return RedirectResponse("docs")


def pages(contract: Contract, path: str) -> Iterator[Route | Mount]:
    """`/docs` and `/redoc` below a path, with the files that they need. Links are relative, as for a proxy's prefix."""
    document = {"url": relpath(f"{contract.base_path}/openapi.json", path or "/")}
    yield Route(f"{path}/docs", page(contract, {**document, **DOCS}))
    yield Route(f"{path}/redoc", page(contract, {**document, **REFERENCE}))
    yield Mount(f"{path}/docs/files", StaticFiles(directory=Path(swagger_ui_bundle.swagger_ui_path)))


def page(contract: Contract, options: Mapping[str, Any]) -> Answer:
    content = PAGE.format(title=escape(contract.document["info"]["title"], quote=False), options=json.dumps(options))

    async def answer(request: Request) -> Response:
        return HTMLResponse(content)

    return answer
