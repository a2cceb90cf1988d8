"""Prefect's SDK and command line, with the stand-in and with a real server."""

import difflib
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.conftest import SMALL
from tests.real.conftest import Pair
from tests.servers import REAL, ROOT
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.moving_fields import moving_fields, without

DEMO = own_folder() / "fixtures" / "demo"

READING = """
artifact ls
artifact ls --all -l 5
artifact inspect orders-loaded
artifact inspect nobody
automation ls
automation inspect 'call when a run fails'
automation inspect nobody
block ls
block inspect pager/on-call
block inspect nobody/nobody
block type inspect pager
concurrency-limit ls
concurrency-limit inspect nobody
deployment ls
deployment ls --flow-name nightly-orders-etl
deployment inspect nightly-orders-etl/staging
deployment inspect nobody/nobody
deployment schedule ls nightly-orders-etl/production
flow ls -l 100
flow-run inspect {flow_run}
flow-run inspect {nobody}
flow-run logs {flow_run} --head
flow-run logs {flow_run} --num-logs 5 --reverse
flow-run logs {nobody}
flow-run ls
flow-run ls --limit 5 --state COMPLETED
flow-run ls --flow-name nightly-orders-etl --limit 3
global-concurrency-limit inspect warehouse
global-concurrency-limit inspect nobody
global-concurrency-limit ls
task-run inspect {task_run}
task-run inspect {nobody}
task-run logs {task_run}
task-run ls --limit 5
task-run ls --task-run-name nobody
variable get warehouse_schema
variable get nobody
variable inspect warehouse_schema
variable ls
work-pool inspect cluster
work-pool inspect nobody
work-pool ls
work-pool ls --verbose
work-pool preview cluster --hours 1000
work-pool slots cluster
work-queue inspect critical --pool cluster
work-queue inspect nobody --pool cluster
work-queue ls
work-queue ls --pool cluster --verbose
work-queue preview critical --pool cluster
work-queue read-runs critical --pool cluster
work-queue slots critical --pool cluster
"""

WRITING = """
artifact delete nobody --no-prompt
automation pause 'call when a run fails'
automation resume 'call when a run fails'
automation pause nobody
automation delete 'call when a run fails'
block delete pager/on-call
block delete nobody/nobody
concurrency-limit create heavy 2
concurrency-limit inspect heavy
concurrency-limit reset heavy
concurrency-limit ls
concurrency-limit delete heavy
concurrency-limit delete heavy
deployment run nightly-orders-etl/production --watch-interval 1 --tag by-hand
deployment run nobody/nobody
deployment schedule create nightly-orders-etl/production --cron '0 4 * * *' --timezone UTC
deployment schedule create nightly-orders-etl/production --interval 60
deployment schedule clear nightly-orders-etl/production --accept-yes
deployment delete nightly-orders-etl/staging
deployment delete nobody/nobody
flow-run cancel {flow_run}
flow-run cancel {nobody}
flow-run delete {flow_run}
flow-run delete {nobody}
flow-run inspect {flow_run}
global-concurrency-limit create machines --limit 3
global-concurrency-limit create machines --limit 3
global-concurrency-limit update machines --limit 5
global-concurrency-limit disable machines
global-concurrency-limit disable machines
global-concurrency-limit enable machines
global-concurrency-limit inspect machines
global-concurrency-limit delete machines
global-concurrency-limit delete machines
variable set place north
variable set place south
variable set place south --overwrite --tag a
variable get place
variable unset place
variable unset place
work-pool create machines --type process
work-pool create machines --type process
work-pool pause machines
work-pool ls
work-pool resume machines
work-pool update machines --description old
work-pool set-concurrency-limit machines 4
work-pool inspect machines
work-pool clear-concurrency-limit machines
work-queue create fast --pool machines --limit 2 --priority 1
work-queue create fast --pool machines
work-queue pause fast --pool machines
work-queue resume fast --pool machines
work-queue set-concurrency-limit fast 7 --pool machines
work-queue clear-concurrency-limit fast --pool machines
work-queue inspect fast --pool machines
work-queue ls --pool machines
work-queue delete fast --pool machines
work-queue delete fast --pool machines
work-pool delete machines
work-pool delete machines
"""

TABLES = (
    "automations", "block_documents", "concurrency_limits", "v2/concurrency_limits", "deployments", "flow_runs",
    "variables", "work_pools", "work_queues",
)  # fmt: skip
MADE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[ T][\d:.+]+Z?|DateTime\(.*?\)|datetime\(.*?\)"
    r"|\d+ \w+ ago|\d+h \d+m|in \d+ \w+|'[a-z]+-[a-z]+'|\"name\": \"[a-z]+-[a-z]+\"|127\.0\.0\.1:\d+"
)
"""What a command prints of ids, times, ages, made up names and ports, which no two servers have in common."""

DURATION = re.compile(r"timedelta\([^)]*\)")


def environment_of(api_url: str, home: Path) -> dict[str, str]:
    return {
        **os.environ, "PREFECT_API_URL": api_url, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "COLUMNS": "250",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }  # fmt: skip


def run(api_url: str, home: Path, *command: str) -> tuple[int, str]:
    """Run a program of the real server's environment; its status and its output without ages."""
    result = subprocess.run(
        [str(REAL / "bin" / command[0]), *command[1:]],
        env=environment_of(api_url, home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return result.returncode, re.sub(r"\d+ \w+ ago", "some time ago", result.stdout)


def commands(api_url: str, home: Path, text: str) -> list[tuple[str, int, str]]:
    """Run commands one after the other. For each, the command, its status and its output."""
    runs = [json.loads(line) for line in (DEMO / "flow_runs.jsonl").read_text(encoding="utf-8").splitlines()]
    task_run = json.loads((DEMO / "task_runs.jsonl").read_text(encoding="utf-8").partition("\n")[0])
    running = next(run for run in runs if run["state_type"] in ("RUNNING", "SCHEDULED"))
    names = {"flow_run": running["id"], "task_run": task_run["id"], "nobody": str(UUID(int=0))}
    lines = [line.format(**names) for line in text.strip().splitlines()]
    script = [str(REAL / "bin/python"), str(ROOT / "tests/real/commands.py")]
    result = subprocess.run(
        script,
        input=json.dumps(list(map(shlex.split, lines))),
        env=environment_of(api_url, home),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    results = json.loads(result.stdout)
    return [
        (line, status, re.sub(r" +$", "", MADE.sub("…", printed), flags=re.MULTILINE))
        for line, (status, printed) in zip(lines, results, strict=True)
    ]


def words(command: str, status: int, printed: str) -> str | list[str]:
    """The output of a command: unordered for automations, which have sets; without line breaks for durations."""
    if "automation" in printed + command:
        return sorted(re.split(r"[\W_]+", printed))
    return re.split(r"[\W_]+", DURATION.sub("…", printed)) if "timedelta" in printed else printed


@pytest.mark.parametrize("text", [READING, WRITING], ids=["reading", "writing"])
def test_command_line_prints_the_same(pair: Callable[[Path], Pair], tmp_path: Path, text: str) -> None:
    """Commands that write leave the same rows, too."""
    servers = pair(DEMO)
    real, ours = (str(api.base_url).rstrip("/") for api in servers)
    expected, got = commands(real, tmp_path, text), commands(ours, tmp_path, text)
    differing = [
        line
        for one, other in zip(expected, got, strict=True)
        if one[:2] != other[:2] or words(*one) != words(*other)
        for line in (str(one[:2]), str(other[:2]), *difflib.ndiff(one[2].splitlines(), other[2].splitlines()))
        if line[0] != " "
    ]
    assert not differing, "\n".join(differing)
    assert sum(status == 0 for _, status, _ in expected) > len(expected) / 2
    moving = moving_fields(Contract.load(own_folder() / "openapi.yaml"))
    for table in TABLES:
        rows = [all_rows(api, table) for api in servers]
        shown = [
            sorted(MADE.sub("…", json.dumps(in_order(row), sort_keys=True)) for row in without(moving, each))
            for each in rows
        ]
        apart = [pair for pair in zip(*shown, strict=True) if pair[0] != pair[1]]
        assert not apart, "\n".join([table, *apart[0]])


def all_rows(api: httpx.Client, table: str) -> list[Any]:
    """The rows of all pages: as ids are random, new rows are on any of them."""
    rows: list[Any] = []
    while page := api.post(f"/{table}/filter", json={"offset": len(rows)}).raise_for_status().json():
        rows += page
    return rows


def in_order(value: Any) -> Any:
    """A value whose lists of texts are sorted, as some of them are sets."""
    if isinstance(value, dict):
        return {name: in_order(part) for name, part in value.items()}
    if isinstance(value, list):
        return sorted(value) if all(isinstance(part, str) for part in value) else list(map(in_order, value))
    return value


def test_sdk_gets_the_same(pair: Callable[[Path], Pair], tmp_path: Path) -> None:
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
