"""Flows of Prefect's SDK in tests: the harness and the fixtures of the pytest plugin."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import REAL, ROOT

ASYNCIO = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")


def pytest_in(folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs tests with Prefect and the plugin. Warnings are errors."""
    command = [str(REAL / "bin" / "python"), "-m", "pytest", "-q", "-p", "understudy.testing.pytest_plugin"]
    command += [
        "-p",
        "no:cacheprovider",
        "--noconftest",
    ]  # this project's conftest needs packages that are not installed
    # Prefect leaves connections of event loops that have ended to the garbage collector.
    command += ["-W", "error", "-W", "default::pytest.PytestUnraisableExceptionWarning"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "PYTEST"))}
    environment |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(home),
        "DO_NOT_TRACK": "1",
    }
    return subprocess.run(
        [*command, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.timeout(900)
def test_flows_run_in_tests(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    options = ["-c", os.devnull, "--rootdir", str(tmp_path), "--understudy-fixtures", str(tmp_path / "empty")]
    done = pytest_in(tmp_path, tmp_path, *options, str(ROOT / "tests" / "real" / "flows_in_tests.py"))
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "EventsWorker" not in output, output


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "plugin",
    [
        ["-p", "pytest_asyncio.plugin", *ASYNCIO],
        ["-p", "anyio.pytest_plugin", "-o", "anyio_mode=auto"],
        ["-p", "anyio.pytest_plugin", "-o", "anyio_mode=auto", "-p", "xdist", "--numprocesses=2"],
    ],
    ids=["pytest-asyncio", "anyio", "pytest-xdist"],
)
def test_flows_run_in_asynchronous_tests(plugin: list[str], tmp_path: Path) -> None:
    options = ["-c", os.devnull, "--rootdir", str(tmp_path), *plugin]
    done = pytest_in(tmp_path, tmp_path, *options, str(ROOT / "tests" / "real" / "async_flows_in_tests.py"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^7 passed", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.timeout(900)
def test_flow_of_the_example_project_runs(tmp_path: Path) -> None:
    project = shutil.copytree(ROOT / "examples" / "pytest-project", tmp_path / "project")
    done = pytest_in(project, tmp_path, ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^9 passed", done.stdout, re.MULTILINE), done.stdout


def test_guide_names_existing_tests() -> None:
    guide = (ROOT / "docs/guides/prefect-test-harness.md").read_text(encoding="utf-8")
    files = ("tests/real/flows_in_tests.py", "tests/real/async_flows_in_tests.py")
    tests = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    table = guide.partition("## What works")[2].partition("The names are")[0]
    named = re.findall(r"`((?:test_|Of|Test)\w+)`", table)
    assert len(named) > 10
    assert [name for name in named if f" {name}(" not in tests and f" {name}:" not in tests] == []
