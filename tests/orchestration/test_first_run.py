"""Imports of the first run of a server, since the first test of each session waits for them."""

import subprocess
import sys
from pathlib import Path

# In a new process, since this one has imported nearly everything.
FIRST_RUN = """
import sys
import httpx
from understudy import StandIn
with StandIn(sys.argv[1]) as server, httpx.Client(base_url=server.url) as client:
    flow = client.post("/flows/", json={"name": "first"}).json()
    run = client.post("/flow_runs/", json={"flow_id": flow["id"], "state": {"type": "PENDING"}}).json()
    for state in ("RUNNING", "COMPLETED"):
        answer = client.post(f"/flow_runs/{run['id']}/set_state", json={"state": {"type": state}}).json()
        assert answer["status"] == "ACCEPT"
print(sorted({"jsonschema", "jinja2", "regex", "croniter", "dateutil", "connexion", "tinydb"} & set(sys.modules)))
"""


def test_run_needs_no_slow_import(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FIRST_RUN, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
