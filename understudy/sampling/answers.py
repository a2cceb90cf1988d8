"""Responses, and comparing their rows up to ties: rows of the same sort key may be in any order."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

OK = 200


@dataclass(frozen=True)
class Answer:
    """The status and body of a response, and its headers by their names in lower case.

    The body is its JSON value, or its text if it is not JSON. Answers with the same status and body are equal.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - what HTTP calls a success


def joined(answers: Iterable[Answer]) -> Answer:
    """The responses to one request of several clients as one: a list of them, successes first, all with status 200.

    Which of the clients gets the 201 for a row depends on chance.
    """
    listed = [{"status": OK if answer.is_success else int(answer.status), "body": answer.body} for answer in answers]
    listed.sort(key=lambda each: (each["status"], json.dumps(each["body"], sort_keys=True)))
    return Answer(listed[0]["status"], listed)


@dataclass(frozen=True)
class Order:
    """The order of the rows of a response by a field. The response is complete if it has fewer rows than `whole_below`.

    "started|expected" is the field `expected` of rows where `started` is null, and "kind,name" is both fields.
    """

    field: str
    whole_below: int


def same_up_to_ties(left: Sequence[Row], right: Sequence[Row], order: Order) -> bool:
    """Whether two pages have the same rows in the same order, except where the sort has ties.

    At the ends of an incomplete page, a tie may be cut differently, so rows may differ there.
    """
    keys = [key_of(row, order) for row in left]
    if keys != [key_of(row, order) for row in right]:
        return False
    ends = () if len(keys) < order.whole_below else (keys[0], keys[-1]) if keys else ()
    here, there = by_key(left, order), by_key(right, order)
    return all(here[key] == there[key] for key in here if key not in ends)


def by_key(rows: Sequence[Row], order: Order) -> dict[str, set[str]]:
    """The ids of rows by their sort keys."""
    ids: dict[str, set[str]] = {}
    for row in rows:
        ids.setdefault(key_of(row, order), set()).add(str(row["id"]))
    return ids


def key_of(row: Row, order: Order) -> str:
    """The sort key of a row as text, since a server may return anything there."""
    return repr(sort_value(row, order.field))


def sort_value(row: Row, field: str) -> Any:
    """The value by which a row is sorted, as named by an `Order`."""
    if "," in field:
        return tuple(row.get(name) for name in field.split(","))
    return next((row[name] for name in field.split("|") if row.get(name) is not None), None)


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON, types included: 1, 1.0 and true are three values."""
    if left is right or left != right:
        return left is right
    # Mostly the fields are in the same order, too, which is seen in half the time.
    return repr(left) == repr(right) or json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def ids_of(rows: Iterable[Row]) -> set[str]:
    return {str(row["id"]) for row in rows}


def rows_of(body: Any) -> list[Row] | None:
    """The rows of a response: a list of objects, or the only list of objects in an object."""
    lists = body.values() if isinstance(body, dict) else [body]
    found = [
        part for part in lists if isinstance(part, list) and all(isinstance(row, dict) and "id" in row for row in part)
    ]
    return found[0] if len(found) == 1 else None


def named(ids: Iterable[str], most: int = 5) -> str:
    """The first few ids, and the number of the others."""
    every = list(ids)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more or "none"


def shortened(value: Any, size: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= size else f"{text[:size]}…"
