"""Reading requests: headers, query and body, validated by the contract, become a handler's arguments."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.types import Scope

from understudy.cache import Cache
from understudy.contract.catalog import Catalog
from understudy.contract.contract import Place
from understudy.contract.reading import Reading
from understudy.errors import ApiError, Invalid, Unprocessable
from understudy.operations.request_bodies import NamesBody, QueryBody, WholeBody, body_at
from understudy.operations.request_headers import headers_of
from understudy.operations.request_parameters import (
    HeaderValues,
    PathValues,
    QueryString,
    argument,
    is_id_in_path,
    version_gate,
)

REMEMBERED = 2**24  # bytes of cached bodies of all operations of an API, and of their values
GROWTH = 16  # approximate bytes of a body's values per byte of the body
BODY = 1000  # approximate bytes beyond these
SHORT = 4096  # bytes of a body that is cached
SHOWN = 2**20  # bytes of a body that an error response repeats
LINE = 200  # characters of the error for a longer body


class RequestReader:
    """Reads the requests of one operation, and finds errors in the same order as the real server.

    The order is: a body that is not JSON, the API version, the query, other headers, the values of the body.

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
        self._headers = HeaderValues(operation.each("x-headers"))
        self._query = QueryString([place for place in parameters if place.value["in"] == "query"], reading)
        self._body = body_at(operation, catalog, reading)
        # Clients often repeat requests. The values of bodies are cached, but not the responses.
        self._is_cached = isinstance(self._body, QueryBody) and not self._query.names and not self._headers.names
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
    def body(self) -> NamesBody | WholeBody | None:
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
        if self._is_cached and len(raw) <= SHORT:
            with suppress(ApiError):  # raised below, in the right order
                known = self._read_cached(raw, headers.get(b"content-type"))
                self._check_gates(headers)
                return {**scope.get("path_params", {}), **known}
        body = None if self._body is None else self._body.parse(raw, headers.get(b"content-type"))
        self._check_gates(headers)
        arguments = dict(scope.get("path_params", {}))
        if self._query.names:
            arguments |= self._query.read(scope["query_string"].decode("latin-1"), body)
        errors = [*self._headers.errors(headers), *self._path.errors(arguments)]
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


def in_short(refusal: Invalid) -> Unprocessable:
    """The error of a long body, without the body."""
    first = refusal.body["exception_detail"][0]
    where = ".".join(str(part) for part in first["loc"])
    return Unprocessable(f"{where}: {first['msg']}"[:LINE])
