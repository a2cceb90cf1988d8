"""Files for the servers that are set up by files: stubs, rows, a database."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bench.answers import Answers
from bench.errors import BenchError
from bench.places import DATABASES, REAL, ROOT

JSON = "application/json"
# method, path with a parameter for each tool to spell, status; by the contract's operation
ROUTES = {
    "artifacts.read_artifacts": ("POST", "artifacts/filter", 200),
    "artifacts.count_artifacts": ("POST", "artifacts/count", 200),
    "artifacts.create_artifact": ("POST", "artifacts/", 201),
    "artifacts.read_artifact": ("GET", "artifacts/{}", 200),
}


def written(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def wiremock_stubs(folder: Path, answers: Answers) -> None:
    for number, (operation, (method, path, status)) in enumerate(ROUTES.items()):
        place = {"urlPathPattern": f"/api/{path.format('[^/]+')}"} if "{}" in path else {"urlPath": f"/api/{path}"}
        response = {"status": status, "body": answers[operation], "headers": {"Content-Type": JSON}}
        stub = {"request": {"method": method, **place}, "response": response}
        written(folder / "mappings" / f"{number}.json", stub)


def mockoon_environment(path: Path, port: int, answers: Answers) -> Path:
    routes = [mockoon_route(operation, answers[operation]) for operation in ROUTES]
    return written(
        path,
        {
            "uuid": identity("environment"),
            "lastMigration": 33,
            "name": "bench",
            "endpointPrefix": "api",
            "port": port,
            "hostname": "127.0.0.1",
            "routes": routes,
            "rootChildren": [{"type": "route", "uuid": route["uuid"]} for route in routes],
        },
    )


def mockoon_route(operation: str, answer: str) -> dict[str, Any]:
    method, path, status = ROUTES[operation]
    response = {
        "uuid": identity(f"response of {operation}"),
        "body": answer,
        "statusCode": status,
        "headers": [{"key": "Content-Type", "value": JSON}],
        "disableTemplating": True,
        "default": True,
    }
    return {
        "uuid": identity(operation),
        "type": "http",
        "method": method.lower(),
        "endpoint": path.format(":id"),
        "responses": [response],
    }


def identity(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def json_server_rows(path: Path, fixtures: Path) -> Path:
    with (fixtures / "artifacts.jsonl").open("rb") as lines:
        return written(path, {"artifacts": [json.loads(line) for line in lines]})


def database(fixtures: Path, folder: Path) -> Path:
    """A fresh copy of a real server's database of a fixture set, which is made once for each set."""
    made = DATABASES / digest(fixtures)
    if not made.exists():
        make_database(fixtures, made)
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return folder / "prefect.db"


def make_database(fixtures: Path, made: Path) -> None:
    """Fill a database, under another name until it is whole.

    Raises:
        BenchError: the real server's loader failed.
    """
    part = made.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    loader = [str(REAL / "bin/python"), str(ROOT / "tests/real/load.py"), str(fixtures), str(part / "prefect.db")]
    environment = {**os.environ, "PREFECT_HOME": str(DATABASES / "home"), "DO_NOT_TRACK": "1"}
    done = subprocess.run(loader, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(
            f"the real server's database could not be filled: {done.stderr.strip().rpartition(chr(10))[2]}"
        )
    part.rename(made)


def digest(fixtures: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(fixtures.glob("*.jsonl")):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
