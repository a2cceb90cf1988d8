"""Mapping ids and times between two servers."""

import json
import re
import sys
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
    """Translates requests for the second server, and its responses back to the ids and times of the first.

    Args:
        there: the second server's ids by the first's.
        back: the first server's ids by the second's.
        times: by the first server's id of a row and a field, the times of the second and the first server.
        own: the fields in which paired rows differ, so that an order by them need not be the same.
        alone: the rows without a partner.
    """

    there: Mapping[str, str] = field(default_factory=dict)
    back: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, Mapping[str, tuple[Any, Any]]] = field(default_factory=dict)
    own: Collection[str] = ()
    alone: Alone = field(default_factory=dict)

    def request(self, request: Request) -> Request:
        """A request for the second server. Times are not translated, since they may be those of rows in no list."""
        return replace(request, path=replaced(request.path, self.there), body=translated(request.body, self.there))

    def answer(self, answer: Answer) -> Answer:
        """A response of the second server, with the first's ids and times."""
        return replace(answer, body=translated(answer.body, self.back, self._in_first_times))

    def order(self, order: Order | None, body: Any) -> Order | None:
        """The order of rows that both servers share: without a field in which paired rows differ.

        A list whose order the contract does not say may be in the order of its ids, which differ between the servers.
        """
        if order is None:
            return Order(field="", whole_below=sys.maxsize) if self.there and isinstance(body, list) else None
        is_own = not set(self.own).isdisjoint(order.field.split("|"))
        return replace(order, field="") if is_own else order

    def _in_first_times(self, row: dict[str, Any]) -> dict[str, Any]:
        times = self.times.get(str(row.get("id")), {})
        return {**row, **{name: ours for name, (theirs, ours) in times.items() if row.get(name) == theirs}}


SAME = IdMapping()  # of servers whose rows have the same ids


def translated(value: Any, names: Mapping[str, str], each: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """JSON in which ids are replaced in all texts, and then each object by the result of `each`.

    It works on the serialized text, so that deep nesting cannot exceed the recursion limit.
    """
    return json.loads(replaced(json.dumps(value), names), object_hook=each)


def replaced(text: str, names: Mapping[str, str]) -> str:
    return UUID.sub(lambda found: names.get(found[0], found[0]), text)
