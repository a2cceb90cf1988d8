"""Redaction of headers and query parameters in the journal and in logs.

Only values that are known to be harmless are shown, since a secret can be sent under any name.
"""

import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote_plus

HIDDEN = "(hidden)"
HARMLESS = frozenset(
    {
        "accept", "accept-charset", "accept-encoding", "accept-language", "access-control-request-headers",
        "access-control-request-method", "cache-control", "connection", "content-encoding", "content-language",
        "content-length", "content-type", "date", "expect", "host", "if-match", "if-modified-since", "if-none-match",
        "if-unmodified-since", "keep-alive", "origin", "pragma", "prefer", "range", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "via", "x-prefect-api-version",
    }
)  # fmt: skip
"""Names of headers that carry no secrets, in lower case."""

SEPARATOR = re.compile("([&;])")


def shown_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name in lower case, with `HIDDEN` in place of every value that could be a secret."""
    names = ((name.decode("latin-1").lower(), value) for name, value in headers)
    return {name: value.decode("latin-1") if name in HARMLESS else HIDDEN for name, value in names}


def shown_query(query: str, harmless: Collection[str] = ()) -> str:
    """A query string with `HIDDEN` in place of every value that could be a secret.

    Args:
        query: as it was sent, without its question mark.
        harmless: names of parameters whose values are shown.
    """
    return "".join(shown_parameter(part, harmless) for part in SEPARATOR.split(query))


def shown_parameter(parameter: str, harmless: Collection[str]) -> str:
    name, equals, _ = parameter.partition("=")
    if parameter in ("", "&", ";") or unquote_plus(name) in harmless:
        return parameter
    return f"{name}={HIDDEN}" if equals else HIDDEN
