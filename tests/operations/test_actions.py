"""Actions of operations in a contract with fewer properties than the bundled one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.apps import app_on
from tests.conftest import SMALL
from tests.verify.contexts import URL, InProcess
from understudy.operations.api_folder import Api, own_folder


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str], httpx.Client]:
    """Serves the bundled API without some properties of the body that lists flows."""

    def serve(*names: str) -> httpx.Client:
        for name in ("openapi", "handlers"):
            shutil.copytree(own_folder() / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(own_folder() / "openapi.yaml", tmp_path)
        path = tmp_path / "openapi" / "flows.yaml"
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        body = document["components"]["requestBodies"]["FlowList"]["content"]["application/json"]
        for part in (body["schema"]["properties"], body.get("example", {})):
            for name in names:
                part.pop(name, None)
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return httpx.Client(base_url=URL, transport=InProcess(app_on(SMALL, Api.load(tmp_path))))

    return serve


def test_list_without_offset_and_sort(changed: Callable[..., httpx.Client]) -> None:
    """It starts with the first row, in the order of the ids."""
    with changed("offset", "sort") as api:
        found, same = (api.post("/flows/filter", json=body).raise_for_status().json() for body in ({}, {"offset": 1}))
    ids = [row["id"] for row in found]
    assert len(ids) == 12
    assert ids == sorted(ids)
    assert same == found, "it is a name as unknown as any other"
