"""Differences between two responses to one request. Rows of the same sort key may be in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from understudy.sampling.answers import Answer, Order, Row, ids_of, named, rows_of, same_up_to_ties, shortened


@dataclass(frozen=True)
class Difference:
    """A difference: its kind, for counting, and a description."""

    kind: str
    detail: str


def difference(left: Answer, right: Answer, order: Order | None = None) -> Difference | None:
    """The difference between two responses to one request; None if they agree.

    `order` is that of the rows, if the request has one.
    """
    if left.status != right.status:
        return Difference("status", f"{left.status} and {right.status}")
    rows = rows_of(left.body), rows_of(right.body)
    if order is None or rows[0] is None or rows[1] is None:
        return of_values(left.body, right.body)
    return of_values(without_rows(left.body), without_rows(right.body)) or of_rows(rows[0], rows[1], order)


def of_values(left: Any, right: Any) -> Difference | None:
    return None if left == right else Difference("body", f"{shortened(left)} and {shortened(right)}")


def of_rows(left: Sequence[Row], right: Sequence[Row], order: Order) -> Difference | None:
    if not same_up_to_ties(left, right, order):
        missing, added = ids_of(left) - ids_of(right), ids_of(right) - ids_of(left)
        if missing or added:
            return Difference(
                "rows", f"only in the first: {named(sorted(missing))}; only in the second: {named(sorted(added))}"
            )
        return Difference(
            "order", f"{named(str(row['id']) for row in left)} and {named(str(row['id']) for row in right)}"
        )
    known = {str(row["id"]): row for row in left}
    for row in right:
        other = known.get(str(row["id"]), row)
        names = sorted(name for name in {*row, *other} if row.get(name) != other.get(name))
        if names or list(row) != list(other):
            return Difference("fields", f"{row['id']}: {', '.join(names) or 'their order'}")
    return None


def without_rows(body: Any) -> Any:
    return {name: part for name, part in body.items() if not isinstance(part, list)} if isinstance(body, dict) else None
