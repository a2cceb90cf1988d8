"""The wheel: built, installed into an empty environment, and asked from another folder."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.servers import client, running
from tests.tools.wheels import environment_of


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel and what it needs, and nothing else."""
    return environment_of(tmp_path_factory.mktemp("environment"), str(wheel))


def test_nothing_but_the_package_is_importable(wheel: Path) -> None:
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"understudy"}


def test_the_installed_command_answers_from_anywhere(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    monkeypatch.chdir(tmp_path)
    with running([str(installed / "understudy"), "serve", "--port", "0"], environment) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        with client(lines[3].partition("=")[2].strip()) as api:
            assert api.post("/artifacts/count").json() > 200
            assert api.post("/flows/filter", json={"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}).json() != []
            assert api.get("/../docs").is_success


def test_it_needs_no_test_tool(installed: Path) -> None:
    listed = subprocess.run(
        [installed / "python", "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True
    )
    names = {line.partition("==")[0].lower() for line in listed.stdout.splitlines()}
    assert names.isdisjoint({"pytest", "hypothesis", "schemathesis", "mypy", "ruff"})
