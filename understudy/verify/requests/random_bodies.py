"""Random bodies and values for a session, with ids and names of the session's rows."""

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from understudy.contract.contract import Place
from understudy.sampling.random_requests import RequestGenerator
from understudy.verify.requests.created_rows import is_refined
from understudy.verify.requests.endpoint import PAGE, Endpoint, example_of, schema_of
from understudy.verify.requests.endpoint_map import Selection
from understudy.verify.requests.session_operations import SessionOperations, selecting
from understudy.verify.requests.session_rows import NoRow, SessionRows

NAMES = "abcd"  # few names, so that several rows have the same one
TEXTS = ("", "text", "É e\u0301 漢字", "line\nbreak", '{"a": 1}', " outer spaces ")
TIME = "2026-03-29T03:30:00.500+02:00"  # a text, where any value is allowed
ANYTHING: Sequence[Any] = (None, True, 3, 1.5, 2.0, 2**53 + 1, 2**63, "text", TIME, [], {"a": {"b": [1.0]}, "é": None})
HOURS = (-48, -1, 1, 30)  # offsets of random times from the present


class RandomBodies:
    """Draws bodies.

    Args:
        operations: the operations of the session.
        rows: the rows of the session.
        randomness: the random generator.
        mark: a text that no other row has.
    """

    def __init__(self, operations: SessionOperations, rows: SessionRows, randomness: random.Random, mark: str) -> None:
        self._operations = operations
        self._rows = rows
        self._random = randomness
        self._mark = mark
        self._filters = RequestGenerator((), rows.samples, randomness)
        self._now = datetime.now(timezone.utc).replace(microsecond=0)

    def body(self, endpoint: Endpoint) -> Any:
        schema = endpoint.body
        if schema is None:
            return None
        if endpoint.selects and not endpoint.parameters:
            return self._selection(endpoint, schema)
        example = example_of(endpoint)
        if "properties" not in schema.value:
            return self.drawn(schema, "") if schema.value.get("type") == "array" else {self._mark: self._mark, "É": 1.5}
        fixed = {
            name: example[name] for name, part in schema.entries("properties") if name in example and is_refined(part)
        }
        return self._object(schema, fixed, self._content(endpoint))

    def changed(self, endpoint: Endpoint, body: Any) -> Any:
        """A body in which one value is replaced by a random one, added or omitted, unless it selects rows."""
        if endpoint.body is None or endpoint.selects:
            return body
        try:
            return self._changed(endpoint.body, body, "")
        except NoRow:
            return body

    def _changed(self, place: Place, value: Any, name: str) -> Any:
        if isinstance(value, dict) and "properties" in place.value:
            return self._changed_object(place, value)
        if isinstance(value, list) and value and isinstance(value[0], dict) and "items" in place.value:
            index = self._random.randrange(len(value))
            changed = self._changed(place["items"], value[index], name)
            alike = [value[index]] if self._chance(0.3) else []  # sometimes both items
            return [*value[:index], changed, *alike, *value[index + 1 :]]
        return self.drawn(place, name)

    def _changed_object(self, place: Place, value: Mapping[str, Any]) -> Mapping[str, Any]:
        parts = dict(place.entries("properties"))
        names = value if value and self._chance(0.7) else parts
        possible = [each for each in names if each in parts and self._is_free(parts[each], each)]
        if not possible:
            return value
        name = self._random.choice(possible)
        if self._chance(0.2):
            return {each: part for each, part in value.items() if each != name}
        return {**value, name: self._changed(parts[name], value.get(name), name)}

    def _is_free(self, place: Place, name: str) -> bool:
        """Whether a value can be replaced: not if it selects rows, or if a handler determines which values are
        valid.
        """
        return not self._lists_rows(place, name) and not is_refined(place)

    def _content(self, endpoint: Endpoint) -> list[str]:
        """The fields that distinguish a new row from those of others, if it has no name for that."""
        table = self._operations.created(endpoint)
        given = schema_of(endpoint).value["properties"].keys()
        unique = self._operations.fields.unique.get(table, ())
        is_named = not unique or any(given >= set(names) for names in unique)
        parts = schema_of(endpoint).entries("properties")
        return [] if is_named else [name for name, part in parts if part.value.get("type") == "object"]

    def _selection(self, endpoint: Endpoint, schema: Place) -> dict[str, Any]:
        """A body that selects some rows of the session."""
        selection = Selection(endpoint.selects, endpoint)
        operator = self._random.choice(selecting(selection))
        seen = self._rows.samples.seen(operator.table, operator.fields)
        values = list(filter(self._rows.is_given, seen))
        if not values:
            raise NoRow(operator.table)
        body = {
            name: self._filters.filter(part, part.value["x-filters"], ())
            for name, part in selection.filters.items()
            if self._chance(0.1)
        }
        own = body.get(selection.own) or {}
        # What happens to several rows may depend on the order of their ids, which is another on each server.
        most = self._random.randint(1, 4) if endpoint.is_safe else 1
        some = self._random.sample(values, k=min(len(values), most))
        chosen = operator.filters(some)[selection.own]
        others = {
            name: self.drawn(part, name)
            for name, part in schema.entries("properties")
            if name not in selection.filters and (self._chance(0.3) or name in schema.value.get("required", ()))
        }
        return {**body, selection.own: {**own, **chosen, **joined_by_and(selection)}, **others}

    def drawn(self, place: Place, name: str) -> Any:
        """A random value for a schema.

        Raises:
            NoRow: it must be the value of a row that does not exist yet.
        """
        schema = place.value
        if schema.get("nullable") and not self._lists_rows(place, name) and self._chance(0.15):
            return None
        if "x-names" in schema:
            table, _, field = schema["x-names"].partition(".")
            return self._rows.value(table, field)
        if schema.get("format") == "uuid" and (table := self._operations.fields.table_of(name)):
            return self._rows.value(table, "id")
        for combiner in ("anyOf", "oneOf"):
            if combiner in schema:
                return self.drawn(self._random.choice(place.each(combiner)), name)
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
        is_name = name in self._operations.fields.names or "pattern" in place.value or self._chance(0.5)
        return f"{self._mark}-{self._random.choice(NAMES)}" if is_name else self._random.choice(TEXTS)

    def _number(self, place: Place, name: str) -> int:
        if name == PAGE:
            return 1  # a later one may have no rows, but be about those of others
        low, high = place.value.get("minimum", 0), place.value.get("maximum", 10_000)
        return int(self._random.choice([min(low + step, high) for step in (0, 1, 2, 5, 100)]))

    def _array(self, place: Place, name: str) -> list[Any]:
        least = max(place.value.get("minItems", 0), int(self._lists_rows(place, name)))
        size = least + self._random.choice([0, 1, 1, 2, 4])
        return [self._own(self.drawn(place["items"], name)) for _ in range(size)]

    def _own(self, item: Any) -> Any:
        # Texts in a list often name something, such as a tag or a limit, which must not be that of others.
        return f"{self._mark}-{item}" if item in TEXTS else item

    def _lists_rows(self, place: Place, name: str) -> bool:
        """Whether a value is a list of ids of rows."""
        return place.value.get("type") == "array" and bool(self._operations.fields.table_of(name))

    def _object(self, place: Place, given: Mapping[str, Any], always: Iterable[str] = ()) -> dict[str, Any]:
        """An object with some of its fields."""
        body = dict(given)
        required = {*place.value.get("required", ()), *always}
        for name, part in place.entries("properties"):
            if name in given or not (name in required or (not is_refined(part) and self._chance(0.35))):
                continue
            try:
                body[name] = self.drawn(part, name)
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
            return {each: self.drawn(place["additionalProperties"], name) for each in names}
        return {each: self._random.choice(ANYTHING) for each in names}

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def is_untyped(place: Place) -> bool:
    return bool(place.value.keys().isdisjoint(("type", "enum", "anyOf", "oneOf")))


def joined_by_and(selection: Selection) -> dict[str, str]:
    """The property of the filter on the rows themselves that combines its criteria by `and_`, if it has one."""
    parts = selection.filters[selection.own].entries("properties")
    return {name: "and_" for name, part in parts if part.value.get("x-combines")}
