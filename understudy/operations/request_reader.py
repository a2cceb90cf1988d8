"""Requests: headers, query and body, read by the contract into a handler's arguments."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import SchemaValidator, ValidationError, core_schema
from starlette.types import Scope

from understudy.cache import Cache
from understudy.contract.catalog import Catalog
from understudy.contract.contract import MEDIA_TYPE, Place
from understudy.contract.validation import DETAIL, Reading, compiled, errors_of, validator
from understudy.errors import ApiError, BadRequest, Invalid, Unprocessable
from understudy.filters.query import Query, query_at
from understudy.operations.json_bodies import is_deeper, is_json, parse_json
from understudy.operations.request_headers import headers_of

REMEMBERED = 2**24  # bytes of bodies, of all operations of an API, and of what they say
GROWTH = 16  # bytes, about, that what a body says takes for each byte of the body
BODY = 1000  # bytes, about, that it takes beyond these
SHORT = 4096  # bytes of a body that is remembered
SHOWN = 2**20  # bytes of a body that is shown again where it is refused
TOLD = 1000  # mistakes of a body, at most, of which each is told
LINE = 200  # characters of a sentence that tells what is wrong with a longer one
DEEPEST = 200  # levels of what is kept: so deep pydantic-core reads JSON


class RequestReader:
    """Reads the requests of one operation, in the order in which the real server finds fault.

    First a body that is no JSON, then the API version, then the query, then what the body says.

    Args:
        operation: what the contract says of the operation.
        catalog: the tables of the contract.
        reading: how values are taken.
        remembered: what bodies said, shared with other operations; by default nobody shares it.
    """

    def __init__(
        self, operation: Place, catalog: Catalog, reading: Reading, remembered: "Remembered | None" = None
    ) -> None:
        parameters = operation.each("parameters")
        self.path_names = [place.value["name"] for place in parameters if place.value["in"] == "path"]
        self.ids = {place.value["name"] for place in parameters if is_id_in_path(place)}
        self._gates = [version_gate(place) for place in parameters if "x-minimum-version" in place.value]
        self._query = QueryString([place for place in parameters if place.value["in"] == "query"], reading)
        self._body = body_at(operation, catalog, reading)
        # The same questions are asked again and again; what they say is remembered, not what is answered.
        self._remembered = Cache(REMEMBERED) if remembered is None else remembered

    @property
    def arguments(self) -> set[str]:
        """The names under which a handler gets what a request says."""
        return {*self.path_names, *self._query.names, *(self._body.arguments if self._body else ())}

    @property
    def query_names(self) -> list[str]:
        """The names of the query parameters."""
        return self._query.names

    @property
    def takes_body(self) -> bool:
        return self._body is not None

    @property
    def body(self) -> "NamesBody | WholeBody | None":
        """What reads the body, where one is taken."""
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
            with suppress(ApiError):  # told below, in its turn
                known = self._read_again(raw, headers.get(b"content-type"))
                self._check_gates(headers)
                return {**scope.get("path_params", {}), **known}
        body = None if self._body is None else self._body.parse(raw, headers.get(b"content-type"))
        self._check_gates(headers)
        arguments = dict(scope.get("path_params", {}))
        if self._query.names:
            arguments |= self._query.read(scope["query_string"].decode("latin-1"), body)
        if self._body is not None:
            arguments |= self._body.read(body)
        return arguments

    def _read_again(self, raw: bytes, content_type: bytes | None) -> dict[str, Any]:
        """What a body says, remembered if it was read before."""
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
"""What bodies say, by who has read them, and their content type."""


def is_id_in_path(place: Place) -> bool:
    return bool(place.value["in"] == "path" and place["schema"].value.get("format") == "uuid")


def version_gate(place: Place) -> Callable[[Mapping[bytes, bytes]], None]:
    """A check of a header that holds a version of three numbers, where there is one."""
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


class QueryString:
    """The query parameters of an operation."""

    def __init__(self, places: list[Place], reading: Reading) -> None:
        self.names = [place.value["name"] for place in places]
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
        given = dict(parse_qsl(query, keep_blank_values=True))
        try:
            values: dict[str, Any] = self._validator.validate_python(given)
        except ValidationError as error:
            errors = [
                {**entry, "input": None} if entry["type"] == "missing" else entry for entry in errors_of(error, "query")
            ]
            raise Invalid(errors, body) from None
        return {**self._defaults, **values}


class WholeBody:
    """A body that is one object, which must be there."""

    arguments = frozenset({"body"})

    def __init__(self, place: Place, reading: Reading) -> None:
        self._validator = validator(place, reading)
        self._reading = reading

    def parse(self, raw: bytes, content_type: bytes | None) -> Any:
        if not raw:
            return None
        return parse_json(raw) if is_json(content_type, self._reading) else raw.decode("utf-8", "replace")

    def read(self, body: Any) -> dict[str, Any]:
        if body is None:
            raise Invalid([missing("body")], None)
        try:
            read = {"body": self._validator.validate_python(body)}
        except ValidationError as error:
            raise Invalid(told(error), body) from None
        if is_deeper(body, DEEPEST):
            raise Unprocessable(f"The body is nested deeper than the {DEEPEST} levels that can be kept.")
        return read


class NamesBody:
    """A body whose names each stand for themselves, and may be left out where they are not required.

    A name that is null is as one left out, an unknown one is ignored, and so is a body that is not
    sent as JSON.
    """

    def __init__(self, place: Place, reading: Reading) -> None:
        self._reading = reading
        self._parts = {name: validator(part, reading) for name, part in place["properties"].items()}
        self._defaults = {name: part.default for name, part in place["properties"].items() if part.has_default}
        self._required = [name for name in self._parts if name in place.value.get("required", ())]
        self.arguments = set(self._parts)

    def parse(self, raw: bytes, content_type: bytes | None) -> Any:
        return parse_json(raw) if raw and is_json(content_type, self._reading) else None

    def read(self, body: Any) -> dict[str, Any]:
        return {**dict.fromkeys(self._parts), **self.values(body)}

    def values(self, body: Any) -> dict[str, Any]:
        """What a body says, validated, with the defaults of what it leaves out.

        Raises:
            ApiError: the body is refused.
        """
        values = dict(self._defaults)
        if body is None and not self._required:
            return values
        if body is not None and not isinstance(body, dict):
            raise Invalid([missing("body", name) for name in self._parts], body)
        given = body or {}
        if any(given.get(name) is None for name in self._required):
            raise self._refusal(body)
        try:
            for name, value in given.items():
                if value is not None and name in self._parts:
                    values[name] = self._parts[name].validate_python(value)
        except ValidationError:
            raise self._refusal(body) from None
        return values

    def _refusal(self, body: dict[str, Any] | None) -> ApiError:
        """What is wrong with a body: all of it, in the order of the contract, or what is told alone."""
        errors = []
        for name, part in self._parts.items():
            value = (body or {}).get(name)
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
        self.arguments = {"criteria", *(name for name in self._parts if name not in query.filters)}

    def read(self, body: Any) -> dict[str, Any]:
        return self.query.read(self.values(body))


def errors_in(part: SchemaValidator, value: Any, name: str) -> list[dict[str, Any]]:
    try:
        part.validate_python(value)
    except ValidationError as error:
        return told(error, name)
    return []


def told(error: ValidationError, *loc: str) -> list[dict[str, Any]]:
    """The mistakes of a body, each of them.

    Raises:
        Unprocessable: there are so many that others would have to wait while they are written down.
    """
    count = error.error_count()
    if count > TOLD:
        raise Unprocessable(f"The body has {count} mistakes; up to {TOLD} would be told one by one.")
    return errors_of(error, "body", *loc)


def in_short(refusal: Invalid) -> Unprocessable:
    """A refusal of a long body, without showing that again."""
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
    """The schema of an operation's request body; None where it takes none."""
    request = operation.get("requestBody")
    if request is None:
        return None
    media = request["content"].get(MEDIA_TYPE)
    if media is None:
        raise request.error(f"only {MEDIA_TYPE} is served")
    return media["schema"]


def missing(*loc: str) -> dict[str, Any]:
    return {"type": "missing", "loc": list(loc), "msg": "Field required", "input": None}
