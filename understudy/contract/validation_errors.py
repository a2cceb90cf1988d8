"""The errors of a validation, as the API reports them."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import ValidationError

DETAIL = "detail"
"""The type of an error that is reported alone, with its message as the `detail`."""


def errors_of(error: ValidationError, *prefix: str) -> list[dict[str, Any]]:
    """The errors as the real server reports them, with `prefix` before their locations."""
    return [
        {**entry, "loc": [*prefix, *entry["loc"]], **context_of(entry)} for entry in error.errors(include_url=False)
    ]


def context_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    # An exception has no JSON; the real server writes it as an empty object.
    context = entry.get("ctx")
    if context is None:
        return {}
    return {"ctx": {key: {} if isinstance(value, Exception) else value for key, value in context.items()}}
