"""The results of handlers."""

from http import HTTPStatus
from typing import Any, Final

Answer = Any
"""Encoded JSON, or a value to encode; alone, or as a pair with the status."""

NO_CONTENT: Final = (b"", HTTPStatus.NO_CONTENT)
