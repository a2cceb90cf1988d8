"""The results of handlers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

Answer = Any
"""Encoded JSON, a value to encode, or a `Content`; alone, or as a pair with the status."""

NO_CONTENT: Final = (b"", HTTPStatus.NO_CONTENT)


@dataclass(frozen=True)
class Content:
    """A result that is not JSON. `headers` are sent beside its media type."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
