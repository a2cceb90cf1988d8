"""Comparison of the responses of two servers to the same requests. Each server generates ids and times of its own."""

import json
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from math import isclose
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import to_json

from understudy.sampling.answers import same
from understudy.sampling.moving_fields import in_order
from understudy.sampling.random_requests import Request
from understudy.values import moment

ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
MADE, TIMES = re.compile(f"({ID}|{TIME})"), re.compile(TIME)
NUMBER = re.compile(r"(\d+)")
RECENT = 600.0  # seconds around the present; random times are further away
NEAR = 15.0  # the maximum seconds between the times that two servers generate for the same object
PART = 0.001  # the maximum relative difference of numbers that are sums of such times
SHORTEST = 20  # the minimum length of an id or a time
ABSENT = "nothing"  # stands for a field that only one of two servers shows


class Counterparts:
    """The ids and times of one server, by those that another server generated for the same objects.

    Requests are drawn for the server `here`. The one `there` is sent the same requests with its own ids and times.

    Args:
        moving: the names of fields whose values change with time.
    """

    def __init__(self, moving: Container[str] = ()) -> None:
        self._moving = moving
        self._there: dict[str, str] = {}
        self._here: dict[str, str] = {}
        self._times: dict[str, str] = {}
        self._links: dict[str, str] = {}  # the query of a URL there by that of its counterpart here
        self._sent: set[str] = set()
        self._ahead: float | None = None  # the clock here of the one there, in seconds

    @property
    def known(self) -> Container[str]:
        """The ids here that have a counterpart."""
        return self._there

    @property
    def here(self) -> Mapping[str, str]:
        """The ids here by those of their counterparts."""
        return self._here

    def pair(self, there: str, here: str) -> None:
        """Treat two ids as those of the same object."""
        self._there[here], self._here[there] = there, here

    def request(self, request: Request) -> Request:
        """The request for the server there."""
        way, _, query = request.path.partition("?")
        path = f"{way}?{self._links[query]}" if query in self._links else request.path
        others = {**self._times, **self._there}
        path, body = replaced(path, others), replaced(json.dumps(request.body), others)
        # A time of a moment ago is one that a server made: another may make the same for something else.
        self._sent.update(made for made in MADE.findall(f"{path} {body}") if not is_recent(made))
        return replace(request, path=path, body=json.loads(body))

    def match(self, there: Any, here: Sequence[str]) -> bool:
        """Whether a value of the server there is the one here, apart from the ids and times that both generated. If
        not, none are learned from them.

        This takes a fraction of the time of `aligned`, but does not match lists in another order.

        Args:
            there: the value there.
            here: the parts of the value here, from `parts_of`.
        """
        parts = parts_of(there)
        if not parts or parts[::2] != here[::2]:
            return False
        before = self._learned()
        if all(self._counterpart(*pair) == pair[1] for pair in zip(parts[1::2], here[1::2], strict=True)):
            return True
        self._there, self._here, self._times = before
        return False

    def aligned(self, there: Any, here: Any) -> Any:
        """A value of the server there with the ids and times of the server here, as far as both generated them.

        It is equal to the value here if the servers agree. A list in another order stays in the order there.
        """
        if isinstance(there, dict) and isinstance(here, dict):
            named = {replaced(name, self._here): part for name, part in there.items()}
            return {name: self._aligned_field(name, part, here.get(name, ABSENT)) for name, part in named.items()}
        if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
            return self._aligned_list(there, here)
        if isinstance(there, str):
            return self._aligned_text(there, here if isinstance(here, str) else "")
        if not isinstance(there, (dict, list)):
            return there
        return json.loads(replaced(json.dumps(there), self._here))

    def _aligned_field(self, name: str, there: Any, here: Any) -> Any:
        if name not in self._moving:
            return self.aligned(there, here)
        if are_alike(there, here):
            if isinstance(here, str):
                self._links[urlsplit(here).query] = urlsplit(there).query
            return here
        aligned = self.aligned(there, here)  # the ids in lists become those of the server here
        return here if isinstance(here, list) and are_alike(aligned, here) else aligned

    def _aligned_list(self, there: Sequence[Any], here: Sequence[Any]) -> list[Any]:
        correspond = [self._corresponds(*pair) for pair in zip(there, here, strict=True)]
        left = [each for each, is_found in zip(here, correspond, strict=True) if not is_found]
        if not left:
            return list(here)
        found = []
        for item, partner, is_found in zip(there, here, correspond, strict=True):
            if is_found:
                found.append(partner)
                continue
            other = next((each for each in left if self._corresponds(item, each)), None)
            if other is not None:
                left.remove(other)
            found.append(self.aligned(item, self._of_known_id(item, here)) if other is None else other)
        return found

    def _of_known_id(self, there: Any, here: Sequence[Any]) -> Any:
        """The row here that is known to correspond to a row there, or has an id that was sent to both."""
        row_id = there.get("id") if isinstance(there, dict) else None
        known = self._here.get(str(row_id), row_id)
        return next(
            (row for row in here if known is not None and isinstance(row, dict) and row.get("id") == known), ABSENT
        )

    def _corresponds(self, there: Any, here: Any) -> bool:
        """Whether two values are about the same object. If not, no ids and times are learned from them."""
        if not isinstance(there, (dict, list, str)):
            return same(there, here)
        if self._differs_plainly(there, here):
            return False
        before = self._learned()
        if same(self.aligned(there, here), here):
            return True
        self._there, self._here, self._times = before
        return False

    def _learned(self) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        return dict(self._there), dict(self._here), dict(self._times)

    def _differs_plainly(self, there: Any, here: Any) -> bool:
        """Whether two objects have different numbers, booleans or plain texts, which is seen at once."""
        if not isinstance(there, dict) or not isinstance(here, dict):
            return False
        return there.keys() != here.keys() or any(
            is_plain(part) and not same(part, here[name]) for name, part in there.items() if name not in self._moving
        )

    def _aligned_text(self, there: str, here: str) -> str:
        if len(there) < SHORTEST:
            return there
        parts, others = MADE.split(there), MADE.split(here)
        if parts[::2] != others[::2]:
            return replaced(there, self._here)
        made = map(self._counterpart, parts[1::2], others[1::2])
        return "".join(f"{between}{text}" for between, text in zip(parts[::2], [*made, ""], strict=True))

    def _counterpart(self, there: str, here: str) -> str:
        """The id or time here for one of the server there; unchanged if it corresponds to another one than is shown
        here.
        """
        if there in self._here:
            return self._here[there]
        if there in self._sent:
            return there
        if "T" in there and "T" in here:
            is_same = self._times.get(here) == there or self.are_near(there, here)
            return self._time(there, here) if is_same else there
        if there == here or "T" in there or "T" in here or here in self._there:
            return there
        self.pair(there, here)
        return here

    def _time(self, there: str, here: str) -> str:
        """The time here for one of the server there. It is sent unchanged if the server there has several for it."""
        if self._times.setdefault(here, there) != there:
            self._times[here] = here
        return here

    def are_near(self, there: str, here: str) -> bool:
        """Whether two times are the same moment, by clocks that may differ."""
        ahead = (moment(here) - moment(there)).total_seconds()
        if self._ahead is None:
            self._ahead = ahead
        return abs(ahead - self._ahead) <= NEAR


def parts_of(value: Any) -> list[str]:
    """The JSON of a value, split at its ids and times; empty if a text in it cannot be encoded."""
    try:
        return MADE.split(to_json(value, inf_nan_mode="constants").decode())
    except ValueError:
        return []


def is_plain(value: Any) -> bool:
    """Whether a value is a number, a boolean, null or a text without ids and times."""
    if isinstance(value, str):
        return len(value) < SHORTEST or MADE.search(value) is None
    return not isinstance(value, (dict, list))


def are_alike(there: Any, here: Any) -> bool:
    """Whether two values that change with time may correspond: booleans, close numbers, links, lists in another
    order.
    """
    if isinstance(there, str) and isinstance(here, str):
        return is_link(there) and is_link(here)
    if isinstance(there, list) and isinstance(here, list):
        return same(in_order(there), in_order(here))
    if isinstance(there, bool) or isinstance(here, bool):
        return isinstance(there, bool) and isinstance(here, bool)
    if not isinstance(there, int | float) or not isinstance(here, int | float):
        return False
    return isclose(there, here, rel_tol=PART, abs_tol=NEAR)


def are_alike_texts(there: str, here: str) -> bool:
    """Whether two texts are the same, except for close numbers."""
    words, others = NUMBER.split(there), NUMBER.split(here)
    return len(words) == len(others) and all(
        one == other or (one.isdecimal() and other.isdecimal() and isclose(int(one), int(other), rel_tol=PART))
        for one, other in zip(words, others, strict=True)
    )


def is_link(text: str) -> bool:
    """Whether a text is a URL with a query, such as that of the next page."""
    return "://" in text and bool(urlsplit(text).query)


def is_recent(made: str) -> bool:
    """Whether a text is a time close to the present."""
    return is_time(made) and abs((datetime.now(timezone.utc) - moment(made)).total_seconds()) < RECENT


def is_time(text: str) -> bool:
    """Whether a text is a time that exists in the calendar."""
    if text[10:11] != "T":  # as most texts, which is seen at once
        return False
    try:
        return TIMES.fullmatch(text) is not None and bool(moment(text))
    except ValueError:
        return False


def are_near(one: str, other: str) -> bool:
    """Whether two times are nearly the same moment, by the same clock."""
    return abs((moment(one) - moment(other)).total_seconds()) <= NEAR


def replaced(text: str, others: Mapping[str, str]) -> str:
    return MADE.sub(lambda found: others.get(found[0], found[0]), text)
