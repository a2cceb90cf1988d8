"""Two answers to one request, compared up to ties: rows of the same sort key may stand in any order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """A status and a body: its value where it is JSON, else its text."""

    status: int
    body: Any

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - what HTTP calls a success


@dataclass(frozen=True)
class Order:
    """How the rows of an answer stand: by a field, and not cut off where there are fewer than `whole_below`."""

    field: str
    whole_below: int


def same_up_to_ties(left: Sequence[Row], right: Sequence[Row], order: Order) -> bool:
    """Whether two pages hold the same rows in the same order, wherever the sort decides.

    At either end of a page that was cut off, a tie may have been cut in another place: there, rows
    may differ.
    """
    keys = [key_of(row, order) for row in left]
    if keys != [key_of(row, order) for row in right]:
        return False
    ends = () if len(keys) < order.whole_below else (keys[0], keys[-1]) if keys else ()
    here, there = by_key(left, order), by_key(right, order)
    return all(here[key] == there[key] for key in here if key not in ends)


def by_key(rows: Sequence[Row], order: Order) -> dict[str, set[str]]:
    """The ids of rows by what they are sorted by."""
    ids: dict[str, set[str]] = {}
    for row in rows:
        ids.setdefault(key_of(row, order), set()).add(str(row["id"]))
    return ids


def key_of(row: Row, order: Order) -> str:
    """What a row is sorted by, as text: a server may put anything there, or nothing."""
    return repr(row.get(order.field))


def ids_of(rows: Iterable[Row]) -> set[str]:
    return {str(row["id"]) for row in rows}


def rows_of(body: Any) -> list[Row] | None:
    """The rows of an answer: a list of objects, or the one list of objects in an object."""
    lists = body.values() if isinstance(body, dict) else [body]
    found = [
        part for part in lists if isinstance(part, list) and all(isinstance(row, dict) and "id" in row for row in part)
    ]
    return found[0] if len(found) == 1 else None


def named(ids: Iterable[str], most: int = 5) -> str:
    """A few of some ids, in their order, and how many more there are."""
    every = list(ids)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more or "none"


def shortened(value: Any, size: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= size else f"{text[:size]}…"
