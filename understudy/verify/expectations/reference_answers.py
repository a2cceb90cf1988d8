"""What a server should respond: what two reference servers respond to the same requests, as far as they agree."""

import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from understudy.reports.verdict import SEPARATOR
from understudy.sampling.answers import Answer, Order, Row, rows_of, same, same_up_to_ties, shortened
from understudy.sampling.counterparts import (
    Counterparts,
    are_alike,
    are_alike_texts,
    are_near,
    is_recent,
    is_time,
    parts_of,
)
from understudy.sampling.json_difference import difference, differing
from understudy.sampling.random_requests import Request
from understudy.values import is_id
from understudy.verify.expectations.growing_values import GrowingValues
from understudy.verify.expectations.kept_times import KeptTimes
from understudy.verify.requests.endpoint import LIMIT, OFFSET, PAGE, Endpoint

INVALID = 422
ECHO = "request_body"  # the key of the body of an invalid request, which a handler may have changed
DETAIL = "detail"  # the only key of another error
ENTRIES = "exception_detail"  # the key of the errors in the response to an invalid request
PLACES = ("loc",)  # the compared keys of an error; messages depend on the versions of libraries
NEAR, PART = 2.0, 0.5  # seconds, and the part of a time in a header, by which it may differ: servers vary it by chance
KINDS = ("type", *PLACES)  # also the types, which depend on whether the server is strict
ALL = (*KINDS, "input", "ctx")  # also the values, and the names in the context


@dataclass(frozen=True)
class Difference:
    """How a response differs from the expected one: both as texts, and the names of the fields that differ."""

    expected: str
    found: str
    fields: str = ""

    @classmethod
    def of(cls, expected: Any, found: Any) -> "Difference":
        """That of two bodies."""
        fields = (path.rpartition(".")[2].partition("[")[0] for path, _, _ in differing(expected, found))
        return cls(*difference(expected, found), SEPARATOR.join(sorted(set(filter(None, fields)))))


class Reference(Protocol):
    """A reference server: an Understudy that `verify` runs."""

    def restart(self, *, with_services: bool = False) -> None:
        """Delete all rows, and run services from now on or not."""

    def ask(self, request: Request) -> Answer:
        """The response to a request."""


class ReferencePair:
    """Two servers that are sent the same requests. Where they disagree, the value is due to chance, and any value is
    right.

    Args:
        servers: the two servers.
        moving: the names of fields whose values change with time.
    """

    def __init__(self, servers: tuple[Reference, Reference], moving: Container[str]) -> None:
        self._servers = servers
        self.moving = moving
        self.restart()

    def restart(self, *, with_services: bool = False) -> None:
        """Delete all rows of both servers, and start or stop their services."""
        for server in self._servers:
            server.restart(with_services=with_services)
        self._counterparts = [Counterparts(self.moving) for _ in self._servers]
        self._growing = GrowingValues()
        self._times = KeptTimes(self.moving)

    def ask(self, request: Request) -> Answer:
        """The response of the first server, with the ids that it generates."""
        return self._servers[0].ask(request)

    def answers(self, request: Request) -> list[Answer]:
        """The responses of both."""
        pairs = zip(self._servers, self._counterparts, strict=True)
        return [server.ask(counterparts.request(request)) for server, counterparts in pairs]

    def difference(
        self,
        endpoint: Endpoint,
        request: Request,
        answers: Sequence[Answer],
        found: Answer,
        said: Sequence[str] = PLACES,
    ) -> Difference | None:
        """How the response of a server differs from those of both; None if it does not.

        Of an error, only the keys `said` of its entries are compared.
        """
        if len({answer.status for answer in answers}) > 1:
            return None
        status = answers[0].status
        if status != found.status:
            return Difference(f"{status}", f"{found.status} with {shortened(found.body)}")
        body, others = errors_of(found, said), [errors_of(answer, said) for answer in answers]
        pairs = list(zip(self._counterparts, others, strict=True))
        parts = parts_of(body)
        are_same = all(counterparts.match(other, parts) for counterparts, other in pairs)
        if not are_same:
            one, other = (
                body if endpoint.is_moving and are_alike(other, body) else counterparts.aligned(other, body)
                for counterparts, other in pairs
            )
            expected = agreed_value(one, other, body, self._counterparts[0])
            if not agree(expected, body, request):
                return Difference.of(expected, body)
        return (
            self._smaller(endpoint, found)
            or self._kept_or_changed([*others, body], are_same=are_same)
            or in_headers([*answers, found], endpoint.headers(status))
        )

    def _smaller(self, endpoint: Endpoint, found: Answer) -> Difference | None:
        """How a value that only grows is smaller than in an earlier response. Two servers need not agree on these
        values.
        """
        smaller = self._growing.smaller(endpoint.success, found.body) if found.is_success else None
        if smaller is None:
            return None
        name, before, value = smaller
        return Difference(f"{name}: {before} or more", f"{name}: {value}", name)

    def _kept_or_changed(self, bodies: Sequence[Any], *, are_same: bool) -> Difference | None:
        """How a time of a row was changed that both servers have kept, or the other way round.

        The bodies `are_same` if they differ only in ids and times, so that their rows are in the same order.
        """
        ids = [*(each.here for each in self._counterparts), {}]
        shown = self._times.in_same_rows(bodies) if are_same else self._times.by_ids(bodies, ids)
        changed = self._times.changed_otherwise(shown)
        if changed is None:
            return None
        name, before, now = changed
        expected = before if now != before else f"another time than {before}"
        return Difference(f"{name}: {expected}", f"{name}: {now}", name)


def in_headers(answers: Sequence[Answer], names: Sequence[str]) -> Difference | None:
    """How the last of several responses differs from the others, in headers in which these agree."""
    for name in names:
        *expected, found = (answer.headers.get(name, "") for answer in answers)
        if all(is_like(expected[0], other) for other in expected) and not is_like(expected[0], found):
            return Difference(f"{name}: {expected[0]}", f"{name}: {found}" if found else f"no {name}", name)
    return None


def is_like(expected: str, found: str) -> bool:
    """Whether two values of a header are the same, or close numbers of seconds."""
    try:
        return abs(float(expected) - float(found)) <= NEAR + PART * float(expected)
    except ValueError:
        return expected == found


def errors_of(answer: Answer, said: Sequence[str] = PLACES) -> Any:
    """The body of a response; of that to an invalid request, without the request, the compared parts of its errors."""
    if answer.status != INVALID or not isinstance(answer.body, dict) or not is_entries(answer.body.get(ENTRIES)):
        return answer.body
    entries = [compared_parts(entry, said) for entry in answer.body[ENTRIES]]
    others = {name: part for name, part in answer.body.items() if name != ECHO}
    return {**others, ENTRIES: sorted(entries, key=repr)}


def compared_parts(entry: Mapping[str, Any], said: Sequence[str]) -> Row:
    """An entry of an error without its message, and without a whole object, which a handler may have changed."""
    hidden = ("input",) if isinstance(entry.get("input"), dict) else ()
    kept = {name: entry[name] for name in said if name in entry and name not in hidden}
    values = kept.get("ctx")
    return {**kept, "ctx": sorted(values)} if isinstance(values, dict) else kept


def is_entries(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and each.keys() >= set(KINDS) for each in value)


def agreed_value(one: Any, other: Any, found: Any, made: Counterparts) -> Any:
    """The parts on which two servers agree, and the found values where they do not.

    `made` has the ids by which both servers' own ids are replaced. They show whether rows at one place of a list
    differ.
    """
    if isinstance(one, dict) and isinstance(other, dict) and isinstance(found, dict) and one.keys() == other.keys():
        if are_different_rows(one, other, made.known):
            return found
        return {name: agreed_value(part, other[name], found.get(name), made) for name, part in one.items()}
    if isinstance(one, list) and isinstance(other, list) and isinstance(found, list) and len(one) == len(other):
        return agreed_list(one, other, found, made)
    agreed = same(one, other) and not are_generated_times(one, found, made)
    return one if agreed or made_otherwise(one, other, found, made) else found


def are_generated_times(one: Any, found: Any, made: Counterparts) -> bool:
    """Whether two values are times that servers generated at the same moment. Two servers can agree on one by
    chance.
    """
    times = isinstance(one, str) and isinstance(found, str) and is_recent(one) and is_time(found)
    return times and made.are_near(one, found)


def made_otherwise(one: Any, other: Any, found: Any, made: Counterparts) -> bool:
    """Whether two servers generate new ids, or times of the same moment, and a third one does not.

    Ids that are known are those of rows that they chose by chance, such as the first of several by their random ids.
    """
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    text = found if isinstance(found, str) else ""
    if is_id(one) and is_id(other):
        are_new = one not in made.known and other not in made.known
        return are_new and (not is_id(text) or text in made.known)
    return is_time(one) and is_time(other) and are_near(one, other) and not (is_time(text) and made.are_near(one, text))


def are_different_rows(one: Row, other: Row, known: Container[str]) -> bool:
    """Whether two objects with the same fields are different rows: their own known ids, or others, differ."""
    pairs = ((part, other[name]) for name, part in one.items())
    return any(
        each != part and isinstance(each, str) and isinstance(part, str) and (each in known or part in known)
        for each, part in pairs
    )


def agreed_list(one: list[Any], other: list[Any], found: list[Any], made: Counterparts) -> list[Any]:
    """The same for lists. Their order is that of the two servers, if these agree and the order is defined."""
    rows, others, shown = by_id(one), by_id(other), by_id(found)
    if rows.keys() == others.keys() == shown.keys() and len(one) == len(rows) == len(found):
        ids = rows if list(rows) == list(others) else shown
        return [agreed_value(rows[key], others[key], shown[key], made) for key in ids]
    is_by_chance = is_ids(found) or (not same(one, other) and is_permutation(one, other))
    if is_by_chance and is_permutation(one, found):
        return found
    if len(one) != len(found):
        return one
    return [agreed_value(*each, made) for each in zip(one, other, found, strict=True)]


def by_id(rows: Sequence[Any]) -> dict[str, Any]:
    """The items of a list that are rows, by their ids."""
    return {str(row["id"]): row for row in rows if isinstance(row, dict) and "id" in row}


def is_ids(value: Any) -> bool:
    """Whether a value is a list of ids, which has no defined order."""
    return isinstance(value, list) and all(isinstance(item, str) and is_id(item) for item in value)


def is_permutation(one: Sequence[Any], other: Sequence[Any]) -> bool:
    left = list(other)
    for item in one:
        index = next((index for index, each in enumerate(left) if same(item, each)), None)
        if index is None:
            return False
        del left[index]
    return not left


def agree(expected: Any, found: Any, request: Request) -> bool:
    """Whether two bodies are the same, except for the order of rows if the request does not define it."""
    if same(expected, found):
        return True
    rows, shown = rows_of(expected), rows_of(found)
    if rows is None or shown is None:
        return is_same_error(expected, found)
    if not same(rest_of(expected), rest_of(found)):
        return False
    known = {str(row["id"]): row for row in rows}
    are_same = all(same(known.get(str(row["id"]), row), row) for row in shown)
    return are_same and same_up_to_ties(rows, shown, order_of(request))


def is_same_error(expected: Any, found: Any) -> bool:
    """Whether two bodies are errors with one text, except for numbers that may depend on the time of the request."""
    details = [body[DETAIL] for body in (expected, found) if isinstance(body, dict) and body.keys() == {DETAIL}]
    return len(details) > 1 and all(isinstance(each, str) for each in details) and are_alike_texts(*details)


def rest_of(body: Any) -> Any:
    """A body without its rows."""
    return {name: part for name, part in body.items() if not isinstance(part, list)} if isinstance(body, dict) else None


def order_of(request: Request) -> Order:
    """The order of rows that servers share: not by ids, which each server generates itself."""
    order = request.order
    if order is not None and order.field not in ("", "id"):
        return order
    is_cut = isinstance(request.body, dict) and not {LIMIT, OFFSET, PAGE}.isdisjoint(request.body)
    return Order("", 0 if is_cut else sys.maxsize)
