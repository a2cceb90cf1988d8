"""Corrupted responses: truncated, not JSON, or with types that the contract does not allow."""

import json
from collections.abc import Callable, Mapping
from typing import Any


def truncated(body: bytes) -> bytes:
    return body[: len(body) // 2]


def malformed(body: bytes) -> bytes:
    """The body with its last bracket replaced, so that it is not valid JSON."""
    return body[:-1] + b",}{"


def mistyped(body: bytes) -> bytes:
    """The body with texts in place of numbers, numbers in place of texts, and objects in place of lists."""
    try:
        return json.dumps(swapped(json.loads(body)), separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return malformed(body)


def swapped(value: Any) -> Any:
    match value:
        case dict():
            return {name: swapped(part) for name, part in value.items()}
        case list():
            return {str(number): swapped(part) for number, part in enumerate(value)}
        case str():
            return len(value)
        case None:
            return False
        case _:
            return str(value)


CORRUPTIONS: Mapping[str, Callable[[bytes], bytes]] = {
    "truncated": truncated,
    "malformed": malformed,
    "mistyped": mistyped,
}
