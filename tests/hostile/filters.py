"""Filters that cost: patterns against long texts, conditions by the thousand."""

import json

from tests.hostile.inputs import COUNT, FILTER, FLOWS, Input, post, row

LONG = 100_000  # characters of a name
LIKES: tuple[tuple[str, str], ...] = (
    ("%a", "%a" * 20_000),
    ("a%", "a%" * 20_000 + "b"),
    ("only %", "%" * 40_000),
    ("only _", "_" * 40_000),
    ("_ and a letter", "_" * 500 + "b"),
    ("a_ and a letter", "a_" * 300 + "b"),
    ("%_", "%_" * 20_000),
    ("different pieces", "%".join(f"{number:03x}" for number in range(6000))),
    ("a regular expression", "(a+)+$" * 1000),
    ("classes", "[" * 10_000 + "]" * 10_000),
    ("backslashes", "\\" * 40_000),
    ("marks", "e\u0301" * 10_000),
    ("capitals that grow", "\u0130\u00df\ufb03" * 5000),
)


def operators(count: int, word: str) -> str:
    fields = ",".join(f'"{name}":{{"any_":["x"]}}' for name in ("id", "key", "type") * count)
    return f'{{"artifacts":{{"operator":"{word}",{fields}}}}}'


def liking(pattern: str) -> str:
    return json.dumps({"flows": {"name": {"like_": pattern}}})


INPUTS: list[Input] = [
    row("a long name", 201, post(FLOWS, json.dumps({"name": "a" * LONG}))),
    *(row(f"like_: {name}", 200, post("/api/flows/count", liking(pattern))) for name, pattern in LIKES),
    row("like_: longer than SQLite takes it", 422, post(COUNT, liking("%a" * 25_000))),
    row("like_: four million pieces", 422, post(COUNT, liking("%a" * 4_000_000))),
    row("like_: a million _", 422, post(COUNT, liking("_" * 1_000_000))),
    row("like_: many _ and a letter", 200, post("/api/flows/count", liking("_" * 20_000 + "b"))),
    row("like_ of nothing", 200, post(COUNT, '{"artifacts":{"key":{"like_":""}}}')),
    row("thousands of conditions, and", 422, post(FILTER, operators(5000, "and_"))),
    row("thousands of conditions, or", 422, post(FILTER, operators(5000, "or_"))),
    row("an operator that is none", 422, post(FILTER, operators(1, "nand_"))),
    row("every filter there is", 200, post(FILTER, json.dumps({
        name: {} for name in ("artifacts", "flow_runs", "task_runs", "flows", "deployments", "work_pools")
    }))),
    row("the same filter a thousand times", 200, post(COUNT, "{" + ",".join(['"flows":{}'] * 1000) + "}")),
    row("tags by the thousand, all", 200, post(COUNT, json.dumps({"flows": {"tags": {"all_": ["x"] * 50_000}}}))),
    row("states by the thousand", 200, post(COUNT, json.dumps({
        "flow_runs": {"state": {"type": {"any_": ["FAILED"] * 50_000}}}
    }))),
    row("nothing by the thousand", 422, post(COUNT, json.dumps({"flows": {"name": {"any_": [None] * 50_000}}}))),
]  # fmt: skip
