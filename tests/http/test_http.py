"""Handling of requests beyond the contract and a real server's responses."""

import asyncio
import os
import re
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.servers import client, running
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

OWN = "/api/accounts/00000000-0000-4000-8000-000000000001/workspaces/00000000-0000-4000-8000-000000000002"
BROKEN = "def answer():\n    raise RuntimeError('two\\nlines')\n"
CONTRACT = {
    "openapi": "3.0.3",
    "info": {"title": "Broken", "version": "1"},
    "paths": {"/answer": {"get": {"operationId": "broken.answer", "responses": {"200": {"description": "Never."}}}}},
}


@contextmanager
def served(folder: Path, contract: dict[str, Any]) -> Iterator[httpx.Client]:
    """A server of an API whose handler fails."""
    (folder / "handlers").mkdir()
    (folder / "handlers" / "__init__.py").touch()
    (folder / "handlers" / "broken.py").write_text(BROKEN, encoding="utf-8")
    (folder / "openapi.yaml").write_text(yaml.safe_dump(contract), encoding="utf-8")
    (folder / "fixtures" / "demo").mkdir(parents=True)
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--api", str(folder)]
    with running(command, dict(os.environ)) as process:
        assert process.stdout is not None
        url = process.stdout.readline().partition(" at ")[2].partition(" ")[0]
        with client(url) as api:
            yield api


def test_exception_in_a_handler_is_a_500_and_a_line_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path, CONTRACT) as api:
        answers = [api.get("/answer") for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (500, {"exception_message": "Internal Server Error"})
    ] * 2
    errors = capfd.readouterr().err
    assert errors.count(r"GET /answer failed: RuntimeError('two\nlines')") == 2
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/files/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("/docs/files/swagger-ui.css", "text/css; charset=utf-8"),
        ("/openapi.yaml", "application/yaml"),
        ("/openapi.json", "application/json"),
        ("/redoc", "text/html; charset=utf-8"),
        ("/api/docs", "text/html; charset=utf-8"),
        ("/api/docs/files/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("/api/redoc", "text/html; charset=utf-8"),
        ("/api/openapi.json", "application/json"),
        (f"{OWN}/docs", "text/html; charset=utf-8"),
        (f"{OWN}/openapi.json", "application/json"),
    ],
)
def test_documentation_is_served(small: httpx.Client, path: str, kind: str) -> None:
    """With the statuses of a real server, for the paths that it has too."""
    url = small.base_url.join(path)
    answer = httpx.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content
    assert httpx.head(url).status_code == 200
    assert httpx.post(url).status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/docs", "/api/redoc", f"{OWN}/docs", f"{OWN}/redoc"])
def test_pages_load_nothing_from_other_servers(small: httpx.Client, path: str) -> None:
    page = small.base_url.join(path)
    text = httpx.get(page).text
    links = re.findall(r'(?:href=|src=|"url": )"([^"]+)"', text)
    urls = [page.join(link) for link in links if not link.startswith("data:")]
    assert len(urls) == 3
    for url in urls:
        assert (url.host, url.port) == (small.base_url.host, small.base_url.port)
        assert httpx.get(url).status_code == 200
    assert urls[-1].path == (f"{OWN}/openapi.json" if path.startswith(OWN) else "/api/openapi.json")


def test_contract_is_served_as_one_document(small: httpx.Client) -> None:
    """With the operations that are planned, which are in no other document."""
    contract = Contract.load(own_folder() / "openapi.yaml")
    document = httpx.get(small.base_url.join("/api/openapi.json")).json()
    assert document == contract.published
    assert yaml.safe_load(httpx.get(small.base_url.join("/openapi.yaml")).text) == document
    assert list(OpenAPIV30SpecValidator(document).iter_errors()) == []
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    statuses = Counter(operation.get("x-status") for operation in operations if "responses" in operation)
    assert statuses == Counter({None: len(list(contract.operations())), "planned": len(contract.planned)})


def test_planned_operation_returns_501(tmp_path: Path) -> None:
    planned = {"operationId": "pets.change_pets", "x-status": "planned", "responses": {"200": {"description": "Soon."}}}
    contract = {**CONTRACT, "paths": {**CONTRACT["paths"], "/pets": {"post": planned}}}  # type: ignore[dict-item]
    with served(tmp_path, contract) as api:
        answer = api.post("/pets", json={})
    detail = "change_pets (POST /pets) is not served by Understudy"
    assert (answer.status_code, answer.json()) == (501, {"detail": detail})


def test_root_redirects_to_the_documentation(small: httpx.Client) -> None:
    answer = httpx.get(small.base_url.join("/"), follow_redirects=True)
    assert answer.url.path == "/docs"


def test_websocket_on_another_path_is_rejected(small: httpx.Client) -> None:
    """As on a real server where no WebSocket is served; the connection is closed."""
    request = b"GET /api/nothing HTTP/1.1\r\nhost: us\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" + (
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )
    with socket.create_connection((small.base_url.host, small.base_url.port or 0), timeout=10) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert small.get("/health").json() is True


def test_many_concurrent_clients(scratch: httpx.Client) -> None:
    """A burst of writes and reads over many connections: each write is stored once."""

    async def burst() -> list[int]:
        async with httpx.AsyncClient(base_url=scratch.base_url, timeout=60) as api:
            writes = [
                api.post("/artifacts/", json={"key": f"burst-{number % 7}", "data": number}) for number in range(200)
            ]
            reads = [api.post("/artifacts/filter", json={"limit": 5}) for _ in range(200)]
            return [answer.status_code for answer in await asyncio.gather(*writes, *reads)]

    statuses = asyncio.run(burst())
    assert statuses == [201] * 200 + [200] * 200
    rows = scratch.post("/artifacts/filter", json={"artifacts": {"key": {"like_": "burst-"}}, "limit": 200}).json()
    assert sorted(row["data"] for row in rows) == list(range(200))
    assert scratch.post("/artifacts/latest/count", json={"artifacts": {"key": {"like_": "burst-"}}}).json() == 7
