"""Fixture sets of any size, the same for the same size: four artifacts a flow run, three a task run, over a year."""

import hashlib
import json
import random
import shutil
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from bench.places import SETS

YEAR = datetime(2025, 1, 1, tzinfo=timezone.utc)
SECONDS = 365 * 24 * 3600
FLOWS = 300
ARTIFACTS_PER_KEY = 50

SUBJECTS = ("orders", "customers", "invoices", "inventory", "shipments", "sessions", "prices", "returns")
WORKS = ("etl", "training", "report", "scrape", "close", "sync", "quality", "export")
NOUNS = ("row-counts", "summary", "progress", "chart", "catalog", "errors")
TAGS = ('["etl", "prod"]', '["prod", "reports"]', '["ml", "prod"]', '["dev"]', '["etl", "dev", "nightly"]', "[]")
POOLS = ("cluster", "scrapers", "local")
TYPES = ("table", "markdown", "result", "progress", "link", "image")
TYPE_WEIGHTS = (45, 25, 14, 8, 5, 3)
STATES = (
    ("COMPLETED", "Completed"),
    ("FAILED", "Failed"),
    ("SCHEDULED", "Scheduled"),
    ("SCHEDULED", "Late"),
    ("CRASHED", "Crashed"),
    ("CANCELLED", "Cancelled"),
    ("RUNNING", "Running"),
    ("PENDING", "Pending"),
)
STATE_WEIGHTS = (79, 11, 3, 1, 2, 2, 1, 1)
DATA = {
    "table": '"[{{\\"table\\": \\"orders\\", \\"rows\\": {0}}}, {{\\"table\\": \\"refunds\\", \\"rows\\": {1}}}]"',
    "markdown": '"# Data quality\\n\\nAll checks passed.\\n\\n| Table | Rows |\\n| --- | ---: |\\n| orders | {0} |"',
    "result": '{{"loaded": {0}, "rejected": {1}, "target": "warehouse.orders"}}',
    "progress": "{1}.5",
    "link": '"[The warehouse in the catalog](https://catalog.example.com/warehouse?version={0})"',
    "image": '"https://charts.example.com/revenue/{0}.png"',
}


def fixture_set(artifacts: int) -> Path:
    """The folder of a set with a number of artifacts; created if it is missing or was created by other code."""
    folder = SETS / str(artifacts)
    stamp = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    made = folder / "made"
    if not made.exists() or made.read_text(encoding="utf-8") != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        Maker(artifacts).write(folder)
        made.write_text(stamp, encoding="utf-8")
    return folder


def known_artifact(folder: Path) -> dict[str, str]:
    """The first artifact of a set that has a key and a type of `table`."""
    with (folder / "artifacts.jsonl").open("rb") as lines:
        rows = (json.loads(line) for line in lines)
        found: dict[str, str] = next(row for row in rows if row.get("key") and row["type"] == "table")
        return found


def moment(seconds: float) -> str:
    return f"{(YEAR + timedelta(seconds=seconds)).isoformat(timespec='microseconds')[:-6]}Z"


class Maker:
    """Rows as lines of JSON, written by hand: a million dictionaries would take minutes."""

    def __init__(self, artifacts: int) -> None:
        self._random = random.Random(artifacts)
        self._count = artifacts
        self._runs: list[tuple[str, float]] = []  # ids and starts
        self._tasks: list[tuple[str, int]] = []  # ids and the numbers of their flow runs
        self._flows = [self._id() for _ in range(FLOWS)]
        self._deployments = [self._id() for _ in range(FLOWS)]

    def write(self, folder: Path) -> None:
        tables = {
            "flows": self._flow_rows(),
            "deployments": self._deployment_rows(),
            "flow_runs": self._flow_run_rows(),
            "task_runs": self._task_run_rows(),
            "artifacts": self._artifact_rows(),
        }
        for name, rows in tables.items():
            with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(rows)

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _flow_rows(self) -> Iterator[str]:
        for number, identity in enumerate(self._flows):
            yield (
                f'{{"id": "{identity}", "created": "{moment(number)}", "updated": "{moment(number)}", '
                f'"name": "{flow_name(number)}", "tags": {TAGS[number % len(TAGS)]}, "labels": {{"team": "data"}}}}\n'
            )

    def _deployment_rows(self) -> Iterator[str]:
        for number, identity in enumerate(self._deployments):
            yield (
                f'{{"id": "{identity}", "created": "{moment(number)}", "updated": "{moment(number)}", '
                f'"name": "{"production" if number % 3 else "staging"}", "flow_id": "{self._flows[number]}", '
                f'"paused": {"false" if number % 5 else "true"}, "tags": {TAGS[number % len(TAGS)]}, '
                f'"work_pool_name": "{POOLS[number % 3]}", "work_queue_name": "default", "status": "READY"}}\n'
            )

    def _flow_run_rows(self) -> Iterator[str]:
        count = self._count // 4
        states = self._random.choices(STATES, STATE_WEIGHTS, k=count)
        for number, (state, name) in enumerate(states):
            identity, flow = self._id(), int(self._random.random() * FLOWS)
            start = (number + self._random.random()) * SECONDS / count
            took = self._random.random() * 900
            self._runs.append((identity, start))
            begun, ended = moment(start), moment(start + took)
            times = f'"start_time": "{begun}", "end_time": "{ended}", ' if state != "SCHEDULED" else ""
            deployed = f'"deployment_id": "{self._deployments[flow]}", ' if number % 4 else ""
            yield (
                f'{{"id": "{identity}", "created": "{moment(start - 60)}", "updated": "{ended}", '
                f'"name": "run-{identity[:8]}", "flow_id": "{self._flows[flow]}", {deployed}'
                f'"flow_version": "{flow % 7}", "parameters": {{"day": {number % 365}}}, '
                f'"idempotency_key": "scheduled {begun}", "tags": {TAGS[flow % len(TAGS)]}, '
                f'"work_queue_name": "default", "work_pool_name": "{POOLS[flow % 3]}", '
                f'"state_type": "{state}", "state_name": "{name}", "state_timestamp": "{ended}", '
                f'"state": {{"id": "{identity}", "type": "{state}", "name": "{name}", "timestamp": "{ended}"}}, '
                f'"run_count": 1, "expected_start_time": "{begun}", {times}"total_run_time": {took:.6f}}}\n'
            )

    def _task_run_rows(self) -> Iterator[str]:
        count = self._count // 3
        states = self._random.choices(STATES, STATE_WEIGHTS, k=count)
        for number, (state, name) in enumerate(states):
            identity, run = self._id(), number * len(self._runs) // count
            owner, start = self._runs[run]
            self._tasks.append((identity, run))
            begun, ended = moment(start + 1), moment(start + 1 + self._random.random() * 60)
            yield (
                f'{{"id": "{identity}", "created": "{begun}", "updated": "{ended}", "name": "load-{identity[:3]}", '
                f'"flow_run_id": "{owner}", "task_key": "load-{number % 40}", "dynamic_key": "{number}", '
                f'"state_type": "{state}", "state_name": "{name}", "state_timestamp": "{ended}", "run_count": 1, '
                f'"expected_start_time": "{begun}", "start_time": "{begun}", "end_time": "{ended}"}}\n'
            )

    def _artifact_rows(self) -> Iterator[str]:
        keys = max(1, self._count // ARTIFACTS_PER_KEY)
        types = self._random.choices(TYPES, TYPE_WEIGHTS, k=self._count)
        for number, kind in enumerate(types):
            drawn = self._random.random()
            task, run = self._tasks[number * len(self._tasks) // self._count]
            owner, start = self._runs[run]
            made = moment(start + drawn * 60)
            key = f'"key": "{key_name(int(drawn * keys))}", ' if kind != "result" else ""
            data = DATA[kind].format(number, int(drawn * 100))
            owned = f', "flow_run_id": "{owner}", "task_run_id": "{task}"' if number % 50 else ""
            about = f', "metadata_": {{"owner": "{WORKS[number % 8]}"}}' if number % 3 else ""
            yield (
                f'{{"id": "{self._id()}", "created": "{made}", "updated": "{made}", {key}"type": "{kind}", '
                f'"description": "What a {kind} has to say", "data": {data}{about}{owned}}}\n'
            )


def flow_name(number: int) -> str:
    return f"{SUBJECTS[number % 8]}-{WORKS[number // 8 % 8]}-{number:03}"


def key_name(number: int) -> str:
    return f"{SUBJECTS[number % 8]}-{NOUNS[number // 8 % 6]}-{number:05}"
