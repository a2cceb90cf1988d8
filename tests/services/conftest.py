"""Workspaces without rows, with a frozen clock."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from understudy import StandIn
from understudy.admin.client import RemoteWorkspace

START = "2026-03-28T22:30:00Z"


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("empty")) as standin:
        yield standin


@pytest.fixture
def workspace(standin: StandIn) -> Iterator[RemoteWorkspace]:
    with standin.workspace() as workspace:
        workspace.clock.freeze(START)
        yield workspace


@pytest.fixture
def api(workspace: RemoteWorkspace) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=workspace.url) as client:
        yield client


@pytest.fixture(autouse=True)
def no_service_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The error of a service is logged, and is not in a response."""
    yield
    assert [record.exc_text for record in caplog.get_records("call") if record.message == "a service has failed"] == []


def posted(api: httpx.Client, path: str, **body: Any) -> Any:
    answer = api.post(path, json=body).raise_for_status()
    return answer.json() if answer.content else None
