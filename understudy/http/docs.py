"""The contract for people: Swagger UI and the file itself, at the site's root."""

from pathlib import Path

import swagger_ui_bundle
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from understudy.contract.contract import Contract

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{title}</title>
  <link rel="stylesheet" href="docs/files/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/files/swagger-ui-bundle.js"></script>
  <script>SwaggerUIBundle({{url: "openapi.json", dom_id: "#swagger-ui"}})</script>
</body>
</html>
"""


def routes(contract: Contract, path: str = "") -> list[Route | Mount]:
    """`/docs`, `/openapi.yaml` (the file as it is written), `/openapi.json`, and a way there from `/`, below a path."""
    files = Path(swagger_ui_bundle.swagger_ui_path)

    async def page(request: Request) -> Response:
        return HTMLResponse(PAGE.format(title=contract.document["info"]["title"]))

    async def as_yaml(request: Request) -> Response:
        return PlainTextResponse(contract.text, media_type="application/yaml")

    async def as_json(request: Request) -> Response:
        return JSONResponse(contract.document)

    async def home(request: Request) -> Response:
        return RedirectResponse("docs")

    return [
        Route(f"{path}/", home),
        Route(f"{path}/docs", page),
        Route(f"{path}/openapi.yaml", as_yaml),
        Route(f"{path}/openapi.json", as_json),
        Mount(f"{path}/docs/files", StaticFiles(directory=files)),
    ]
