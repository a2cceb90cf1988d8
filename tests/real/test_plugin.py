"""Prefect's SDK in tests that use the pytest plugin."""

import os
import subprocess
from pathlib import Path

from tests.conftest import SMALL
from tests.servers import REAL, ROOT, stand_in

FLOWS = len((SMALL / "flows.jsonl").read_text(encoding="utf-8").splitlines())


def test_sdk_uses_the_workspace_of_each_test(tmp_path: Path) -> None:
    with stand_in(SMALL) as api:
        command = [str(REAL / "bin" / "python"), "-m", "pytest", "-q", "-p", "understudy.testing.pytest_plugin"]
        command += ["-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider", "--noconftest"]
        command += ["--understudy-url", str(api.base_url), str(ROOT / "tests" / "real" / "sdk_in_tests.py")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        environment |= {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT),
                "PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1", "FLOWS": str(FLOWS),
        }  # fmt: skip
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert "5 passed" in done.stdout, done.stdout + done.stderr
