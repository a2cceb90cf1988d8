"""The wheel: built, installed into an empty environment, and asked from another folder."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.servers import ROOT, client, running


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy, since a build leaves its own files beside the sources.
    source = shutil.copytree(
        ROOT, folder / "source", ignore=shutil.ignore_patterns(".*", "build", "tests", "*.egg-info")
    )
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run(build, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return folder / "bin"


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
