"""The routing table finds operations; the response is the same for all kinds of clients."""

import gzip

import httpx
import pytest

from tests import wire
from understudy.http.routing_table import RoutingTable
from understudy.operations.api_folder import Api

SDK = {  # the headers that Prefect's clients send
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "user-agent": "prefect/3.9.1 (API 0.8.4)",
}
PASSING = ("date", "content-length", "content-encoding")  # headers that differ each time


def test_client_that_accepts_gzip_gets_the_same_response(small: httpx.Client) -> None:
    url = str(small.base_url)
    for request in wire.requests():
        if "accept-encoding" not in {name.lower() for name in request.headers}:
            as_sdk = wire.Request(request.method, request.path, request.body, {**SDK, **request.headers})
            assert settled(*wire.exchange(url, request)) == settled(*wire.exchange(url, as_sdk)), str(request)


def settled(status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """A decompressed response, without headers that differ each time."""
    body = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    return status, {name: value for name, value in headers.items() if name not in PASSING}, body


@pytest.fixture(scope="module")
def table(api: Api) -> RoutingTable:
    return RoutingTable(api.routed, "/api")


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
def test_operation_is_found(table: RoutingTable, method: str, path: str, operation: str, names: list[str]) -> None:
    found = table.find(method, path)
    assert found is not None
    assert found.operation.id.rpartition(".")[2] == operation
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
        ("GET", "/api/flows/name/a\n"),
        ("GET", "/docs"),
        ("GET", ""),
    ],
)
def test_other_requests_are_left_to_connexion(table: RoutingTable, method: str, path: str) -> None:
    assert table.find(method, path) is None
