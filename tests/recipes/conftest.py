"""A machine for the recipes: a Python with pip, and a checkout of this repository."""

import os
import shutil
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import Keeping
from tests.servers import ROOT

MADE = (".git", ".venv", ".real", ".*cache", ".hypothesis", "build", "*.egg-info", "__pycache__")


@pytest.fixture(scope="session")
def keeping() -> Keeping:
    """In memory: recipes do not depend on where rows are kept."""
    return lambda: ()


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to install from, since a build leaves files next to the sources."""
    folder = tmp_path_factory.mktemp("checkout") / "understudy"
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*MADE, "tests"))


@pytest.fixture(scope="package")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with Python and a command `pip`, as a runner or an image has it."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder)
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {folder}/bin/python3 -m pip "$@"\n', encoding="utf-8")
    pip.chmod(0o755)
    return folder


@pytest.fixture(scope="package")
def environment(python: Path) -> dict[str, str]:
    """One with that Python first in PATH.

    Pip and the requirements of Understudy are taken from the tests' environment, which saves a minute;
    `test_package` installs it all.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {
        **kept,
        "PATH": f"{python / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_BUILD_ISOLATION": "0",  # disables it in pip
    }
