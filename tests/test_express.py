"""The short way: it answers as the long way does, and finds the same operations."""

import gzip

import httpx
import pytest

from tests import wire
from understudy.folder import Api
from understudy.http.routes import Routes

PACKED = {"accept-encoding": "gzip"}  # sends a request the long way
PASSING = ("date", "content-length", "content-encoding")  # headers that differ from one answer to the next


def test_both_ways_answer_the_same(small: httpx.Client) -> None:
    url = str(small.base_url)
    for request in wire.requests():
        if "accept-encoding" not in {name.lower() for name in request.headers}:
            long = wire.Request(request.method, request.path, request.body, {**request.headers, **PACKED})
            assert settled(*wire.exchange(url, request)) == settled(*wire.exchange(url, long)), str(request)


def settled(status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """An answer unpacked, without what passes."""
    body = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    return status, {name: value for name, value in headers.items() if name not in PASSING}, body


@pytest.fixture(scope="module")
def routes(api: Api) -> Routes:
    return Routes(api.operations.values(), "/api")


ID = "361da9d2-0452-4701-8ff6-70cfbe9b744c"


@pytest.mark.parametrize(
    ("method", "path", "operation", "names"),
    [
        ("GET", "/api/health", "read_health", []),
        ("POST", "/api/flows/filter", "read_flows", []),
        ("GET", f"/api/flows/{ID}", "read_flow", ["id"]),
        ("DELETE", f"/api/flows/{ID.upper()}", "delete_flow", ["id"]),
        ("GET", f"/api/flows/{ID.replace('-', '')}", "read_flow", ["id"]),
        ("GET", "/api/flows/name/a b", "read_flow_by_name", ["name"]),
        ("GET", "/api/artifacts/latest/latest", "read_latest_artifact", ["key"]),
    ],
)
def test_an_operation_is_found(routes: Routes, method: str, path: str, operation: str, names: list[str]) -> None:
    found = routes.find(method, path)
    assert found is not None
    assert found.operation.handler.__name__ == operation
    assert list(found.arguments) == names


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/health"),
        ("HEAD", "/api/health"),
        ("GET", "/api/health/"),
        ("GET", "/health"),
        ("GET", "/api/flows/filter"),
        ("GET", "/api/flows/xyz"),
        ("GET", f"/api/flows/{ID}/"),
        ("GET", f"/api/flows/urn:uuid:{ID}"),
        ("GET", "/api/flows/name/"),
        ("GET", "/api/flows/name/a/b"),
        ("GET", "/docs"),
        ("GET", ""),
    ],
)
def test_whatever_else_takes_the_long_way(routes: Routes, method: str, path: str) -> None:
    assert routes.find(method, path) is None
