"""An operation of a contract: its request, its response, and what it does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from understudy.contract.contract import MEDIA_TYPE, STREAMS, Place
from understudy.sampling.conversations import STREAM
from understudy.sampling.random_requests import Request, body_schema

SUCCESSES = ("200", "201")
EARLIEST = "1970-01-01T00:00:00Z"
LIMIT, OFFSET, PAGE = "limit", "offset", "page"  # what the contract calls the parts of a query that cut its rows


@dataclass(frozen=True)
class Endpoint:
    """An operation: its method, its path in the contract and its place there.

    Args:
        given: values of path parameters, by name, that every request has.
    """

    method: str
    path: str
    place: Place
    given: tuple[tuple[str, str], ...] = ()

    @cached_property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @cached_property
    def body(self) -> Place | None:
        """The schema of its request body; None without one."""
        return body_schema(self.place)

    @cached_property
    def success(self) -> Place | None:
        """The schema of its successful response; None if that has no body."""
        for status in SUCCESSES:
            response = self.place["responses"].get(status)
            if response is not None and response.json_schema is not None:
                return response.json_schema
        return None

    @cached_property
    def selects(self) -> str:
        """The table whose rows its body selects by filters; empty without one."""
        return "" if self.body is None else str(self.body.value.get("x-selects", ""))

    @cached_property
    def sampled_tables(self) -> list[str]:
        """The tables whose values its body takes: those that it filters, and those whose texts it may contain."""
        return [] if self.body is None else list(dict.fromkeys(tables_in(self.body)))

    @cached_property
    def listed_table(self) -> str:
        """The table whose rows, or views of them (`x-shows`), it lists, alone or in an object; empty without one."""
        if not self.is_safe or self.success is None:
            return ""
        parts = (self.success, *(part for _, part in self.success.entries("properties")))
        lists = [each for each in parts if each.value.get("type") == "array"]
        items = lists[0]["items"].value if len(lists) == 1 else {}
        return str(items.get("x-table", items.get("x-shows", "")))

    @cached_property
    def links(self) -> list[str]:
        """The names of the fields in its response that are URLs."""
        parts = [] if self.success is None else self.success.entries("properties")
        return [name for name, part in parts if part.value.get("x-link")]

    @property
    def is_moving(self) -> bool:
        """Whether its whole response changes with time."""
        return self.success is not None and bool(self.success.value.get("x-moving"))

    @property
    def is_eventual(self) -> bool:
        """Whether a server may take seconds to show here what was written (`x-eventual`)."""
        return bool(self.place.value.get("x-eventual"))

    @property
    def shows_changes(self) -> Any:
        """The body for which it shows what was done to the rows whose ids replace `{id}`; None without one."""
        return self.place.value.get("x-shows-changes")

    @property
    def lists_all(self) -> Mapping[str, Any]:
        """The body for which it lists all rows, without the place to begin at."""
        return self.lists_after(None)

    def lists_after(self, row: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """The body for which it lists the rows after another one; None for all rows."""
        body: Mapping[str, Any] = continued(self.place.value.get("x-lists-all", {}), row)
        return body

    @cached_property
    def unmasking(self) -> list[str]:
        """The names in its query and its body that unmask values."""
        query = [(each.value["name"], each["schema"]) for each in self.query]
        body = [] if self.body is None else self.body.entries("properties")
        return [name for name, schema in (*query, *body) if schema.value.get("x-unmasks")]

    @property
    def may_be_off(self) -> bool:
        """Whether a server may refuse it altogether, since the feature can be turned off."""
        return bool(self.place.value.get("x-issues-tokens"))

    @property
    def is_stream(self) -> bool:
        """Whether it is a WebSocket, on which requests send messages."""
        return self.method == STREAM

    @property
    def is_safe(self) -> bool:
        return self.method == "GET" or bool(self.place.value.get("x-safe"))

    def headers(self, status: int) -> list[str]:
        """The names of the headers that a response with a status has, in lower case."""
        response = self.place["responses"].get(str(status))
        return [] if response is None else [name.lower() for name, _ in response.entries("headers")]

    @cached_property
    def parameters(self) -> list[Place]:
        """The path parameters without a value, in the order of the path."""
        given = dict(self.given)
        named = {each.value["name"]: each for each in self.place.each("parameters") if each.value["in"] == "path"}
        names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        return [named[name] for name in names if name in named and name not in given]

    @cached_property
    def named_fields(self) -> dict[str, tuple[str, str]]:
        """The table and field whose values each path parameter takes, by the name of the parameter."""
        named = [each.value for each in self.place.each("parameters") if "x-names" in each.value]
        return {each["name"]: each["x-names"].partition(".")[::2] for each in named}

    @cached_property
    def query(self) -> list[Place]:
        """The query parameters."""
        return [each for each in self.place.each("parameters") if each.value["in"] == "query"]

    def matches(self, path: str) -> bool:
        """Whether a path can be a request to this operation. Its parameters may be any text."""
        return self.has_parts(path.split("/"))

    def has_parts(self, parts: Sequence[str]) -> bool:
        """Whether a path with some parts can be a request to this operation."""
        own = self._parts
        return len(parts) == len(own) and all(parts[index] == part for index, part in self._literals)

    @cached_property
    def _parts(self) -> list[str]:
        return self.path.split("/")

    @cached_property
    def _literals(self) -> list[tuple[int, str]]:
        """The literal parts of its path, and their places."""
        return [(index, part) for index, part in enumerate(self._parts) if not part.startswith("{")]

    def request(self, body: Any = None, **values: str) -> Request:
        """A request with a body, with values for the path parameters, and with others for the query."""
        path, query = self.path, {}
        for name, value in {**dict(self.given), **values}.items():
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", quote(value, safe="", errors="replace"))
            else:
                query[name] = value
        path = f"{path}?{urlencode(query, errors='replace')}" if query else path
        return Request(self.method, path, self.path, body, self.body)


def endpoint_at(place: Place) -> Endpoint:
    path, _, method = place.path.removeprefix("/paths/").rpartition("/")
    return Endpoint(method.upper(), path, place)


def stream_at(place: Place) -> Endpoint:
    path = place.path.removeprefix(f"/{STREAMS}/")
    return Endpoint(STREAM, path, replace(place, value={**place.value, "responses": {}}))


def schema_of(endpoint: Endpoint) -> Place:
    """The schema of a body.

    Raises:
        ContractError: the operation takes no body.
    """
    if endpoint.body is None:
        raise endpoint.place.error("needs a body")
    return endpoint.body


def examples_of(endpoint: Endpoint) -> list[Mapping[str, Any]]:
    """The examples of a body in the contract that are objects; an empty object without them."""
    content = endpoint.place["requestBody"]["content"].value.get(MEDIA_TYPE, {})
    examples = [each["value"] for each in content.get("examples", {}).values()]
    return [each for each in examples if isinstance(each, dict)] or [{}]


def example_of(endpoint: Endpoint) -> Mapping[str, Any]:
    """The first example."""
    return examples_of(endpoint)[0]


def required_by_example(endpoint: Endpoint) -> dict[str, Any]:
    """The fields that a body must have, as shown by the example without a name, or else by the first one."""
    content = endpoint.place["requestBody"]["content"].value.get(MEDIA_TYPE, {})
    required = schema_of(endpoint).value.get("required", ())
    example = content.get("example", example_of(endpoint))
    return {name: example[name] for name in required if name in example} if isinstance(example, dict) else {}


def continued(body: Any, row: Mapping[str, Any] | None) -> Any:
    """A body in which `{name}` is replaced by that field of a row, which is a time; without a row, by the earliest
    time.
    """
    if isinstance(body, dict):
        return {name: continued(part, row) for name, part in body.items()}
    if isinstance(body, str) and body.startswith("{"):
        return EARLIEST if row is None else row.get(body[1:-1])
    return body


def success_of(endpoint: Endpoint) -> Place:
    """The schema of a successful response.

    Raises:
        ContractError: the response has no body.
    """
    if endpoint.success is None:
        raise endpoint.place.error("needs a success with a body")
    return endpoint.success


def tables_in(schema: Place) -> Iterator[str]:
    """The tables whose values a schema takes."""
    if "x-filters" in schema.value:
        yield schema.value["x-filters"]
    for name in schema.value.get("x-texts-of", ()):
        yield name.partition(".")[0]
    parts = [part for _, part in schema.entries("properties")] + schema.each("anyOf")
    for part in [*parts, schema["items"]] if "items" in schema.value else parts:
        yield from tables_in(part)
