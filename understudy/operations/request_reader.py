"""Reading requests: headers, query and body, validated by the contract, become a handler's arguments."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import SchemaValidator, ValidationError, core_schema, from_json
from starlette.types import Scope

from understudy.cache import Cache
from understudy.contract.catalog import Catalog
from understudy.contract.contract import MEDIA_TYPE, Place
from understudy.contract.validation import DETAIL, PlainText, Reading, compiled, errors_of, validator
from understudy.errors import ApiError, BadRequest, Invalid, Unprocessable
from understudy.filters.query import Query, query_at
from understudy.operations.json_bodies import is_deeper, is_json, parse_json
from understudy.operations.request_headers import headers_of

REMEMBERED = 2**24  # bytes of cached bodies of all operations of an API, and of their values
GROWTH = 16  # approximate bytes of a body's values per byte of the body
BODY = 1000  # approximate bytes beyond these
SHORT = 4096  # bytes of a body that is cached
SHOWN = 2**20  # bytes of a body that an error response repeats
LISTED = 1000  # errors of a body that a response lists, at most
LINE = 200  # characters of the error for a longer body
LITERALS = ("boolean", "integer", "number")  # types whose values are written in a query as in JSON
DEEPEST = 200  # levels of a stored value, which is the limit of pydantic-core's parser


class RequestReader:
    """Reads the requests of one operation, and finds errors in the same order as the real server.

    The order is: a body that is not JSON, the API version, the query, the values of the body.

    Args:
        operation: the operation in the contract.
        catalog: the tables of the contract.
        reading: how values are validated.
        remembered: the cache of bodies, which other operations may share; by default a new one.
    """

    def __init__(
        self, operation: Place, catalog: Catalog, reading: Reading, remembered: "Remembered | None" = None
    ) -> None:
        parameters = operation.each("parameters")
        self.path_names = [place.value["name"] for place in parameters if place.value["in"] == "path"]
        self.ids = {place.value["name"] for place in parameters if is_id_in_path(place)}
        self._path = PathValues([place for place in parameters if place.value["in"] == "path"])
        self._gates = [version_gate(place) for place in parameters if "x-minimum-version" in place.value]
        self._query = QueryString([place for place in parameters if place.value["in"] == "query"], reading)
        self._body = body_at(operation, catalog, reading)
        # Clients often repeat requests. The values of bodies are cached, but not the responses.
        self._remembered = Cache(REMEMBERED) if remembered is None else remembered

    @property
    def arguments(self) -> set[str]:
        """The names of a handler's arguments from a request."""
        return {*self.path_names, *map(argument, self._query.names), *(self._body.arguments if self._body else ())}

    @property
    def query_names(self) -> list[str]:
        """The names of the query parameters."""
        return self._query.names

    @property
    def takes_body(self) -> bool:
        return self._body is not None

    @property
    def body(self) -> "NamesBody | WholeBody | None":
        """The reader of the body, if the operation takes one."""
        return self._body

    def read(self, scope: Scope, raw: bytes = b"") -> dict[str, Any]:
        """The handler's arguments, from a request's ASGI scope and its body.

        Raises:
            ApiError: the request is refused.
        """
        try:
            return self._read(scope, raw)
        except Invalid as refusal:
            if len(raw) <= SHOWN:
                raise
            raise in_short(refusal) from None

    def _read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        headers = headers_of(scope)
        if isinstance(self._body, QueryBody) and not self._query.names and len(raw) <= SHORT:
            with suppress(ApiError):  # raised below, in the right order
                known = self._read_cached(raw, headers.get(b"content-type"))
                self._check_gates(headers)
                return {**scope.get("path_params", {}), **known}
        body = None if self._body is None else self._body.parse(raw, headers.get(b"content-type"))
        self._check_gates(headers)
        arguments = dict(scope.get("path_params", {}))
        if self._query.names:
            arguments |= self._query.read(scope["query_string"].decode("latin-1"), body)
        errors = self._path.errors(arguments)
        try:
            if self._body is not None:
                arguments |= self._body.read(body)
        except Invalid as refusal:
            raise Invalid([*errors, *refusal.body["exception_detail"]], body) from None
        if errors:
            raise Invalid(errors, body)
        return arguments

    def _read_cached(self, raw: bytes, content_type: bytes | None) -> dict[str, Any]:
        """The values of a body, from the cache if it was read before."""
        key = (self, raw, content_type)
        known = self._remembered.get(key)
        if known is None:
            known = self._read_body(raw, content_type)
            self._remembered.put(key, known, BODY + GROWTH * len(raw) + len(content_type or b""))
        return known

    def _read_body(self, raw: bytes, content_type: bytes | None) -> dict[str, Any]:
        return {} if self._body is None else self._body.read(self._body.parse(raw, content_type))

    def _check_gates(self, headers: Mapping[bytes, bytes]) -> None:
        for gate in self._gates:
            gate(headers)


Remembered = Cache[tuple[RequestReader, bytes, bytes | None], dict[str, Any]]
"""The values of bodies, by reader, body and content type."""


def is_id_in_path(place: Place) -> bool:
    return bool(place.value["in"] == "path" and place["schema"].value.get("format") == "uuid")


def version_gate(place: Place) -> Callable[[Mapping[bytes, bytes]], None]:
    """A check of a header with a version of three numbers, if it is present."""
    name = place.value["name"].encode("ascii")
    rule = place.value["x-minimum-version"]
    minimum = tuple(int(part) for part in rule["version"].split("."))

    def check(headers: Mapping[bytes, bytes]) -> None:
        if not headers.get(name):
            return
        version = headers[name].decode("latin-1")
        try:
            major, minor, patch = (int(part) for part in version.split("."))
        except ValueError:
            raise BadRequest(rule["malformed"].format(version=version)) from None
        if (major, minor, patch) < minimum:
            raise BadRequest(rule["outdated"].format(version=version, minimum=rule["version"]))

    return check


def argument(name: str) -> str:
    """The name of a handler's argument for a parameter."""
    return name.replace("-", "_")


class PathValues:
    """The path parameters of an operation whose other values are errors: words, and ids with `x-checked`."""

    def __init__(self, places: list[Place]) -> None:
        fields = {}
        for place in places:
            if place.value.get("x-checked"):
                fields[place.value["name"]] = core_schema.typed_dict_field(core_schema.uuid_schema())
            elif "enum" in place["schema"].value:
                core = compiled(place["schema"], Reading.STRICT)
                fields[place.value["name"]] = core_schema.typed_dict_field(core)
        self._validator = SchemaValidator(core_schema.typed_dict_schema(fields)) if fields else None

    def errors(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The errors of the values in a path."""
        if self._validator is None:
            return []
        try:
            self._validator.validate_python(arguments)
        except ValidationError as error:
            return errors_of(error, "path")
        return []


class QueryString:
    """The query parameters of an operation. In strict mode, a number or boolean is written as in JSON."""

    def __init__(self, places: list[Place], reading: Reading) -> None:
        self.names = [place.value["name"] for place in places]
        self._literals = {
            place.value["name"] for place in places if reading.strict and place["schema"].value.get("type") in LITERALS
        }
        self._defaults = {
            place.value["name"]: place["schema"].default for place in places if place["schema"].has_default
        }
        self._validator = SchemaValidator(
            core_schema.typed_dict_schema(
                {
                    place.value["name"]: core_schema.typed_dict_field(
                        compiled(place["schema"], reading), required=bool(place.value.get("required"))
                    )
                    for place in places
                }
            )
        )

    def read(self, query: str, body: Any) -> dict[str, Any]:
        given = {
            name: json_value(text) if name in self._literals else text
            for name, text in parse_qsl(query, keep_blank_values=True)
        }
        try:
            values: dict[str, Any] = self._validator.validate_python(given)
        except ValidationError as error:
            errors = [
                {**entry, "input": None} if entry["type"] == "missing" else entry for entry in errors_of(error, "query")
            ]
            raise Invalid(errors, body) from None
        return {argument(name): value for name, value in {**self._defaults, **values}.items()}


def json_value(text: str) -> Any:
    """The value of a JSON text; the text itself if it is not JSON."""
    try:
        return from_json(text)
    except ValueError:
        return text


class WholeBody:
    """A body that is one value. It is required, unless it has a default."""

    arguments = frozenset({"body"})

    def __init__(self, place: Place, reading: Reading) -> None:
        self._place = place
        self._validator = validator(place, reading)
        self._reading = reading

    def parse(self, raw: bytes, content_type: bytes | None) -> Any:
        if not raw:
            return None
        return parse_json(raw) if is_json(content_type, self._reading) else PlainText(raw, "utf-8", "replace")

    def read(self, body: Any) -> dict[str, Any]:
        if body is None:
            if self._place.has_default:
                return {"body": self._place.default}
            raise Invalid([missing("body")], None)
        if isinstance(body, PlainText) and self._place.value.get("type") != "array":
            body = str(body)  # pydantic takes an instance of another class for an object with attributes
        try:
            read = {"body": self._validator.validate_python(body)}
        except ValidationError as error:
            raise Invalid(listed(error), body) from None
        check_depth(body)
        return read


def check_depth(body: Any) -> None:
    """Check that a body can be stored.

    Raises:
        Unprocessable: it is nested too deep.
    """
    if is_deeper(body, DEEPEST):
        raise Unprocessable(f"The body is nested deeper than the limit of {DEEPEST} levels.")


class NamesBody:
    """A body whose names each stand for themselves, and may be left out where they are not required.

    A name that is null counts as omitted. Unknown names are ignored, and so is a body that is not sent as JSON.
    """

    def __init__(self, place: Place, reading: Reading) -> None:
        self._reading = reading
        self._parts = {name: validator(part, reading) for name, part in place["properties"].items()}
        self._defaults = {name: part.default for name, part in place["properties"].items() if part.has_default}
        self._required = [name for name in self._parts if name in place.value.get("required", ())]
        self.arguments = set(self._parts)

    def parse(self, raw: bytes, content_type: bytes | None) -> Any:
        if not raw:
            return None
        return parse_json(raw) if is_json(content_type, self._reading) else PlainText(raw, "utf-8", "replace")

    def read(self, body: Any) -> dict[str, Any]:
        return {**dict.fromkeys(self._parts), **self.values(body)}

    def values(self, body: Any) -> dict[str, Any]:
        """The validated values of a body, with defaults for those that it omits.

        Raises:
            ApiError: the body is refused.
        """
        values = dict(self._defaults)
        is_ignored = body is None or isinstance(body, PlainText)
        if is_ignored and not self._required:
            return values
        if is_ignored:
            raise Invalid([missing("body", name) for name in self._required], body)
        if not isinstance(body, dict):
            raise Invalid([missing("body", name) for name in self._parts], body)
        given: dict[str, Any] = body
        if any(given.get(name) is None for name in self._required):
            raise self._refusal(body)
        try:
            for name, value in given.items():
                if value is not None and name in self._parts:
                    values[name] = self._parts[name].validate_python(value)
        except ValidationError:
            raise self._refusal(body) from None
        check_depth([given[name] for name in self.arguments & given.keys()])  # criteria are not stored
        return values

    def _refusal(self, body: dict[str, Any]) -> ApiError:
        """The error of a body: all its errors in the order of the contract, or one that is reported alone."""
        errors = []
        for name, part in self._parts.items():
            value = body.get(name)
            if value is not None:
                errors += errors_in(part, value, name)
            elif name in self._required:
                errors.append(missing("body", name))
        alone = next((entry for entry in errors if entry["type"] == DETAIL), None)
        return Invalid(errors, body) if alone is None else Unprocessable(alone["msg"])


class QueryBody(NamesBody):
    """Such a body that selects rows."""

    def __init__(self, place: Place, query: Query, reading: Reading) -> None:
        super().__init__(place, reading)
        self.query = query
        criteria = query.filters.keys() - query.passed
        self.arguments = {"criteria", *(name for name in self._parts if name not in criteria)}

    def read(self, body: Any) -> dict[str, Any]:
        return self.query.read(self.values(body))


def errors_in(part: SchemaValidator, value: Any, name: str) -> list[dict[str, Any]]:
    try:
        part.validate_python(value)
    except ValidationError as error:
        return listed(error, name)
    return []


def listed(error: ValidationError, *loc: str) -> list[dict[str, Any]]:
    """All errors of a body.

    Raises:
        Unprocessable: there are so many that listing them would delay other requests.
    """
    count = error.error_count()
    if count > LISTED:
        raise Unprocessable(f"The body has {count} errors; at most {LISTED} are listed.")
    return errors_of(error, "body", *loc)


def in_short(refusal: Invalid) -> Unprocessable:
    """The error of a long body, without the body."""
    first = refusal.body["exception_detail"][0]
    where = ".".join(str(part) for part in first["loc"])
    return Unprocessable(f"{where}: {first['msg']}"[:LINE])


def body_at(operation: Place, catalog: Catalog, reading: Reading) -> WholeBody | NamesBody | None:
    place = body_schema(operation)
    if place is None:
        return None
    if "x-selects" in place.value:
        return QueryBody(place, query_at(place, catalog), reading)
    return NamesBody(place, reading) if place.value.get("x-embedded") else WholeBody(place, reading)


def body_schema(operation: Place) -> Place | None:
    """The schema of an operation's request body; None without one."""
    request = operation.get("requestBody")
    if request is None:
        return None
    media = request["content"].get(MEDIA_TYPE)
    if media is None:
        raise request.error(f"only {MEDIA_TYPE} is served")
    return media["schema"]


def missing(*loc: str) -> dict[str, Any]:
    return {"type": "missing", "loc": list(loc), "msg": "Field required", "input": None}
