"""`understudy verify` on a real server: only known deviations."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import SMALL
from tests.real.conftest import Pair
from tests.servers import ROOT

KNOWN = ROOT / "docs" / "reference" / "prefect-deviations.md"


def test_real_server_has_only_known_deviations(pair: Callable[[Path], Pair], randomness: random.Random) -> None:
    real, _ = pair(SMALL)
    url = str(real.base_url).rstrip("/")
    command = [sys.executable, "-m", "understudy", "verify", url, "--allow-writes", "--known", str(KNOWN)]
    command += ["--seed", str(randomness.randrange(2**32))]
    before = [real.post(path, json={}).json() for path in ("/artifacts/filter", "/flows/filter")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert [real.post(path, json={}).json() for path in ("/artifacts/filter", "/flows/filter")] == before
