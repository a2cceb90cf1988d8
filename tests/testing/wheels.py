"""The wheel, and environments with it, independent of this checkout."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.servers import ROOT


def build_wheel(folder: Path) -> Path:
    """Build the wheel in a folder, from a copy, since a build leaves files next to the sources."""
    source = copy_source(folder / "source")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run(build, check=True)
    (built,) = folder.glob("*.whl")
    return built


def copy_source(folder: Path) -> Path:
    """Copy what a wheel is built from to a new folder. Returns that."""
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "build", "tests", "*.egg-info"))


def environment_of(folder: Path, *packages: str) -> Path:
    """Create an environment with packages and their requirements. Returns its folder of programs."""
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
    return folder / "bin"
