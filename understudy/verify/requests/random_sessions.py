"""Random sessions: requests to many operations about a few rows that the session itself creates."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from understudy.contract.contract import Place
from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import Request, with_query
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.random_bodies import RandomBodies
from understudy.verify.requests.scenario_requests import Script
from understudy.verify.requests.session_operations import SessionOperations
from understudy.verify.requests.session_rows import NoRow, SessionRows

FOCUS = 25  # the weight of an operation of the session's topic; that of others is 1
RARE = 0.4  # the weight of an operation that deletes a row
OFTEN = 3  # the weight of an operation that does more than changing fields, such as setting a state
READ = 0.7  # the share of writes that are followed by a read of the row
REREAD = 0.15  # the share of writes that are followed by an earlier read, as a server may have cached its response
AGAIN = 0.5  # the share of random requests within a scenario that repeat its last request
SAME = 0.3  # the share of these with the same body, as in a client's retry
OPTIONAL = 0.4  # the share of optional query parameters that are sent
PLACE = "{id}"
DEPTH = 3  # how many rows in a chain of references are created for a request, at most

Drawn = tuple[Endpoint, Request]


class Session:
    """Draws the requests of a session one by one.

    Args:
        operations: the operations that can be about its rows.
        randomness: the random generator.
        mark: a text that no other row has.
        topic: whether an operation belongs to what the session is about.
        script: returns the first requests.
        between: the share of these that are followed by a random request, which may repeat the last one.
    """

    def __init__(
        self,
        operations: SessionOperations,
        randomness: random.Random,
        mark: str,
        topic: Callable[[Endpoint], bool],
        script: Script | None = None,
        between: float = 0.0,
    ) -> None:
        self._operations = operations
        self._random = randomness
        self._rows = SessionRows(operations.fields, randomness, mark)
        self._bodies = RandomBodies(operations, self._rows, randomness, mark)
        self._weights = [(FOCUS if topic(each) else 1) * weight_of(each) for each in operations.endpoints]
        self._written: Drawn | None = None
        self._reads: list[Drawn] = []
        self._script = script
        self._between = between
        self._scripted: Drawn | None = None  # the last request, if it is of the script

    def learn(self, endpoint: Endpoint, request: Request, answer: Answer) -> bool:
        """Store the rows of a response. Returns whether it depends only on rows of the session."""
        selects = bool(endpoint.selects) or endpoint.is_eventual
        is_own = self._rows.are_named(request) or (endpoint.body is not None and not selects)
        # A scenario is written so that rows of others do not matter, unless random requests come between its own.
        is_alone = self._scripted is not None and not self._between
        if self._script is not None and self._scripted is not None:
            self._script.learn(answer)
            is_own |= self._script.follows_link or endpoint.is_stream  # whose responses depend on nothing else
        table = self._operations.created(endpoint)
        is_own = self._rows.learn(endpoint, request, answer, table, is_own=is_own and is_alone) and is_own
        if endpoint.is_safe and is_own:
            self._reads.append((endpoint, request))
        return is_own

    def next(self) -> Drawn:
        """The next operation and request."""
        last, self._scripted = self._scripted, self._next_of_script()
        drawn = self._scripted
        if drawn is None:
            drawn = self._repeated(*last) if last is not None and self._chance(AGAIN) else self._drawn()
        self._written = None if drawn[0].is_safe else drawn
        return drawn

    def looks_back(self) -> Iterator[Drawn]:
        """Requests that show what was done to the rows of the session."""
        self._scripted = None
        for endpoint in self._operations.map.endpoints:
            if endpoint.shows_changes is not None and self._rows.ids:
                yield endpoint, endpoint.request(for_each_id(endpoint.shows_changes, self._rows.ids))

    def _next_of_script(self) -> Drawn | None:
        """The next request of the script; None at its end, or if a random request is to follow the last one."""
        is_followed = self._scripted is not None and self._chance(self._between)
        return None if self._script is None or is_followed else self._script.next()

    def _repeated(self, endpoint: Endpoint, request: Request) -> Drawn:
        """The last request again, mostly with another body."""
        if self._chance(SAME):
            return endpoint, request
        return endpoint, replace(request, body=self._bodies.changed(endpoint, request.body))

    def _drawn(self) -> Drawn:
        """A random request; after a write, sometimes an earlier read, mostly one of a row that it is about."""
        if self._written is not None and self._reads and self._chance(REREAD):
            return self._random.choice(self._reads)
        drawn = self._reading(*self._written) if self._written is not None and self._chance(READ) else None
        if drawn is not None:
            reads, request = drawn
            return reads, replace(request, path=with_query(request.path, self._optional(reads)))
        while drawn is None:
            drawn = self._possible(self._random.choices(self._operations.endpoints, self._weights)[0], DEPTH)
        return drawn

    def _reading(self, endpoint: Endpoint, request: Request) -> Drawn | None:
        """An operation that reads a row that a write is about: a row in its path, or one that its body refers to."""
        way, parts = endpoint.path.split("/"), request.path.partition("?")[0].split("/")
        found = [
            (reads, Request("GET", "/".join(parts[:size]), reads.path))
            for size in range(len(way), 1, -1)
            for reads in self._operations.endpoints
            if reads.method == "GET" and reads.path.split("/") == way[:size]
        ]
        return found[0] if found and self._chance(READ) else self._reading_of(f"{request.path} {request.body}")

    def _reading_of(self, sent: str) -> Drawn | None:
        """An operation whose path names one of the rows whose ids or names are in a request."""
        found = [
            (reads, reads.request(**{name: str(row[field])}))
            for table, row in self._rows.named(sent)
            for reads in self._operations.endpoints
            if reads.method == "GET" and len(reads.parameters) == 1
            for name, named, field in [place_of(reads)]
            if named == table and self._rows.is_given(row.get(field))
        ]
        return self._random.choice(found) if found else None

    def _possible(self, endpoint: Endpoint, depth: int) -> Drawn | None:
        """A request to an operation or, if it needs a row that does not exist, one that creates it; None without
        one.
        """
        try:
            return endpoint, self._request(endpoint)
        except NoRow as error:
            creates = self._operations.map.creates.get(error.table)
        return None if creates in (None, endpoint) or depth == 0 else self._possible(creates, depth - 1)

    def _request(self, endpoint: Endpoint) -> Request:
        path, query = endpoint.path, {}
        for parameter in endpoint.place.each("parameters"):
            name, kind = parameter.value["name"], parameter.value["in"]
            if kind == "path":
                path = path.replace(
                    f"{{{name}}}", quote(str(self._parameter(parameter, endpoint)), safe="", errors="replace")
                )
            elif kind == "query" and is_needed(parameter):
                query[name] = self._parameter(parameter, endpoint)
        body = self._bodies.body(endpoint)
        path = with_query(path, {**query, **self._optional(endpoint)})
        return Request(endpoint.method, path, endpoint.path, body, endpoint.body)

    def _optional(self, endpoint: Endpoint) -> dict[str, Any]:
        """Values for some of the optional query parameters."""
        return {
            each.value["name"]: self._parameter(each, endpoint)
            for each in endpoint.query
            if not is_needed(each) and self._chance(OPTIONAL)
        }

    def _parameter(self, place: Place, endpoint: Endpoint) -> Any:
        if "x-names" in place.value:
            table, _, field = place.value["x-names"].partition(".")
            others = [each.value["name"] for each in endpoint.parameters[:1]]
            # Below another row, a name may be one that many rows have, such as that of a default.
            return self._rows.value(table, field, any_name=place.value["name"] not in others)
        return place.value.get("example", self._bodies.drawn(place["schema"], place.value["name"]))

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def for_each_id(value: Any, ids: Sequence[str]) -> Any:
    """A value in which each text of a list that has `{id}` is repeated for each id."""
    if isinstance(value, dict):
        return {name: for_each_id(part, ids) for name, part in value.items()}
    if not isinstance(value, list):
        return value
    return [text.replace(PLACE, each) for text in value for each in (ids if PLACE in text else [""])]


def is_needed(parameter: Place) -> bool:
    """Whether a request must have a parameter: it is required, or it limits the request to rows of the session."""
    return bool(parameter.value.get("required")) or "x-names" in parameter.value


def place_of(endpoint: Endpoint) -> tuple[str, str, str]:
    """The only parameter of a path, with the table and the field whose values it takes."""
    parameter = endpoint.parameters[0].value
    table, _, field = parameter.get("x-names", "").partition(".")
    return parameter["name"], table, field


def acts(endpoint: Endpoint) -> bool:
    """Whether an operation does something to a row other than changing its fields."""
    return not endpoint.is_safe and bool(endpoint.parameters) and not endpoint.path.endswith("}")


def weight_of(endpoint: Endpoint) -> float:
    """How often an operation is drawn, relative to each other one of its topic."""
    return RARE if endpoint.method == "DELETE" else OFTEN if acts(endpoint) else 1
