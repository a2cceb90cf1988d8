"""Random requests that fit the contract and the data: every filter, operator, sort and page."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import jsonl
from understudy.contract import Contract, Place

Rows = dict[str, list[dict[str, Any]]]


def read_rows(folder: Path) -> Rows:
    """A fixture set as plain JSON, with the collections that a server derives."""
    rows = {path.stem: jsonl.read(path) for path in folder.glob("*.jsonl")}
    if not rows.get("artifact_collections"):
        newest: dict[str, dict[str, Any]] = {}
        for row in rows.get("artifacts", []):
            if row.get("key") is not None and row["created"] >= newest.get(row["key"], row)["created"]:
                newest[row["key"]] = row
        rows["artifact_collections"] = [{**row, "latest_id": row["id"]} for row in newest.values()]
    return rows


class Generator:
    """Draws requests. Values come from the rows, with some that no row has."""

    def __init__(self, contract: Contract, rows: Rows, randomness: random.Random) -> None:
        self.random = randomness
        self.rows = rows
        self.selections = [
            (path, place["requestBody"]["content"]["application/json"]["schema"])
            for path, place in posts(contract)
            if "requestBody" in place.value
            and "x-selects" in place["requestBody"]["content"]["application/json"]["schema"].value
        ]

    def requests(self, count: int) -> Iterator[tuple[str, Any]]:
        """Paths and bodies of requests that read."""
        reads = [(path, schema) for path, schema in self.selections if "delete" not in path]
        for _ in range(count):
            path, schema = self.random.choice(reads)
            yield path, self.body(schema)

    def body(self, schema: Place) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, part in schema["properties"].items():
            if "x-filters" in part.value:
                if self.random.random() < 0.45:
                    body[name] = self.filter(part, part.value["x-filters"], ())
            elif self.random.random() < 0.6:
                body[name] = self.plain(name, part)
        return body

    def plain(self, name: str, place: Place) -> Any:
        if "enum" in place.value:
            return self.random.choice([word for word in place.value["enum"] if word is not None])
        if name == "page":
            return self.random.choice([1, 1, 2, 3, 99])
        return self.random.choice([0, 1, 2, 3, 5, 20, 200, None] if name == "limit" else [0, 0, 1, 2, 5, 30, 1000])

    def filter(self, place: Place, table: str, fields: tuple[str, ...]) -> dict[str, Any] | None:
        if self.random.random() < 0.03:
            return None
        found: dict[str, Any] = {}
        names = [name for name in place["properties"].value if name != "operator"]
        for name in self.random.sample(names, k=min(len(names), self.random.choice([0, 1, 1, 1, 2, 2, 3]))):
            part = place["properties"][name]
            looked_at = fields_of(part) or ((name,) if "properties" in part.value else fields)
            if "properties" in part.value:
                found[name] = self.filter(part, table, looked_at)
            else:
                found[name] = self.operand(part, table, looked_at)
        if "operator" in place["properties"].value and self.random.random() < 0.3:
            found["operator"] = self.random.choice(["and_", "or_"])
        return found

    def operand(self, place: Place, table: str, fields: tuple[str, ...]) -> Any:
        schema = place.value
        if self.random.random() < 0.03:
            return None
        if schema["type"] == "boolean":
            return self.random.choice([True, False])
        if schema["type"] == "integer":
            return self.random.choice([0, 1, 5])
        if schema["type"] == "array":
            size = self.random.choice([0, 1, 1, 2, 3, 8])
            return [self.value(place["items"], table, fields) for _ in range(size)]
        if schema.get("format") == "date-time":
            return self.value(place, table, fields)
        return self.pattern(str(self.value(place, table, fields)))

    def value(self, place: Place, table: str, fields: tuple[str, ...]) -> Any:
        if "enum" in place.value and self.random.random() < 0.3:
            return self.random.choice(place.value["enum"])
        pool = [value for field in fields for row in self.rows.get(table, []) for value in flat(row, field)]
        if not pool or self.random.random() < 0.15:
            pool = [value for row in self.rows["flow_runs"] for value in flat(row, fallback(place))] or pool
        if "enum" in place.value:
            pool = [value for value in pool if value in place.value["enum"]] or place.value["enum"]
        return self.random.choice(pool)

    def pattern(self, text: str) -> str:
        start = self.random.randrange(len(text) + 1)
        piece = text[start : start + self.random.choice([0, 1, 2, 3, 8])]
        if piece and self.random.random() < 0.3:
            at = self.random.randrange(len(piece))
            piece = piece[:at] + self.random.choice("%_") + piece[at + 1 :]
        return self.random.choice([piece, piece, piece.upper(), piece.lower()])


def posts(contract: Contract) -> Iterator[tuple[str, Place]]:
    for path, place in contract.root["paths"].items():
        if "post" in place.value:
            yield path, place["post"]


def fields_of(place: Place) -> tuple[str, ...]:
    schema = place.value
    named = schema.get("x-coalesce") or schema.get("x-either") or [schema.get("x-field")]
    return tuple(name.rpartition("/")[2] for name in named if name is not None)


def fallback(place: Place) -> str:
    return {"uuid": "flow_id", "date-time": "created"}.get(place.value.get("format", ""), "name")


def flat(row: dict[str, Any], field: str) -> list[Any]:
    value: Any = row
    for part in field.split("."):
        value = None if value is None else value.get(part)
    if value is None or isinstance(value, dict | bool):
        return []
    return value if isinstance(value, list) else [value]
