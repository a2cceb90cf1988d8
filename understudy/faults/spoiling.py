"""Answers that are spoilt: cut off, no JSON, or of other types than the contract says."""

import json
from collections.abc import Callable, Mapping
from typing import Any


def truncated(body: bytes) -> bytes:
    return body[: len(body) // 2]


def malformed(body: bytes) -> bytes:
    """The body with its last bracket turned into a comma, and something no JSON has behind it."""
    return body[:-1] + b",}{"


def mistyped(body: bytes) -> bytes:
    """The body with texts where numbers were, numbers where texts were, and objects where lists were."""
    try:
        return json.dumps(turned(json.loads(body)), separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return malformed(body)


def turned(value: Any) -> Any:
    match value:
        case dict():
            return {name: turned(part) for name, part in value.items()}
        case list():
            return {str(number): turned(part) for number, part in enumerate(value)}
        case str():
            return len(value)
        case None:
            return False
        case _:
            return str(value)


SPOILING: Mapping[str, Callable[[bytes], bytes]] = {
    "truncated": truncated,
    "malformed": malformed,
    "mistyped": mistyped,
}
