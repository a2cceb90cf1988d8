"""What handlers return."""

from http import HTTPStatus
from typing import Any, Final

Answer = Any
"""JSON as ready bytes, or a value to encode; alone, or as a pair with the status."""

NO_CONTENT: Final = (b"", HTTPStatus.NO_CONTENT)
