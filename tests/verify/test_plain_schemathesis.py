"""`schemathesis run`, as users type it, on the operations of artifacts, flows and variables, finds no failure.

What the real server does differently is named in `schemathesis.toml`, which Schemathesis reads automatically.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, stand_in
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"


CONTRACT = Contract.read(own_folder() / "openapi.yaml")
PATHS = "^/(artifacts|flows|variables)/"  # all paths would take an hour
SELECTED = sum(re.match(PATHS, place.path.removeprefix("/paths/")) is not None for _, place in CONTRACT.operations())
TOTAL = len(list(CONTRACT.operations())) + len(CONTRACT.planned)
EXAMPLES = 10  # for each operation and check


@pytest.mark.timeout(1800)  # thousands of requests; a busy machine takes minutes for them
@pytest.mark.parametrize("mode", [[], ["--strict"]], ids=["default", "strict"])
def test_schemathesis_finds_no_failure(mode: list[str]) -> None:
    with stand_in(own_folder() / "fixtures" / "demo", *mode) as api:
        command = [str(SCHEMATHESIS), "run", str(api.base_url.join("/openapi.json")), "--url", str(api.base_url)]
        command += ["--max-examples", str(EXAMPLES), "--include-path-regex", PATHS]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1700, check=False)
    assert result.returncode == 0, result.stdout
    assert f"{SELECTED} selected / {TOTAL} total" in result.stdout
    assert re.search(r"[\d,]+ generated, [\d,]+ passed", result.stdout), result.stdout
