"""Random sessions: requests to many operations, about a few rows that the session itself creates."""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from understudy.contract.catalog import Catalog
from understudy.contract.contract import Place
from understudy.sampling.answers import Answer, Row
from understudy.sampling.random_requests import Request, RequestGenerator
from understudy.sampling.sample_values import Samples
from understudy.verify.requests.created_rows import is_refined
from understudy.verify.requests.endpoints import PAGE, Endpoint, EndpointMap, Selection, example_of, schema_of
from understudy.verify.requests.field_operators import FieldOperator, field_operators_of

FOCUS = 25  # how often an operation of the session's topic is drawn, for each other one
RARE = 0.4  # how often an operation that deletes a row is drawn, for each other one
OFTEN = 3  # how often one is drawn that does something to a row, such as setting its state
AGAIN = 0.7  # of the writes to a row are followed by a read of it
NAMES = "abcd"  # so few that rows meet each other
TEXTS = ("", "text", "É e\u0301 漢字", "line\nbreak", '{"a": 1}', " outer spaces ")
ANYTHING: Sequence[Any] = (None, True, 3, 1.5, "text", {"a": {"b": [1.0]}, "é": None})
HOURS = (-48, -1, 1, 30)  # from now, of times
DEPTH = 3  # of rows that are created since another row refers to them


class NoRow(Exception):
    """A request needs a row of a table that the session does not have yet."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


@dataclass(frozen=True)
class Fields:
    """What names of fields say, in requests to any operation.

    Args:
        references: the tables of the rows whose ids they have.
        parents: those of rows that a row depends on.
        names: those whose values differ between the rows of a table.
        unique: the fields that do so together, by table.
    """

    references: Mapping[str, str]
    parents: frozenset[str]
    names: frozenset[str]
    unique: Mapping[str, Sequence[Sequence[str]]]

    @classmethod
    def of(cls, catalog: Catalog) -> "Fields":
        """Those of the rows of all tables."""
        references: dict[str, str] = {}
        names, parents = {"name"}, set()
        for schema in catalog.tables.values():
            names.update(*schema.unique)
            for field, reference in schema.references.items():
                references.setdefault(field, reference.table)
                parents.update([field] if reference.on_delete else [])
        return cls(
            references,
            frozenset(parents),
            frozenset(names),
            {table: schema.unique for table, schema in catalog.tables.items()},
        )

    def is_shared(self, endpoint: Endpoint) -> bool:
        """Whether the only name in a path is one that several rows may have, below different other rows."""
        if len(endpoint.parameters) != 1 or "x-names" not in endpoint.parameters[0].value:
            return False
        table, _, field = endpoint.parameters[0].value["x-names"].partition(".")
        sets = [names for names in self.unique.get(table, ()) if field in names]
        return bool(sets) and all(len(names) > 1 for names in sets)


class Session:
    """Draws the requests of a session, one after the other.

    Args:
        endpoint_map: the operations.
        fields: what names of fields say.
        randomness: draws.
        mark: a text that no other row has.
        topic: whether an operation belongs to what the session is about.
    """

    def __init__(
        self,
        endpoint_map: EndpointMap,
        fields: Fields,
        randomness: random.Random,
        mark: str,
        topic: Callable[[Endpoint], bool],
    ) -> None:
        self._map = endpoint_map
        self._fields = fields
        self._random = randomness
        self._mark = mark
        self._samples = Samples(randomness)
        self._filters = RequestGenerator((), self._samples, randomness)
        self._rows: dict[str, dict[str, Row]] = {}
        self._own: set[str] = set()
        self._now = datetime.now(timezone.utc).replace(microsecond=0)
        self._endpoints = [
            each
            for each in endpoint_map.endpoints
            if is_about_own_rows(each, fields.references) and not fields.is_shared(each)
        ]
        self._weights = [(FOCUS if topic(each) else 1) * weight_of(each) for each in self._endpoints]
        self._written: tuple[Endpoint, Request] | None = None

    # ------------------------------------------------------------------ rows

    def learn(self, endpoint: Endpoint, request: Request, answer: Answer) -> bool:
        """Know the rows of a response. Returns whether all of them depend on nothing but rows of the session."""
        if endpoint.success is None or not answer.is_success:
            return True
        return self._learn(endpoint.success, answer.body, f"{request.path} {request.body}", self._created(endpoint))

    def _learn(self, schema: Place, value: Any, sent: str, table: str = "") -> bool:
        """Know the rows in a value, of a table if its schema does not name another one."""
        if isinstance(value, list) and "items" in schema.value:
            are_own = [self._learn(schema["items"], item, sent) for item in value]
            return all(are_own)
        if not isinstance(value, dict):
            return True
        if "id" not in value:
            are_own = [self._learn(part, value.get(name), sent) for name, part in schema.entries("properties")]
            return all(are_own)
        if not self._is_own(value, sent) or self._has_common_name(value, schema.value.get("x-table", table)):
            return False
        self._keep(schema, value, table)
        return True

    def _has_common_name(self, row: Row, table: str) -> bool:
        """Whether rows below other rows may have the same name, such as that of a default."""
        tables = [table] if table else self._fields.unique
        sets = (names for each in tables for names in self._fields.unique.get(each, ()))
        is_shared = any("name" in names and len(names) > 1 and row.keys() >= set(names) for names in sets)
        return is_shared and not self._is_given(row.get("name"))

    def _keep(self, schema: Place, value: Any, table: str = "") -> None:
        """Know a row of the session, and those within it."""
        if isinstance(value, list) and "items" in schema.value:
            for item in value:
                self._keep(schema["items"], item)
        if isinstance(value, dict):
            for name, part in schema.entries("properties"):
                self._keep(part, value.get(name))
            if "id" in value:
                self._own.add(str(value["id"]))
                self._rows.setdefault(schema.value.get("x-table", table), {})[str(value["id"])] = value
            if "x-table" in schema.value:
                self._samples.learn(schema, [value])

    def _is_own(self, row: Row, sent: str) -> bool:
        """Whether a row has a name of the session, or refers to its rows, and depends on no others."""
        text = json.dumps(row)
        referred = {row[name] for name in row.keys() & self._fields.parents}
        is_related = self._mark in text or any(row_id in text for row_id in self._own)
        return is_related and all(each is None or each in self._own or each in sent for each in referred)

    def _is_given(self, value: Any) -> bool:
        """Whether a value is an id or a name of a row of the session that no other row has."""
        return isinstance(value, str) and (value in self._own or self._mark in value)

    def _value(self, table: str, field: str, *, any_name: bool = False) -> Any:
        """The value of a field of one of the session's rows: one that no other row has, or any.

        Raises:
            NoRow: the session has no such row.
        """
        values = [value for row in self._rows.get(table, {}).values() if (value := row.get(field)) is not None]
        values = [value for value in values if any_name or self._is_given(value)]
        if not values:
            raise NoRow(table)
        return self._random.choice(values)

    # -------------------------------------------------------------- requests

    def next(self) -> tuple[Endpoint, Request]:
        """The next operation and request: after a write, mostly one that reads a row that it is about."""
        drawn = self._reading(*self._written) if self._written is not None and self._chance(AGAIN) else None
        while drawn is None:
            drawn = self._possible(self._random.choices(self._endpoints, self._weights)[0], DEPTH)
        self._written = None if drawn[0].is_safe else drawn
        return drawn

    def _reading(self, endpoint: Endpoint, request: Request) -> tuple[Endpoint, Request] | None:
        """An operation that reads a row that a write is about: that in its path, or one that its body refers to."""
        way, parts = endpoint.path.split("/"), request.path.split("/")
        found = [
            (reads, Request("GET", "/".join(parts[:size]), reads.path))
            for size in range(len(way), 1, -1)
            for reads in self._endpoints
            if reads.method == "GET" and reads.path.split("/") == way[:size]
        ]
        return found[0] if found and self._chance(AGAIN) else self._reading_of(f"{request.path} {request.body}")

    def _reading_of(self, sent: str) -> tuple[Endpoint, Request] | None:
        """An operation whose path names one of the rows whose ids or names are in a request."""
        rows = [(table, row) for table, rows in self._rows.items() for row in rows.values() if is_named(row, sent)]
        found = [
            (reads, reads.request(**{name: str(row[field])}))
            for table, row in rows
            for reads in self._endpoints
            if reads.method == "GET" and len(reads.parameters) == 1
            for name, named, field in [place_of(reads)]
            if named == table and self._is_given(row.get(field))
        ]
        return self._random.choice(found) if found else None

    def _possible(self, endpoint: Endpoint, depth: int) -> tuple[Endpoint, Request] | None:
        """A request to an operation or, if it needs a row, one that creates that; None without one."""
        try:
            return endpoint, self._request(endpoint)
        except NoRow as error:
            creates = self._map.creates.get(error.table)
        return None if creates in (None, endpoint) or depth == 0 else self._possible(creates, depth - 1)

    def _created(self, endpoint: Endpoint) -> str:
        """The table that an operation adds rows to; empty if it adds none."""
        return next((table for table, creates in self._map.creates.items() if creates == endpoint), "")

    def _request(self, endpoint: Endpoint) -> Request:
        path, query = endpoint.path, {}
        for parameter in endpoint.place.each("parameters"):
            name, kind = parameter.value["name"], parameter.value["in"]
            if kind == "path":
                path = path.replace(
                    f"{{{name}}}", quote(str(self._parameter(parameter, endpoint)), safe="", errors="replace")
                )
            elif kind == "query" and (parameter.value.get("required") or "x-names" in parameter.value):
                query[name] = self._parameter(parameter, endpoint)
        path = f"{path}?{urlencode(query, errors='replace')}" if query else path
        return Request(endpoint.method, path, endpoint.path, self._body(endpoint), endpoint.body)

    def _parameter(self, place: Place, endpoint: Endpoint) -> Any:
        if "x-names" in place.value:
            table, _, field = place.value["x-names"].partition(".")
            others = [each.value["name"] for each in endpoint.parameters[:1]]
            # Below another row, a name may be one that many rows have, such as that of a default.
            return self._value(table, field, any_name=place.value["name"] not in others)
        return place.value.get("example", self._drawn(place["schema"], place.value["name"]))

    # ---------------------------------------------------------------- bodies

    def _body(self, endpoint: Endpoint) -> Any:
        schema = endpoint.body
        if schema is None:
            return None
        if "x-selects" in schema.value and not endpoint.parameters:
            return self._selection(endpoint, schema)
        example = example_of(endpoint)
        if "properties" not in schema.value:
            return (
                self._drawn(schema, "") if schema.value.get("type") == "array" else {self._mark: self._mark, "É": 1.5}
            )
        fixed = {
            name: example[name] for name, part in schema.entries("properties") if name in example and is_refined(part)
        }
        return self._object(schema, fixed, self._content(endpoint))

    def _content(self, endpoint: Endpoint) -> list[str]:
        """The fields that make a new row differ from those of others, if it has no name for that."""
        table = self._created(endpoint)
        given = schema_of(endpoint).value["properties"].keys()
        unique = self._fields.unique.get(table, ())
        is_named = not unique or any(given >= set(names) for names in unique)
        parts = schema_of(endpoint).entries("properties")
        return [] if is_named else [name for name, part in parts if part.value.get("type") == "object"]

    def _selection(self, endpoint: Endpoint, schema: Place) -> dict[str, Any]:
        """A body that selects some of the session's rows."""
        selection = Selection(schema.value["x-selects"], endpoint)
        operator = self._random.choice(selecting(selection))
        seen = self._samples.seen(operator.table, operator.fields)
        values = list(filter(self._is_given, seen))
        if not values:
            raise NoRow(operator.table)
        body = {
            name: self._filters.filter(part, part.value["x-filters"], ())
            for name, part in selection.filters.items()
            if self._chance(0.1)
        }
        own = body.get(selection.own) or {}
        combiner = {
            name: "and_"
            for name, part in selection.filters[selection.own].entries("properties")
            if part.value.get("x-combines")
        }
        some = self._random.sample(values, k=min(len(values), self._random.randint(1, 4)))
        chosen = operator.filters(some)[selection.own]
        others = {
            name: self._drawn(part, name)
            for name, part in schema.entries("properties")
            if name not in selection.filters and (self._chance(0.3) or name in schema.value.get("required", ()))
        }
        return {**body, selection.own: {**own, **chosen, **combiner}, **others}

    def _drawn(self, place: Place, name: str) -> Any:
        """A value for a schema.

        Raises:
            NoRow: it must be that of a row that is not there yet.
        """
        schema = place.value
        if schema.get("nullable") and not self._lists_rows(place, name) and self._chance(0.15):
            return None
        if "x-names" in schema:
            table, _, field = schema["x-names"].partition(".")
            return self._value(table, field)
        if schema.get("format") == "uuid" and (table := self._fields.references.get(name.removesuffix("s"))):
            return self._value(table, "id")
        for combiner in ("anyOf", "oneOf"):
            if combiner in schema:
                return self._drawn(self._random.choice(place.each(combiner)), name)
        if "enum" in schema:
            return self._random.choice([word for word in schema["enum"] if word is not None])
        return self._random.choice(ANYTHING) if is_untyped(place) else self._typed(place, name)

    def _typed(self, place: Place, name: str) -> Any:
        match place.value["type"]:
            case "string":
                return self._string(place, name)
            case "array":
                return self._array(place, name)
            case "object":
                return self._any_object(place, name)
            case "boolean":
                return self._chance(0.5)
        return self._number(place, name)

    def _string(self, place: Place, name: str) -> str:
        match place.value.get("format"):
            case "date-time":
                moment = self._now + timedelta(hours=self._random.choice(HOURS))
                return moment.isoformat().replace("+00:00", "Z")
            case "uuid":
                return str(UUID(int=self._random.getrandbits(128), version=4))
            case "date":
                return self._now.date().isoformat()
        is_name = name in self._fields.names or "pattern" in place.value or self._chance(0.5)
        return f"{self._mark}-{self._random.choice(NAMES)}" if is_name else self._random.choice(TEXTS)

    def _number(self, place: Place, name: str) -> int:
        if name == PAGE:
            return 1  # a later one may have no rows, but be about those of others
        low, high = place.value.get("minimum", 0), place.value.get("maximum", 10_000)
        return int(self._random.choice([min(low + step, high) for step in (0, 1, 2, 5, 100)]))

    def _array(self, place: Place, name: str) -> list[Any]:
        least = max(place.value.get("minItems", 0), int(self._lists_rows(place, name)))
        size = least + self._random.choice([0, 1, 1, 2, 4])
        return [self._drawn(place["items"], name) for _ in range(size)]

    def _lists_rows(self, place: Place, name: str) -> bool:
        """Whether a value is a list of ids of rows."""
        return place.value.get("type") == "array" and name.removesuffix("s") in self._fields.references

    def _object(self, place: Place, given: Mapping[str, Any], always: Iterable[str] = ()) -> dict[str, Any]:
        """An object with some of its fields."""
        body = dict(given)
        required = {*place.value.get("required", ()), *always}
        for name, part in place.entries("properties"):
            if name in given or not (name in required or (not is_refined(part) and self._chance(0.35))):
                continue
            try:
                body[name] = self._drawn(part, name)
            except NoRow:
                if name in required or self._chance(0.3):
                    raise
        return body

    def _any_object(self, place: Place, name: str) -> dict[str, Any]:
        if "properties" in place.value:
            # A value of any type may be one that only some handlers accept.
            untyped = {name: None for name, part in place.entries("properties") if is_untyped(part)}
            # Without the ids of rows, it may select those of others.
            lists = [name for name, part in place.entries("properties") if self._lists_rows(part, name)]
            return self._object(place, untyped, lists)
        others = place.value.get("additionalProperties", True)
        names = [f"{self._mark}-a", *self._random.sample(["key", "É"], k=self._random.randint(0, 2))]
        if isinstance(others, dict):
            return {each: self._drawn(place["additionalProperties"], name) for each in names}
        return {each: self._random.choice(ANYTHING) for each in names}

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def is_untyped(place: Place) -> bool:
    return bool(place.value.keys().isdisjoint(("type", "enum", "anyOf", "oneOf")))


def is_named(row: Row, text: str) -> bool:
    """Whether a text has the id or the name of a row."""
    return str(row["id"]) in text or (bool(row.get("name")) and str(row["name"]) in text)


def place_of(endpoint: Endpoint) -> tuple[str, str, str]:
    """The only parameter of a path, with the table and the field whose values it takes."""
    parameter = endpoint.parameters[0].value
    table, _, field = parameter.get("x-names", "").partition(".")
    return parameter["name"], table, field


def acts(endpoint: Endpoint) -> bool:
    """Whether an operation does something to a row, and not just changes its fields."""
    return not endpoint.is_safe and bool(endpoint.parameters) and not endpoint.path.endswith("}")


def weight_of(endpoint: Endpoint) -> float:
    """How often an operation is drawn, for each other one of its topic."""
    return RARE if endpoint.method == "DELETE" else OFTEN if acts(endpoint) else 1


def selecting(selection: Selection) -> list[FieldOperator]:
    """The operators that select rows by some of their own ids or names."""
    return [
        each
        for each in field_operators_of(selection)
        if each.filter == selection.own
        and each.operator == "any_"
        and each.way == (selection.own, each.way[-1])
        and not each.is_either
        and any(field == "id" or field.endswith(("_id", "name", "key")) for field in each.fields)
    ]


def is_about_own_rows(endpoint: Endpoint, references: Mapping[str, str]) -> bool:
    """Whether a request can be about rows of the session alone."""
    parameters = endpoint.place.each("parameters")
    if any("x-names" in each.value for each in parameters):
        return True
    if endpoint.body is None:
        return False
    if "x-selects" in endpoint.body.value:
        return bool(selecting(Selection(endpoint.body.value["x-selects"], endpoint)))
    return "201" in endpoint.place["responses"].value or refers(endpoint.body, references)


def refers(schema: Place, references: Mapping[str, str], within: frozenset[str] = frozenset()) -> bool:
    """Whether a value of a schema has the id or name of a row."""
    if schema.path in within:
        return False
    if "x-names" in schema.value:
        return True
    inside = within | {schema.path}
    if schema.value.get("type") == "array":
        return refers(schema["items"], references, inside)
    return any(
        name.removesuffix("s") in references or refers(part, references, inside)
        for name, part in schema.entries("properties")
    )
