"""The example project: its tests pass with the installed wheel, sequentially and in parallel."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.testing.wheels import environment_of

EXAMPLE = ROOT / "examples" / "pytest-project"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel and the test tools of the example."""
    return environment_of(tmp_path_factory.mktemp("environment"), str(wheel), "pytest>=8.0", "pytest-xdist>=3.6")


@pytest.mark.parametrize("options", [(), ("-n", "4")], ids=["alone", "workers"])
def test_tests_of_the_example_pass(installed: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    project = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    run = [str(installed / "python"), "-m", "pytest", "-W", "error", *options]
    ended = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " 4 passed, 1 skipped in " in ended.stdout
