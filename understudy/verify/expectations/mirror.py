"""What Understudy responds with the same rows as the server."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import unquote

from understudy.errors import UnderstudyError
from understudy.sampling.answers import Answer, Row, rows_of, same
from understudy.sampling.moving_fields import without
from understudy.sampling.random_requests import Request
from understudy.verify.expectations.model import Model
from understudy.verify.expectations.other_rows import Listed, OtherTable
from understudy.verify.expectations.reference_answers import by_id

Others = Mapping[str, OtherTable]
NONE: Others = MappingProxyType({})
PARTS = re.compile("[/?&=]")  # the separators in a path and its query


class MirrorServer(Protocol):
    """A reference server with some rows."""

    def trace(self, request: Request) -> tuple[Answer, Collection[str]]:
        """The response to a request, and the tables that it depends on."""

    def close(self) -> None:
        """Release its resources."""


@dataclass(frozen=True)
class Expected:
    """The expected response to a request.

    Args:
        incomplete: the ids of rows whose fields that change with time may have other values, since they depend on
            values that responses do not show.
    """

    answer: Answer
    incomplete: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Knowledge:
    """How much is known of the rows of tables.

    Args:
        tables: the tables of which all rows are known.
        about: by table, the ids and names of rows for which all rows of that table are known that belong to them.
    """

    tables: frozenset[str] = frozenset()
    about: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def decides(self, request: Request, used: Iterable[str]) -> bool:
        """Whether the response to a request, which depends on some tables, follows from the known rows."""
        named = set(PARTS.split(unquote(request.path)))
        return all(table in self.tables or not named.isdisjoint(self.about.get(table, ())) for table in used)


class Mirror:
    """A reference server with the known rows of the server that is verified.

    Args:
        start: starts a server with some rows by table.
    """

    def __init__(self, start: Callable[[Mapping[str, Iterable[Row]]], MirrorServer]) -> None:
        self._start = start
        self._rows: Mapping[str, Sequence[Row]] = {}
        self._server: MirrorServer | None = None
        self._backwards: MirrorServer | None = None
        self._version: int | None = None
        self._knowledge = Knowledge()
        self._incomplete: Mapping[str, frozenset[str]] = {}
        self._compared: Mapping[str, Sequence[Compared]] = {}

    def expected(self, model: Model, version: int, request: Request, others: Others = NONE) -> Expected | None:
        """The response to a request; None if it depends on rows that are not known.

        Args:
            model: the known rows.
            version: a value that changes with these rows.
            request: the request, which is sent to the reference server.
            others: rows of tables that the model does not have.
        """
        answer, used = self._traced(model, version, request, others)
        if not self._knowledge.decides(request, used):
            return None
        return Expected(answer, frozenset().union(*(self._incomplete.get(table, ()) for table in used)))

    def with_known_rows(self, model: Model, version: int, request: Request, others: Others = NONE) -> Answer:
        """The response with only the known rows."""
        return self._traced(model, version, request, others)[0]

    def _traced(self, model: Model, version: int, request: Request, others: Others) -> tuple[Answer, Collection[str]]:
        """The response of the reference server, and the tables that it depends on."""
        return self._current(model, version, others).trace(request)

    def shown_differently(self, model: Model, version: int, others: Others) -> list["Compared"]:
        """The lists that show the same rows differently from the reference server, or lack rows that the server shows
        elsewhere, though all rows they depend on are known.
        """
        self._current(model, version, others)
        return [
            each
            for table, lists in self._compared.items()
            if is_complete(model, table, others[table])
            for each in lists
            if each.has_no_others and not each.is_same and self._knowledge.tables.union([table]).issuperset(each.used)
        ]

    def _current(self, model: Model, version: int, others: Others) -> MirrorServer:
        """The reference server with the rows that are known now."""
        server = self._server
        if server is None or version != self._version:
            self.close()
            server = self._server = self._opened(model, others)
            self._compared = {
                table: [Compared.of(server, model.moving(table), each) for each in other.lists]
                for table, other in others.items()
            }
            self._knowledge = knowledge_of(self._compared, model, others)
            self._incomplete = {name: incomplete(model, name, some) for name, some in self._rows.items()}
            self._version = version
        return server

    def _opened(self, model: Model, others: Others) -> MirrorServer:
        """A server with the known rows, and with the rows of other lists if these are valid."""
        self._rows = {**known(model), **other_rows(model, others)}
        try:
            return self._start(self._rows)
        except UnderstudyError:
            if not others:
                raise
            return self._opened(model, NONE)

    def is_ordered(self, request: Request, answer: Answer) -> bool:
        """Whether the rows of a response have the same order if the server was given all rows in the opposite order."""
        if self._backwards is None:
            self._backwards = self._start({name: rows[::-1] for name, rows in self._rows.items()})
        return ids(self._backwards.trace(request)[0].body) == ids(answer.body)

    def close(self) -> None:
        """Stop the running servers."""
        for server in filter(None, (self._server, self._backwards)):
            server.close()
        self._server = self._backwards = None


def ids(body: Any) -> list[str]:
    """The ids of the rows of a response, in order."""
    return [str(row["id"]) for row in rows_of(body) or () if "id" in row]


def known(model: Model) -> dict[str, list[dict[str, Any]]]:
    """The known rows by table, without tables that have none."""
    names = [name for name in sorted(model.tables - model.partial) if model.known[name]]
    return {name: complete(model, name) for name in names}


def incomplete(model: Model, table: str, rows: Iterable[Row]) -> frozenset[str]:
    """The ids of rows with fields that change with time and may depend on unknown values of hidden fields."""
    names = model.hidden_in(table) if model.moving(table) else []
    return frozenset(str(row["id"]) for row in rows if any(name not in row for name in names))


def other_rows(model: Model, others: Others) -> dict[str, list[Row]]:
    """The rows in lists, reduced to the fields of the table's rows."""
    rows: dict[str, list[Row]] = {}
    for table, other in others.items():
        fields = set(model.fields(table))
        names = below(model, table, other)
        shown = by_id([{**dict.fromkeys(names, each.parent), **row} for each in other.lists for row in each.rows])
        if shown and other.are_rows:
            rows[table] = [{name: row[name] for name in row if name in fields} for row in shown.values()]
    return rows


def below(model: Model, table: str, other: OtherTable) -> list[str]:
    """The hidden fields with the id of the row of another table that a row is listed below."""
    if other.below is None or other.below.field != "id":
        return []
    references, hidden = model.references(table), model.hidden_in(table)
    return [name for name in hidden if name in references and references[name].table == other.below.table]


def is_complete(model: Model, table: str, other: OtherTable) -> bool:
    """Whether lists show all fields of a table that determine how its rows are shown."""
    hidden = set(model.hidden_in(table)) - set(below(model, table, other))
    return other.are_rows and not hidden and not model.shown_otherwise(table)


def knowledge_of(compared: Mapping[str, Sequence["Compared"]], model: Model, others: Others) -> Knowledge:
    """What is known of tables, judged by whether the reference server shows lists as the server did.

    If it shows a list differently, the rows depend on something that lists do not show. A table without a list has no
    relevant rows, if all lists that depend on it are shown as the server did.
    """
    whole, about = set(model.tables - model.partial), {}
    proven, doubtful = set[str](), {*model.tables, *others}
    for table, lists in compared.items():
        proven.update(*(each.used for each in lists if each.is_same))
        doubtful.update(*(each.used for each in lists if not each.is_same))
        if not others[table].is_whole:
            about[table] = frozenset(name for each in lists if each.is_same for name in each.names)
        elif all(each.is_same for each in lists):
            whole.add(table)
    return Knowledge(frozenset(whole | (proven - doubtful)), about)


@dataclass(frozen=True)
class Compared:
    """A list, the tables that it depends on, and its rows by id, as shown by the reference server and as found.

    Fields that change with time are left out.
    """

    listed: Listed
    used: Collection[str]
    expected: Mapping[str, Row]
    found: Mapping[str, Row]

    @classmethod
    def of(cls, server: MirrorServer, moving: Collection[str], listed: Listed) -> "Compared":
        """The list as the server showed it, compared with the response of the reference server."""
        answer, used = server.trace(listed.request)
        ours, theirs = (by_id(without(moving, list(rows))) for rows in (rows_of(answer.body) or (), listed.rows))
        return cls(listed, used, ours, theirs)

    @cached_property
    def is_same(self) -> bool:
        return same(self.expected, self.found)

    @property
    def has_no_others(self) -> bool:
        """Whether the list has no other rows than the expected ones."""
        return self.found.keys() <= self.expected.keys()

    @property
    def names(self) -> Iterable[str]:
        """The name of the row that the list is below, and the ids of the rows in the list."""
        return (self.listed.parent, *by_id(self.listed.rows))


def complete(model: Model, table: str) -> list[dict[str, Any]]:
    """The known rows of a table, with the values of hidden fields as far as they are known."""
    names, references = model.hidden_in(table), model.hidden_references(table)
    return [{**copied(names, row), **referred(references, row), **row} for row in model.known[table].values()]


def referred(names: Mapping[str, str], row: Row) -> dict[str, Any]:
    """The values of hidden fields that hold the id of a row which another field shows."""
    shown = {name: row.get(field) for name, field in names.items()}
    return {name: part["id"] for name, part in shown.items() if isinstance(part, dict) and "id" in part}


def copied(names: Iterable[str], row: Row) -> dict[str, Any]:
    """The values of fields that repeat a part of a shown object: `state_name` is the `name` of the field `state`."""
    return {
        name: part[name.removeprefix(f"{field}_")]
        for name in names
        for field, part in row.items()
        if isinstance(part, dict) and name.startswith(f"{field}_") and name.removeprefix(f"{field}_") in part
    }
