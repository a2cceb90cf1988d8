"""The wheel: built, installed into an empty environment, and used from another folder."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.servers import ROOT, client, greeting, running
from tests.testing.wheels import copy_source, environment_of


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with only the wheel and its requirements."""
    return environment_of(tmp_path_factory.mktemp("environment"), str(wheel))


def test_only_the_package_is_importable(wheel: Path) -> None:
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"understudy"}


def test_installed_command_works_in_any_folder(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    monkeypatch.chdir(tmp_path)
    with running([str(installed / "understudy"), "serve", "--port", "0"], environment) as process:
        assert process.stdout is not None
        with client(greeting(process.stdout)[-1].partition("=")[2].strip()) as api:
            assert api.post("/artifacts/count").json() > 200
            assert api.post("/flows/filter", json={"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}).json() != []
            assert api.get("/../docs").is_success


def test_package_needs_no_test_tool(installed: Path) -> None:
    listed = subprocess.run(
        [installed / "python", "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True
    )
    names = {line.partition("==")[0].lower() for line in listed.stdout.splitlines()}
    assert names.isdisjoint({"pytest", "hypothesis", "schemathesis", "mypy", "ruff"})


def test_types_are_published(installed: Path, tmp_path: Path) -> None:
    """A project that installs the wheel can check its types with it."""
    program = tmp_path / "program.py"
    program.write_text('import understudy\nreveal_type(understudy.StandIn("fixtures").url)\n', encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installed / "python"), str(program)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert 'Revealed type is "str"' in found.stdout
    assert "Success" in found.stdout, found.stdout


def test_release_is_built_and_passes_the_checks_of_the_index(tmp_path: Path) -> None:
    """The source distribution contains all that the wheel is built from."""
    source = shutil.copytree(
        ROOT, tmp_path / "source", ignore=shutil.ignore_patterns(".*", "build", "dist", "*.egg-info")
    )
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", tmp_path / "dist", source], check=True, capture_output=True
    )
    built = sorted((tmp_path / "dist").iterdir())
    assert [file.suffix for file in built] == [".whl", ".gz"]
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *built], check=True)
    names = zipfile.ZipFile(built[0]).namelist()
    contract = {f"understudy/api/{file.relative_to(ROOT)}" for file in ROOT.glob("openapi/**/*.yaml")}
    assert contract
    assert {"understudy/py.typed", "understudy/api/openapi.yaml", "understudy/api/fixtures/demo/flows.jsonl"} <= {
        *names
    }
    assert contract <= {*names}


README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", re.findall(r"^\| `((?:uvx|pipx) [^`]*) serve` \|", README, re.MULTILINE))
def test_checkout_runs_without_being_installed(command: str, tmp_path: Path) -> None:
    name, *arguments = command.split()
    program = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip(f"{name} is not installed")
    environment = {**os.environ, "PIPX_HOME": str(tmp_path / "pipx"), "UV_CACHE_DIR": str(tmp_path / "uv")}
    source = copy_source(tmp_path / "source")
    shown = subprocess.run(
        [program, *arguments, "serve", "--help"],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--fixtures" in shown.stdout


@pytest.mark.parametrize(("target", "has_tests"), [("serve", False), ("test", True)])
def test_make_installs_the_requirements_of_its_target(target: str, has_tests: bool) -> None:
    commands = subprocess.run(
        ["make", "--dry-run", "--always-make", "--directory", str(ROOT), target],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "pip install --editable . " in commands
    assert ("pip install --editable '.[test]'" in commands) is has_tests
    assert "--quiet" not in commands
