"""Client generators, as their users run them on the published documents: nothing is dropped, and the code works."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

BIN = Path(sys.executable).parent
PATH = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])  # the ruff of this environment, which they run
CONTRACT = Contract.load(own_folder() / "openapi.yaml")
PLACES = ["/api/openapi.json", "/openapi.json"]
# The documents do not depend on where rows are kept.
pytestmark = pytest.mark.parametrize("keeping", ["memory"], indirect=True)

OLD_PYTHON = "ignore:Running datamodel-code-generator on Python"  # warns that a later release needs a newer Python


def generated(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [str(BIN / command), *arguments],
        env={**os.environ, "PATH": PATH, "PYTHONWARNINGS": OLD_PYTHON},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result


def imported(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> Any:
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(name)


@pytest.mark.parametrize("place", PLACES)
def test_openapi_python_client(
    scratch: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    url = str(scratch.base_url.join(place))
    name = f"generated_{PLACES.index(place)}"
    output = tmp_path / name
    result = generated(
        "openapi-python-client", "generate", "--url", url, "--meta", "none", "--output-path", str(output)
    )
    assert "warning" not in f"{result.stdout}{result.stderr}".lower()
    served = [operation_id for operation_id, _ in CONTRACT.operations()]
    planned = [operation.value["operationId"] for operation in CONTRACT.planned]
    operations = {operation_id.replace(".", "_") for operation_id in (*served, *planned)}
    assert {path.stem for path in output.glob("api/*/*.py")} - {"__init__"} == operations

    generated_client = imported(monkeypatch, tmp_path, name).Client(base_url=str(scratch.base_url))
    models = importlib.import_module(f"{name}.models")
    create = importlib.import_module(f"{name}.api.flows.flows_create_flow")
    find = importlib.import_module(f"{name}.api.flows.flows_read_flows")
    body = models.FlowsReadFlowsBodyType0(limit=5)
    with generated_client as client:
        flow = create.sync(client=client, body=models.FlowCreate(name=f"made by a client of {place.replace('/', ' ')}"))
        assert isinstance(flow, models.Flow)
        filters = {"id": {"any_": [str(flow.id)]}, "deployment": {"is_null_": True}}
        body.flows = models.FlowFilterType0.from_dict(filters)
        assert [found.name for found in find.sync(client=client, body=body)] == [flow.name]


@pytest.mark.parametrize("place", PLACES)
def test_datamodel_code_generator(
    small: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    name = f"models_{PLACES.index(place)}"
    output = tmp_path / f"{name}.py"
    options = ["--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin"]
    source = tmp_path / "openapi.json"
    source.write_bytes(httpx.get(small.base_url.join(place)).content)
    result = generated(
        "datamodel-codegen", "--input", str(source), "--input-file-type", "openapi", "--output", str(output), *options
    )
    assert result.stderr == ""
    models = imported(monkeypatch, tmp_path, name)
    objects = [name for name, place in CONTRACT.root["components"].entries("schemas") if "properties" in place.value]
    assert [name for name in objects if not hasattr(models, name)] == []
    rows = small.post("/flows/filter", json={"limit": 3}).json()
    read = [models.Flow.model_validate(row).model_dump(mode="json") for row in rows]
    assert [row["name"] for row in read] == [row["name"] for row in rows]
    body = models.FlowFilter.model_validate({"name": {"any_": ["a"]}, "deployment": {"is_null_": False}})
    assert body.model_dump(mode="json", exclude_unset=True) == {
        "name": {"any_": ["a"]},
        "deployment": {"is_null_": False},
    }
