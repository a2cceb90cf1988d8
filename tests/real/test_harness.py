"""Flows of Prefect's own SDK in tests: the harness and the fixtures of the pytest plugin."""

import os
import re
import subprocess
from pathlib import Path

from tests.servers import REAL, ROOT


def test_flows_run_in_tests(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    command = [
        str(REAL / "bin" / "python"),
        "-m",
        "pytest",
        "-q",
        "-p",
        "understudy.testing.pytest_plugin",
    ]
    # Prefect leaves connections of event loops that have ended to the garbage collector.
    command += ["-W", "error", "-W", "default::pytest.PytestUnraisableExceptionWarning"]
    command += ["-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    command += ["--understudy-fixtures", str(tmp_path / "empty"), str(ROOT / "tests" / "real" / "flows_in_tests.py")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "PYTEST"))}
    environment |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(tmp_path),
        "DO_NOT_TRACK": "1",
    }
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "EventsWorker" not in said, said


def test_the_guide_names_tests_that_are_there() -> None:
    guide = (ROOT / "docs/guides/prefect-test-harness.md").read_text(encoding="utf-8")
    tests = (ROOT / "tests/real/flows_in_tests.py").read_text(encoding="utf-8")
    table = guide.partition("## What works")[2].partition("The names are")[0]
    named = re.findall(r"`((?:test_|Of|Test)\w+)`", table)
    assert len(named) > 10
    assert [name for name in named if f" {name}(" not in tests and f" {name}:" not in tests] == []
