"""Headers of a request, parsed once."""

from collections.abc import Mapping

from starlette.types import Scope

HEADERS = "understudy.headers"  # the key of the headers in a request's ASGI scope, once they are read


def headers_of(scope: Scope) -> Mapping[bytes, bytes]:
    """The headers of a request by their names in lower case. The first of repeated headers is used."""
    headers: dict[bytes, bytes] | None = scope.get(HEADERS)
    if headers is None:
        headers = scope[HEADERS] = dict(reversed(scope["headers"]))
    return headers


def without(scope: Scope, name: bytes) -> Scope:
    """A copy of a request's scope without a header."""
    copy = {**scope, "headers": [header for header in scope["headers"] if header[0] != name]}
    copy.pop(HEADERS, None)
    return copy
