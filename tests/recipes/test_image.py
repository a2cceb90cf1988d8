"""The image: its Dockerfile followed on this machine, and a container's command and health check run."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.recipes.conftest import MADE
from tests.recipes.guide import DOCKERFILE
from tests.servers import ROOT, free_port, running


def instructions() -> list[tuple[str, str]]:
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2]) for line in text.splitlines() if line and line[0] != "#"]


def context(folder: Path) -> Path:
    """What Docker would build from: of the top folder, what `.dockerignore` does not ignore."""
    folder.mkdir()
    for name in re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), flags=re.MULTILINE):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*MADE))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def container(python: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Builds the image, into folders of this machine for those of the image; the settings of a container."""
    folder = tmp_path_factory.mktemp("image")
    source, installed, settings = context(folder / "source"), folder / "install", {}
    for word, rest in instructions():
        if word == "RUN":
            script = rest.replace("/install", str(installed))
            subprocess.run(["sh", "-euc", script], cwd=source, env=environment, check=True)
        elif rest == "--from=build /install /usr/local":
            shutil.copytree(installed, python, dirs_exist_ok=True)
        else:
            settings[word] = rest
    return settings


def test_container_serves_and_checks_its_health(
    container: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    command = [*json.loads(container["ENTRYPOINT"]), *json.loads(container["CMD"]), "--port", str(port)]
    check = json.loads(container["HEALTHCHECK"].partition("CMD ")[2].replace(container["EXPOSE"], str(port)))
    # A health check through a proxy would fail.
    environment = {**environment, "http_proxy": "http://127.0.0.1:9"}

    def is_healthy() -> bool:
        return subprocess.run(check, env=environment, capture_output=True, check=False).returncode == 0

    with running(command, environment, tmp_path) as process:
        assert process.stdout is not None
        assert "Understudy is running at http://0.0.0.0:" in process.stdout.readline()
        assert is_healthy()
    assert not is_healthy()


@pytest.mark.usefixtures("container")
def test_start_compiles_nothing(python: Path) -> None:
    sources = list(python.glob("lib/*/site-packages/understudy/**/*.py"))
    assert sources
    assert all(Path(importlib.util.cache_from_source(str(source))).exists() for source in sources)


def test_container_does_not_run_as_root(container: dict[str, str]) -> None:
    assert int(container["USER"].partition(":")[0]) > 0
