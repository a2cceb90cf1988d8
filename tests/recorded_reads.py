"""Random reads of all operations, with the responses of a real server: `tests/golden/whole/reads.jsonl.xz`."""

import json
import lzma
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.drawing import generator
from understudy.contract.contract import Contract, Place
from understudy.operations.api_folder import own_folder
from understudy.sampling.answers import Order, rows_of, same_up_to_ties
from understudy.sampling.moving_fields import moving_fields, without
from understudy.sampling.random_requests import Request, order_of, safe_operations

FOLDER = Path(__file__).parent / "golden" / "whole"
FIXTURES, READS = FOLDER / "fixtures", FOLDER / "reads.jsonl.xz"
COUNT = 6000
SMALL = (0, 1, 2, 5)  # rows of a page, so that the file stays small
LARGEST = 1000  # limit that is not refused
SECONDS = (0.5, 86_400, 604_800.5, 1e7)  # of an interval of a history
# Operations that depend on the server's settings, packages and clock.
OTHERS = ("/admin/", "/block_", "/collections/", "/events", "/csrf-token", "/observed-states", "/task_workers")

BY_NAME = Order("name", 0)  # of queues, which may have the same names in different pools

Read = dict[str, Any]


def reads(randomness: random.Random, fixtures: Path = FIXTURES) -> Iterator[Request]:
    """Random reads of a fixture set without end."""
    contract = Contract.load(own_folder() / "openapi.yaml")
    operations = [each for each in safe_operations(contract) if not each[1].startswith(OTHERS)]
    source = generator(contract, fixtures, randomness, operations)
    while True:
        for request in source.requests(100):
            if isinstance(request.body, dict):
                make_small(request.body, request.schema, randomness)
            if is_settled(request):
                yield request


def make_small(body: dict[str, Any], schema: Place | None, randomness: random.Random) -> None:
    """Limit the rows, unless the limit is invalid."""
    names = {} if schema is None else schema.value.get("properties", {})
    limit = body.get("limit")
    if "limit" in names and (limit is None or max(SMALL) < limit <= LARGEST):
        body["limit"] = randomness.choice(SMALL)
    if "history_interval_seconds" in body:
        body["history_interval_seconds"] = randomness.choice(SECONDS)


def is_settled(request: Request) -> bool:
    """Whether the answer does not depend on the time of the request, as the order by run times does."""
    if str((request.body or {}).get("sort")).startswith("DURATION"):
        return False
    if request.operation != "/ui/task_runs/dashboard/counts":
        return True
    times = ((request.body or {}).get("task_runs") or {}).get("start_time") or {}
    return times.get("after_") is None or times.get("before_") is not None


def record(api: httpx.Client, count: int, seed: int, fixtures: Path = FIXTURES) -> Iterator[Read]:
    """Reads of a fixture set with their responses, without those on which a real server fails."""
    source = reads(random.Random(seed), fixtures)
    recorded = 0
    while recorded < count:
        request = next(source)
        body = {} if request.schema is None else {"json": request.body}
        try:
            answer = api.request(request.method, request.path, **body)
        except httpx.ReadError:
            continue
        if answer.status_code < 500 and answer.headers["content-type"] == "application/json":
            recorded += 1
            yield {
                "method": request.method, "path": request.path, "operation": request.operation,
                "body": request.body, "status": answer.status_code, "answer": answer.json(),
            }  # fmt: skip


def write(cases: Iterable[Read]) -> None:
    with lzma.open(READS, "wt", encoding="utf-8", preset=9) as file:
        file.writelines(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)


def recorded_reads() -> list[Read]:
    with lzma.open(READS, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Comparison:
    """Compares responses without the values that change with time (`x-moving`)."""

    def __init__(self, contract: Contract) -> None:
        self._operations = {(method, path): place for method, path, place in safe_operations(contract)}
        self._moving = moving_fields(contract)

    def agrees(self, case: Read, got: Any) -> bool:
        place = self._operations[case["method"], case["operation"]]
        content = place.value["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if case["status"] == 200 and content.get("schema", {}).get("x-moving"):
            return isinstance(got, type(case["answer"]))
        ours, theirs = without(self._moving, got), without(self._moving, case["answer"])
        if ours == theirs:
            return True
        request = place.get("requestBody")
        order = BY_NAME if case["operation"].endswith("/work_queue_check") else None
        if request is not None:
            order = order_of(request["content"]["application/json"]["schema"], case["body"])
        rows, own = rows_of(theirs), rows_of(ours)
        return order is not None and rows is not None and own is not None and same_up_to_ties(rows, own, order)
