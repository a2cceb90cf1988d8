"""The differences of another Prefect release: document, recorded responses, random reads and writes, SDK.

`make follow PREFECT=VERSION` runs it with a server of that release. It only reports, and changes no file.
"""

import difflib
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.real.random_writes import Pairing, Session
from tests.real.record import DRIFT, FIXTURES, drift_of, play_resource_writes, play_wire, play_writes
from tests.recorded_reads import FIXTURES as WHOLE
from tests.recorded_reads import Comparison, record
from tests.servers import REAL, ROOT, real_server, stand_in
from tests.test_recorded import recorded
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

READS, STEPS, SEED = 2000, 600, 1
SHOWN = 3  # differences of each operation
WIDTH = 300  # characters of a difference


def main() -> None:
    contract = Contract.load(own_folder() / "openapi.yaml")
    with tempfile.TemporaryDirectory() as name:
        homes = Path(name)
        for folder in ("recorded", "sessions", "reads", "writes"):
            (homes / folder).mkdir()
        with real_server(FIXTURES, homes / "recorded") as real:
            section(f"Prefect {real.get('/admin/version').json()}", [])
            section("The published document: lines that are not as in tests/real/drift.txt", drift(real))
            section("Recorded answers", differing_answers(real, homes / "sessions"))
        with real_server(WHOLE, homes / "reads") as real, stand_in(WHOLE) as ours:
            section(f"{READS} random reads", differing_reads(real, ours, Comparison(contract)))
        with real_server(WHOLE, homes / "writes") as real, stand_in(WHOLE) as ours:
            section(f"{STEPS} steps of random writes", differing_writes(real, ours, contract))
            section("Calls of the SDK", differing_calls(real, ours, homes))


def section(title: str, lines: Iterable[str]) -> None:
    sys.stdout.write(f"\n## {title}\n")
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def drift(real: httpx.Client) -> Iterator[str]:
    known, found = DRIFT.read_text(encoding="utf-8").splitlines(), drift_of(real).splitlines()
    changed = [
        line for line in difflib.unified_diff(known, found, lineterm="", n=0) if line[:2] not in ("--", "++", "@@")
    ]
    yield from changed
    yield f"{len(changed)} lines"


def differing_answers(real: httpx.Client, homes: Path) -> Iterator[str]:
    """Recorded responses that the server does not return."""
    wire, found = recorded("wire.json"), play_wire(str(real.base_url))
    differing = [(known[0], known[1], now[1]) for known, now in zip(wire, found, strict=True) if known != now]
    for request, before, now in differing:
        yield f"{request}: {str(before)[:WIDTH]} is {str(now)[:WIDTH]}"
    yield f"{len(differing)} of {len(wire)} requests"
    sessions = recorded("writes.json") | recorded("resource_writes.json")
    played = play_writes(real, homes) | play_resource_writes(real)
    names = [name for name in sessions if sessions[name] != played[name]]
    for name in names:
        step = next(number for number, known in enumerate(sessions[name]) if known != played[name][number])
        yield f"{name}, step {step}: {str(sessions[name][step])[:WIDTH]} is {str(played[name][step])[:WIDTH]}"
    yield f"{len(names)} of {len(sessions)} sessions of writes"


def differing_reads(real: httpx.Client, ours: httpx.Client, comparison: Comparison) -> Iterator[str]:
    found = Counter[str]()
    for case in record(real, READS, SEED):
        body = {} if case["body"] is None else {"json": case["body"]}
        answer = ours.request(case["method"], case["path"], **body)
        if answer.status_code != case["status"] or not comparison.agrees(case, answer.json()):
            found[case["operation"]] += 1
            if found[case["operation"]] <= SHOWN:
                expected = f"{case['status']} {case['answer']}"[:WIDTH]
                yield f"{case['method']} {case['path']} {json.dumps(case['body'])}: {expected} is {answer.text[:WIDTH]}"
    yield f"{sum(found.values())} differences {dict(found)}"


def differing_writes(real: httpx.Client, ours: httpx.Client, contract: Contract) -> Iterator[str]:
    session, pairing, found = (
        Session(contract, WHOLE, random.Random(SEED)),
        Pairing(real, ours, contract),
        Counter[str](),
    )
    for step in session.steps(STEPS):
        answer, difference = pairing.play(step)
        session.learn(step, answer)
        if difference:
            found[step.operation] += 1
            if found[step.operation] <= SHOWN:
                yield f"{step.method} {step.path} {json.dumps(step.body)[:WIDTH]}: {difference[:WIDTH]}"
    yield f"{sum(found.values())} differences {dict(found)}; a difference may have others as its consequence"


def differing_calls(real: httpx.Client, ours: httpx.Client, home: Path) -> Iterator[str]:
    """Whether the SDK of the release gets the same from both."""
    results: list[Any] = []
    for api in (real, ours):
        environment = {"PREFECT_API_URL": str(api.base_url).rstrip("/"), "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
        command = [str(REAL / "bin/python"), str(ROOT / "tests/real/sdk.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        results.append((done.returncode, done.stdout, done.stderr[-WIDTH:] if done.returncode else ""))
    yield "the same" if results[0] == results[1] else f"{results[0]} is {results[1]}"


if __name__ == "__main__":
    main()
