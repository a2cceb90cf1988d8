"""Records a real server's responses to the tables of `tests/wire.py` and `tests/*writes.py`, its drift, and reads.

`python -m tests.real.record` writes `tests/recorded/*.json`, `tests/real/drift.txt` and the file of
`tests/recorded_reads.py`.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests import recorded_reads, wire
from tests.resource_writes import RESOURCE_WRITES
from tests.servers import ROOT, real_server
from tests.sessions import Player, TimelessPlayer
from tests.writes import WHOLE_TABLE_WRITES, WRITES, Step
from understudy.contract.contract import Contract
from understudy.drift.drift import drift, report

FIXTURES = ROOT / "tests/golden/small/fixtures"
RECORDED = ROOT / "tests/recorded"
DRIFT = ROOT / "tests/real/drift.txt"


def fixture_text() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in FIXTURES.glob("*.jsonl"))


def play_writes(api: httpx.Client, home: Path) -> dict[str, list[Any]]:
    """Every session: status and answer of each step.

    Sessions that read whole tables each get a new real server, with its files in `home`.
    """
    played = play(api, WRITES)
    for number, (name, steps) in enumerate(WHOLE_TABLE_WRITES.items()):
        folder = home / str(number)
        folder.mkdir()
        with real_server(FIXTURES, folder) as alone:
            played |= play(alone, {name: steps})
    return played


def play(api: httpx.Client, sessions: Mapping[str, list[Step]]) -> dict[str, list[Any]]:
    known = fixture_text()
    players = {name: Player(api, known) for name in sessions}
    return {name: [settled(players[name].play(*step)) for step in steps] for name, steps in sessions.items()}


def play_resource_writes(api: httpx.Client) -> dict[str, list[Any]]:
    """Every session that writes other resources: status and answer of each step."""
    return {name: play_resources(api, steps) for name, steps in RESOURCE_WRITES.items()}


def play_resources(api: httpx.Client, steps: list[Step]) -> list[Any]:
    """One of these sessions, in which times that it sends are not replaced."""
    sent = "".join(body for _, _, body in steps if body is not None)
    player = TimelessPlayer(api, fixture_text() + sent)
    return [settled(player.play(*step)) for step in steps]


def settled(played: tuple[int, Any]) -> list[Any]:
    """A status and a response, with unordered values sorted."""
    status, answer = played
    if isinstance(answer, dict) and "deleted" in answer:
        answer["deleted"].sort()
    return [status, answer]


def play_wire(url: str) -> list[list[Any]]:
    """Every request of the table beside its answer."""
    return [[str(request), wire.send(url, request)] for request in wire.requests()]


def drift_of(api: httpx.Client) -> str:
    """The drift between the contract and a server's document."""
    return f"{report(drift(Contract.load(ROOT / 'openapi.yaml'), api))}\n"


def record() -> None:
    with tempfile.TemporaryDirectory() as homes, real_server(FIXTURES, Path(homes)) as api:
        DRIFT.write_text(drift_of(api), encoding="utf-8")
        wire_answers, write_answers = play_wire(str(api.base_url)), play_writes(api, Path(homes))
        resource_answers = play_resource_writes(api)
    with tempfile.TemporaryDirectory() as home, real_server(recorded_reads.FIXTURES, Path(home)) as api:
        recorded_reads.write(recorded_reads.record(api, recorded_reads.COUNT, seed=0))
    write("wire.json", "[", [json.dumps(entry, ensure_ascii=False) for entry in wire_answers], "]")
    write_sessions("writes.json", write_answers)
    write_sessions("resource_writes.json", resource_answers)


def write_sessions(file: str, played: Mapping[str, list[Any]]) -> None:
    entries = [f"{json.dumps(name)}: {json.dumps(answers, ensure_ascii=False)}" for name, answers in played.items()]
    write(file, "{", entries, "}")


def write(file: str, opening: str, entries: list[str], closing: str) -> None:
    """A JSON file with an entry a line, so that a change shows as a line."""
    text = ",\n".join(entries)
    (RECORDED / file).write_text(f"{opening}\n{text}\n{closing}\n", encoding="utf-8")


if __name__ == "__main__":
    record()
