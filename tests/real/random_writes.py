"""Random sessions of writes over all resources, with reads between, on a real server and on the stand-in.

`python -m tests.real.random_writes REAL_URL OUR_URL FIXTURES COUNT SEED` plays one on servers that run, and prints all
differences.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests import jsonl
from tests.drawing import generator
from tests.real.alike import Likeness
from understudy.contract.contract import Contract, Place
from understudy.operations.api_folder import own_folder
from understudy.sampling.answers import rows_of
from understudy.sampling.moving_fields import moving_fields, without
from understudy.sampling.random_requests import body_schema, safe_operations

# Operations that depend on the server's settings, packages, background services and clock.
APART = (
    "/admin/settings", "/block_capabilities", "/block_schemas", "/block_types", "/collections/", "/csrf-token",
    "/events", "/observed-states", "/task_workers", "/ui/schemas", "/v2/concurrency_limits/leases",
)  # fmt: skip
SELDOM = {"bulk_delete": 0.1, "bulk_set_state": 0.3, "DELETE /flows": 0.2, "DELETE /work_pools": 0.4}
TABLES = {"work_queue_id": "work_queues", "default_queue_id": "work_queues", "parent_task_run_id": "task_runs"}
TEXTS = ["a", "b", "c-1", "prod", "Name X", "ünï", "x_y", "my-tag", ""]
TIMES = ["2025-03-01T00:00:00Z", "2025-04-05T06:07:08.123456Z", "2030-01-01T00:00:00Z"]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
POLL = "get_scheduled_flow_runs"
SERVER_ERROR = 500


@dataclass(frozen=True)
class Step:
    method: str
    path: str
    operation: str
    body: Any = None
    has_body: bool = False
    table: str | None = None  # of the row in the answer


@dataclass
class Session:
    """Draws the steps. Ids are those of the real server."""

    contract: Contract
    fixtures: Path
    random: random.Random
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    made: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = {path.stem: jsonl.read(path) for path in self.fixtures.glob("*.jsonl")}
        safe = {(method, path) for method, path, _ in safe_operations(self.contract)}
        self.writes: list[tuple[str, str, Place]] = []
        for _, place in self.contract.operations():
            path, _, method = place.path.removeprefix("/paths/").rpartition("/")
            if (method.upper(), path) not in safe and not path.startswith(APART):
                self.writes.append((method.upper(), path, place))
        self.reads = [each for each in safe_operations(self.contract) if not each[1].startswith(APART)]
        self.queries = generator(self.contract, self.fixtures, self.random, self.reads)
        self.weights = [weight(method, path) for method, path, _ in self.writes]

    def steps(self, count: int) -> Iterator[Step]:
        for _ in range(count):
            yield self.read() if self.chance(0.35) else self.write()

    def write(self) -> Step:
        method, path, place = self.random.choices(self.writes, self.weights)[0]
        schema = body_schema(place)
        body = None if schema is None else self.value(schema)
        return Step(method, self.filled(path, place), f"{method} {path}", body, schema is not None, table_of(place))

    def read(self) -> Step:
        request = next(iter(self.queries.requests(1)))
        body = request.body
        if isinstance(body, dict):  # other orders are those of made ids, and rows of equal names are in any order
            body = {name: None if name in ("sort", "limit", "offset") else part for name, part in body.items()}
        path = request.path
        if request.method == "GET":
            place = next(place for method, path, place in self.reads if (method, path) == ("GET", request.operation))
            path = self.filled(request.operation, place) + (f"?{path.partition('?')[2]}" if "?" in path else "")
        return Step(request.method, path, f"{request.method} {request.operation}", body, request.schema is not None)

    def learn(self, step: Step, answer: Any) -> None:
        """Note a row that was made."""
        if step.table and isinstance(answer, dict) and "id" in answer:
            self.made[step.table] = [*self.made.get(step.table, []), answer][-30:]

    # ---------------------------------------------------------------------- values

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def row(self, table: str) -> dict[str, Any] | None:
        rows = self.made.get(table) if self.chance(0.6) else self.rows.get(table)
        return self.random.choice(rows) if rows else None

    def id_of(self, table: str | None) -> str:
        row = self.row(table) if table and self.chance(0.95) else None
        return UNKNOWN if row is None else str(row["id"])

    def filled(self, path: str, place: Place) -> str:
        for parameter in place.each("parameters"):
            if parameter.value["in"] == "path":
                table, _, name = parameter.value.get("x-names", "").partition(".")
                row = self.row(table) if self.chance(0.95) else None
                if row is not None and row.get(name):
                    found = row[name]
                else:
                    found = (
                        UNKNOWN if parameter.value["schema"].get("format") == "uuid" else self.random.choice(TEXTS[:6])
                    )
                path = path.replace(f"{{{parameter.value['name']}}}", quote(str(found), safe=""))
        return path

    def value(self, place: Place, name: str = "") -> Any:
        schema = place.value
        if schema.get("nullable") and self.chance(0.12):
            return None
        if "anyOf" in schema:
            return self.value(self.random.choice(list(place.each("anyOf"))), name)
        if "enum" in schema:
            return self.random.choice([word for word in schema["enum"] if word is not None])
        if schema.get("type") == "array":
            return [self.value(place["items"], name) for _ in range(self.random.choice([0, 1, 1, 2]))]
        if schema.get("type") == "object":
            return self.object(place)
        return self.scalar(name, schema)

    def scalar(self, name: str, schema: Mapping[str, Any]) -> Any:
        if name.endswith("_id") or schema.get("format") == "uuid":
            return self.id_of(TABLES.get(name, f"{name.removesuffix('_id')}s"))
        choices: list[Any] = {
            "string": TEXTS[:4] if self.chance(0.8) else TEXTS,
            "integer": [0, 1, 2, 5, 100, -1] if self.chance(0.9) else ["x", 1.5, "3"],
            "number": [0, 1.5, 2.0, 7],
            "boolean": [True, False],
        }.get(schema.get("type", ""), [None, 1, "x", {"a": 1.0}, [1], True])
        if schema.get("format") == "date-time":
            choices = TIMES
        if name == "interval" or name.endswith("_seconds"):
            choices = [3600, 86400, 5]
        if name == "timezone":  # the error of an invalid one lists all of the machine
            choices = ["UTC", "Europe/Paris", "America/New_York"]
        return self.random.choice(choices)

    def object(self, place: Place) -> dict[str, Any]:
        schema = place.value
        if "properties" not in schema:
            more = schema.get("additionalProperties")
            item = place["additionalProperties"] if isinstance(more, dict) and more else None
            names = self.random.sample(["k", "a", "b"], self.random.choice([0, 1, 2]))
            plain = [1, "x", True, 1.5]
            return {name: self.random.choice(plain) if item is None else self.value(item, name) for name in names}
        required = set(schema.get("required", ()))
        found = {
            name: self.value(part, name)
            for name, part in place["properties"].items()
            if self.chance(0.96 if name in required else 0.4)
        }
        if "name" in schema["properties"] and "task_key" in schema["properties"]:
            found["name"] = self.random.choice(TEXTS[:4])  # servers generate names, which differ
        if "name" in schema["properties"] and "empirical_policy" in schema["properties"]:
            found["name"] = self.random.choice(TEXTS[:4])
        return {**found, "unknown_field": 1} if self.chance(0.02) else found


def weight(method: str, path: str) -> float:
    base = {"POST": 4.0, "PATCH": 2.0, "PUT": 2.0, "DELETE": 0.7}[method]
    return base * next((share for part, share in SELDOM.items() if part in f"{method} {path}"), 1.0)


def table_of(place: Place) -> str | None:
    """The table of the row that a response has."""
    for status in ("201", "200"):
        content = place.value["responses"].get(status, {}).get("content", {}).get("application/json")
        if content:
            schema = place["responses"][status]["content"]["application/json"].get("schema")
            return None if schema is None else schema.value.get("x-table")
    return None


class Pairing:
    """Sends steps to both servers, and compares their responses."""

    def __init__(self, real: httpx.Client, ours: httpx.Client, contract: Contract) -> None:
        self.real, self.ours = real, ours
        self.likeness = Likeness()
        self.moving = moving_fields(contract)
        self.statuses = Counter[int]()

    def play(self, step: Step) -> tuple[Any, str | None]:
        """The response of the real server, and how the other one differs; None if a real server fails."""
        try:
            status, answer = send(self.real, step)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            status, answer = SERVER_ERROR, None
        self.statuses[status] += 1
        if status >= SERVER_ERROR:  # it has changed nothing, or part of it
            return None, None
        translated = json.loads(self.likeness.translated(json.dumps(step.body)))
        own = Step(step.method, self.likeness.translated(step.path), step.operation, translated, step.has_body)
        our_status, our_answer = send(self.ours, own)
        if POLL in step.path:
            time.sleep(0.3)  # a real server marks what was polled after its response
        if status != our_status:
            return answer, f"{status} {str(answer)[:300]} is {our_status} {str(our_answer)[:300]}"
        expected, got = without(self.moving, answer), without(self.moving, our_answer)
        return answer, self.likeness.difference(expected, self.in_order(expected, got))

    def in_order(self, real: Any, ours: Any) -> Any:
        """Rows in the order of the same rows of the real server, as new ids sort otherwise."""
        if isinstance(real, dict) and isinstance(ours, dict) and isinstance(real.get("deleted"), list):
            real["deleted"].sort(key=lambda each: self.likeness.ours.get(each, each))
            return {**ours, "deleted": sorted(ours["deleted"])}
        theirs, own = rows_of(real), rows_of(ours)
        if not theirs or not own:
            return ours
        if {self.likeness.ours.get(row["id"], row["id"]) for row in theirs} != {row["id"] for row in own}:
            theirs.sort(key=content)  # rows such as logs, whose ids no answer named
            own.sort(key=content)
            return ours
        places = {self.likeness.ours.get(row["id"], row["id"]): number for number, row in enumerate(theirs)}
        rows = sorted(own, key=lambda row: places.get(row["id"], len(places)))
        return rows if isinstance(ours, list) else {name: rows if part is own else part for name, part in ours.items()}


def content(row: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name not in ("id", "created", "updated")})


def send(api: httpx.Client, step: Step) -> tuple[int, Any]:
    body = {"json": step.body} if step.has_body else {}
    response = api.request(step.method, step.path, **body)
    is_json = response.headers.get("content-type") == "application/json"
    return response.status_code, response.json() if is_json else response.text


def main(real: str, ours: str, fixtures: str, count: str, seed: str) -> None:
    contract = Contract.load(own_folder() / "openapi.yaml")
    session = Session(contract, Path(fixtures), random.Random(int(seed)))
    found = Counter[str]()
    with httpx.Client(base_url=real, timeout=60) as one, httpx.Client(base_url=ours, timeout=60) as other:
        pairing = Pairing(one, other, contract)
        for number, step in enumerate(session.steps(int(count))):
            answer, difference = pairing.play(step)
            session.learn(step, answer)
            if difference:
                found[step.operation] += 1
                line = f"{number} {step.method} {step.path} {json.dumps(step.body)[:500]}\n    {difference[:600]}\n"
                sys.stdout.write(line)
                sys.stdout.flush()
    sys.stdout.write(f"seed {seed}: {sum(found.values())} of {count} differ: {dict(found)} {dict(pairing.statuses)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
