"""Prefect's own SDK and command line, against the stand-in as against a real server."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import SMALL
from tests.real.conftest import Pair
from tests.servers import REAL, ROOT

COMMANDS = (
    ["artifact", "ls"], ["artifact", "ls", "--all", "-l", "5"], ["artifact", "inspect", "report"],
    ["flow", "ls", "-l", "100"],
    ["artifact", "delete", "nobody", "--no-prompt"], ["artifact", "inspect", "nobody"],
)  # fmt: skip


def run(api_url: str, home: Path, *command: str) -> tuple[int, str]:
    """Run a program of the real server's environment; its status and what it printed, ages left out."""
    environment = {
        **os.environ, "PREFECT_API_URL": api_url, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "COLUMNS": "250",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }  # fmt: skip
    result = subprocess.run(
        [str(REAL / "bin" / command[0]), *command[1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return result.returncode, re.sub(r"\d+ \w+ ago", "some time ago", result.stdout)


def test_the_command_line_prints_the_same(pair: Callable[[Path], Pair], tmp_path: Path) -> None:
    real, ours = (str(api.base_url).rstrip("/") for api in pair(SMALL))
    for command in COMMANDS:
        expected, got = (run(url, tmp_path, "prefect", *command) for url in (real, ours))
        assert got == expected, command


def test_the_sdk_sees_the_same(pair: Callable[[Path], Pair], tmp_path: Path) -> None:
    real, ours = (str(api.base_url).rstrip("/") for api in pair(SMALL))
    expected, got = (run(url, tmp_path, "python", str(ROOT / "tests/real/sdk.py")) for url in (real, ours))
    assert got == expected
    status, printed = got
    assert status == 0
    seen = json.loads(printed)
    assert seen.pop("latest") == "# second"
    assert seen == {
        "healthy": True, "version": "3.9.1", "again": True, "flow": "made-by-the-sdk", "by name": True,
        "flows": ["made-by-the-sdk"], "artifacts": ["table"], "gone": {"detail": "Flow not found"}, "created": False,
    }  # fmt: skip
