"""The ids and times that a second server has for the rows of a first."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.sampling.answers import Answer, Order
from understudy.sampling.random_requests import Request

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Alone = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""By table, the ids of the rows that only the first and only the second server has."""


@dataclass(frozen=True)
class IdMapping:
    """How a second server is asked what a first is asked, and its answers are read as if they were the first's.

    Args:
        there: the second's ids by the first's.
        back: the first's ids by the second's.
        times: by the first's id of a row and a field, the second's time and the first's.
        own: the fields in which paired rows differ, so that an order by them need not be the same.
        alone: the rows that have no partner.
    """

    there: Mapping[str, str] = field(default_factory=dict)
    back: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, Mapping[str, tuple[Any, Any]]] = field(default_factory=dict)
    own: Collection[str] = ()
    alone: Alone = field(default_factory=dict)

    def request(self, request: Request) -> Request:
        """A request as the second server is asked. Times stay: they may be those of rows that no list shows."""
        return replace(request, path=replaced(request.path, self.there), body=translated(request.body, self.there))

    def answer(self, answer: Answer) -> Answer:
        """An answer of the second server, in the first's ids and times."""
        return replace(answer, body=translated(answer.body, self.back, self._in_first_times))

    def order(self, order: Order | None) -> Order | None:
        """The order of rows as far as it is the same on both: by no field where each has values of its own."""
        return replace(order, field="") if order is not None and order.field in self.own else order

    def _in_first_times(self, row: dict[str, Any]) -> dict[str, Any]:
        times = self.times.get(str(row.get("id")), {})
        return {**row, **{name: ours for name, (theirs, ours) in times.items() if row.get(name) == theirs}}


SAME = IdMapping()  # of servers whose rows have the same ids


def translated(value: Any, names: Mapping[str, str], each: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """JSON with ids replaced, wherever a text has them, and then each object by what `each` makes of it.

    It goes by way of the text, so that no nesting is too deep.
    """
    return json.loads(replaced(json.dumps(value), names), object_hook=each)


def replaced(text: str, names: Mapping[str, str]) -> str:
    return UUID.sub(lambda found: names.get(found[0], found[0]), text)
