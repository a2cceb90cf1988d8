"""The limit: Starlette and nothing else. It parses a body, and returns ready bytes."""

from collections.abc import Awaitable, Callable

import orjson  # type: ignore[import-not-found,unused-ignore]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.stubs.ready import ANSWERS, status_of

ROUTES = {
    "artifacts.read_artifacts": ("POST", "/api/artifacts/filter"),
    "artifacts.count_artifacts": ("POST", "/api/artifacts/count"),
    "artifacts.create_artifact": ("POST", "/api/artifacts/"),
    "artifacts.read_artifact": ("GET", "/api/artifacts/{id}"),
}


def endpoint(operation: str) -> Callable[[Request], Awaitable[Response]]:
    content, status = ANSWERS[operation].encode(), status_of(operation)

    async def answer(request: Request) -> Response:
        if request.method == "POST":
            orjson.loads(await request.body())
        return Response(content, status, media_type="application/json")

    return answer


app = Starlette(routes=[Route(path, endpoint(name), methods=[method]) for name, (method, path) in ROUTES.items()])
