"""Random requests for a contract and its data: every filter, operator, sort and page."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

from understudy.contract.contract import Contract, Place
from understudy.sampling.answers import Order
from understudy.sampling.sample_values import Samples

WITH_BODY = ("POST", "PATCH", "PUT")  # methods whose requests always have a body
SEARCHES = ("{}", "{}", "{}", "-{}", "!{}", "+{}", '"{}"', '-"{}"', '+"{}"')  # of a word, or of several
OTHER_CASE = 0.1  # the share of texts in lists that are sent in the other case
CUT = 0.3  # the share of texts of which only the beginning is sent
QUERY_SHARE = 10  # the weight of an operation with a body; that of others is 1

Operation = tuple[str, str, Place]
"""Method, path and place of an operation."""


@dataclass(frozen=True)
class Request:
    """A request. Its path is relative to the API's base path.

    `operation` is its path in the contract, `schema` that of its body, if it takes one, and `headers` are further
    headers. `content` is sent instead of the JSON of `body`, if it is given. The response may be late by `within`
    seconds, and `optional` is the name of an optional service that the response depends on. If there are several
    `clients`, all of them send the request at the same time.
    """

    method: str
    path: str
    operation: str
    body: Any = None
    schema: Place | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    within: float = field(default=0.0, compare=False)
    optional: str = field(default="", compare=False)
    clients: int = 1

    @property
    def encoded(self) -> bytes | None:
        """The body as it is sent, in UTF-8 as clients write it, or escaped if it has a lone surrogate; None without
        one.
        """
        if self.content is not None or (self.body is None and self.method not in WITH_BODY):
            return self.content
        try:
            return json.dumps(self.body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return json.dumps(self.body).encode()

    @property
    def order(self) -> Order | None:
        """The order of the rows of the response; None without rows or without an order."""
        return None if self.schema is None else order_of(self.schema, self.body)


class RequestGenerator:
    """Draws requests to some operations, with sample values."""

    def __init__(self, operations: Iterable[Operation], samples: Samples, randomness: random.Random) -> None:
        self._operations = list(operations)
        self._samples = samples
        self._random = randomness

    def requests(self, count: int) -> Iterator[Request]:
        """Random requests, mostly to operations with a body."""
        weights = [QUERY_SHARE if "requestBody" in operation.value else 1 for _, _, operation in self._operations]
        for method, path, operation in self._random.choices(self._operations, weights, k=count):
            yield self.request(method, path, operation)

    def request(self, method: str, path: str, operation: Place) -> Request:
        schema = body_schema(operation)
        body = None if schema is None else self.body(schema)
        return Request(method, self.filled(path, operation), path, body, schema)

    def filled(self, path: str, operation: Place) -> str:
        """A path with its parameters, and with a query: the required parameters, and sometimes others."""
        query: dict[str, Any] = {}
        for parameter in operation.each("parameters"):
            name = parameter.value["name"]
            if parameter.value["in"] == "path":
                path = path.replace(f"{{{name}}}", quote(str(self.parameter(parameter)), safe="", errors="replace"))
            elif parameter.value["in"] == "query" and parameter.value.get("required"):
                query[name] = self.parameter(parameter)
            elif parameter.value["in"] == "query" and self._chance(0.4):
                query[name] = self.plain(parameter["schema"])
        return with_query(path, query)

    def parameter(self, place: Place) -> Any:
        table, _, field = place.value.get("x-names", "").partition(".")
        if not table and "enum" in place["schema"].value:
            return self.plain(place["schema"])
        drawn = self._samples.draw(place["schema"], table, [field]) if table else self.text_of(place)
        return place.value.get("example", "") if drawn is None else drawn

    def text_of(self, place: Place) -> str | None:
        """A text with the value of a field that a parameter or a schema allows; None if no such value is known."""
        sources = [(*name.partition(".")[::2], prefix) for name, prefix in place.value.get("x-texts-of", {}).items()]
        texts = [f"{prefix}{value}" for table, field, prefix in sources for value in self._samples.seen(table, [field])]
        return self._random.choice(texts) if texts else None

    def body(self, schema: Place) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, part in schema["properties"].items():
            if "x-filters" in part.value:
                if self._chance(0.45):
                    body[name] = self.filter(part, part.value["x-filters"], ())
            elif self._chance(0.95 if name in schema.value.get("required", ()) else 0.6):
                body[name] = self.plain(part)
        return body

    def plain(self, place: Place) -> Any:
        schema = place.value
        if "enum" in schema:
            return self._random.choice([word for word in schema["enum"] if word is not None])
        if schema.get("type") not in ("integer", "number"):
            return self.sample(place)
        low, high, default = schema.get("minimum", 0), schema.get("maximum", 100), schema.get("default")
        near = (min(low + step, high) for step in (0, 1, 2, 4, 19, 998))
        return self._random.choice([None, default, default, default, *near])

    def sample(self, place: Place) -> Any:
        """A value of any row, except numbers; an id is mostly that of a row of the referenced table."""
        schema = place.value
        if "anyOf" in schema:
            return self.sample(self._random.choice(place.each("anyOf")))
        if "x-texts-of" in schema and "format" not in schema:
            return self.cut(self.text_of(place) or "")
        if schema["type"] == "array":
            size = self._random.choice([0, 1, 2, 3, 8])
            size = min(max(size, schema.get("minItems", 0)), schema.get("maxItems", size))
            return [self.sample(place["items"]) for _ in range(size)]
        if schema["type"] == "boolean":
            return self._chance(0.5)
        if schema["type"] == "object":
            return self.some_parts(place)
        return self.text_of(place) or self._samples.draw(place, schema.get("x-references", ""), ["id"])

    def some_parts(self, place: Place) -> dict[str, Any]:
        """An object with its required properties, and a few others."""
        parts, required = dict(place.entries("properties")), place.value.get("required", ())
        names = self._random.sample(list(parts), k=min(len(parts), self._random.choice([0, 1, 1, 2, 3])))
        return {name: self.plain(parts[name]) for name in dict.fromkeys((*required, *names)) if name in parts}

    def cut(self, text: str) -> str:
        """A text, or sometimes only its beginning, which is another value."""
        return text[: self._random.randrange(len(text))] if text and self._chance(CUT) else text

    def filter(self, place: Place, table: str, fields: Iterable[str]) -> dict[str, Any] | None:
        if self._chance(0.03):
            return None
        parts = dict(place["properties"].items())
        combiner = next((name for name, part in parts.items() if part.value.get("x-combines")), None)
        names = [name for name in parts if name != combiner]
        found: dict[str, Any] = {}
        for name in self._random.sample(names, k=min(len(names), self._random.choice([0, 1, 1, 1, 2, 2, 3]))):
            part = parts[name]
            if "properties" in part.value:
                found[name] = self.filter(part, table, fields_of(part) or [name])
            else:
                found[name] = self.operand(part, table, fields_of(part) or fields)
        if combiner is not None and self._chance(0.3):
            found[combiner] = self._random.choice(parts[combiner].value["enum"])
        return found

    def operand(self, place: Place, table: str, fields: Iterable[str]) -> Any:
        schema = place.value
        if self._chance(0.03):
            return None
        if schema["type"] == "boolean":
            return self._random.choice([True, False])
        if schema["type"] == "integer":
            seen = self._samples.seen(table, fields)
            return self._random.choice(seen if seen and self._chance(0.8) else [0, 1, 5])
        if schema["type"] == "array":
            size = self._random.choice([0, 1, 1, 2, 3, 8])
            drawn = [self._samples.draw(place["items"], table, fields) for _ in range(size)]
            return [self.spelling(place["items"], value) for value in drawn if value is not None]
        drawn = self._samples.draw(place, table, fields)
        if schema.get("x-operator") == "search_" and drawn is not None:
            return searched(self._random, str(drawn))
        return drawn if drawn is None or "format" in schema else self.pattern(str(drawn))

    def spelling(self, place: Place, value: Any) -> Any:
        """A value, or sometimes, where any text is allowed, the value in the other case."""
        is_text = place.value.get("type") == "string" and place.value.keys().isdisjoint(("format", "enum"))
        return value.swapcase() if is_text and isinstance(value, str) and self._chance(OTHER_CASE) else value

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def pattern(self, text: str) -> str:
        """A part of a text, with some letters replaced by wildcards, in upper or lower case."""
        start = self._random.randrange(len(text) + 1)
        piece = text[start : start + self._random.choice([0, 1, 2, 3, 8])]
        if piece and self._chance(0.3):
            at = self._random.randrange(len(piece))
            piece = piece[:at] + self._random.choice("%_") + piece[at + 1 :]
        return self._random.choice([piece, piece, piece.upper(), piece.lower()])


def searched(randomness: random.Random, text: str) -> str:
    """A search for some words of a text, or for phrases of two words: for any, all or none of them."""
    words = text.split()
    parts = [*words, *map(" ".join, pairwise(words))]
    chosen = randomness.sample(parts, k=min(len(parts), randomness.choice([1, 1, 2, 3])))
    return " ".join(randomness.choice(SEARCHES).format(part) for part in chosen)


def with_query(path: str, values: Mapping[str, Any]) -> str:
    """A path with query parameters, except those that are null."""
    query = urlencode({name: as_text(value) for name, value in values.items() if value is not None}, errors="replace")
    return f"{path}?{query}" if query else path


def as_text(value: Any) -> str:
    """A value as text in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def safe_operations(contract: Contract) -> Iterator[Operation]:
    """The operations that change nothing: GET, or with `x-safe`."""
    for _, operation in contract.operations():
        path, _, method = operation.path.removeprefix("/paths/").rpartition("/")
        if method == "get" or operation.value.get("x-safe"):
            yield method.upper(), path, operation


def body_schema(operation: Place) -> Place | None:
    request = operation.get("requestBody")
    return None if request is None else request.json_schema


def order_of(schema: Place, body: Mapping[str, Any] | None) -> Order | None:
    """The order of the rows in the response to a body, from the body or the contract's defaults; None without one."""
    given = body or {}
    numbers = {name: part for name, part in schema["properties"].items() if part.value.get("type") == "integer"}
    is_paged = any(given.get(name) is not None for name in numbers)
    whole_below = 0 if is_paged else max((part.value.get("default", 0) for part in numbers.values()), default=0)
    if "x-order" in schema.value:
        return Order(schema.value["x-order"].removeprefix("-"), whole_below)
    for name, part in schema["properties"].items():
        if "x-sorts" in part.value:
            word = given.get(name) or part.value["default"]
            return Order(str(part.value["x-sorts"][word]).removeprefix("-"), whole_below)
    return None


def fields_of(place: Place) -> list[str]:
    """The fields in the annotations of a part of a filter."""
    schema = place.value
    named = [field for key in ("x-coalesce", "x-either", "x-joined") for field in schema.get(key, ())]
    if "x-field" in schema:
        named.append(schema["x-field"])
    return [name.rpartition("/")[2] for name in named]


def names_in(body: Any, way: str = "") -> Iterator[str]:
    """The paths of the names in a body, without the values."""
    if isinstance(body, dict) and body:
        for name, part in body.items():
            yield from names_in(part, f"{way}.{name}" if way else name)
    elif way:
        yield way
