"""JSON changed in places. A place's path are its names and numbers, joined by dots: "rows.0.key".

Places are given by a regular expression that must match their whole path.
"""

import re
from collections.abc import Callable
from typing import Any

GONE = object()
"""What a change gives for a value that is to be taken out."""

Change = Callable[[Any], Any]


def changed(value: Any, places: str, change: Change, path: str = "") -> Any:
    """A copy of `value` with what `change` gives for each place."""
    if path and re.fullmatch(places, path):
        return change(value)
    inner = f"{path}." if path else ""
    if isinstance(value, dict):
        parts = {name: changed(part, places, change, f"{inner}{name}") for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not GONE}
    if isinstance(value, list):
        items = [changed(item, places, change, f"{inner}{number}") for number, item in enumerate(value)]
        return [item for item in items if item is not GONE]
    return value


def found(value: Any, places: str) -> list[Any]:
    """The values at these places."""
    values: list[Any] = []

    def keep(part: Any) -> Any:
        values.append(part)
        return part

    changed(value, places, keep)
    return values


def at(places: str, change: Change) -> Change:
    """The values there are changed."""
    return lambda value: changed(value, places, change)


def drop(places: str) -> Change:
    """The values there are removed."""
    return at(places, lambda _: GONE)


def put(**fields: Any) -> Change:
    """An object gets these fields."""
    return lambda value: {**value, **fields}


def default(**fields: Any) -> Change:
    """An object gets these fields, unless it has them already."""
    return lambda value: {**fields, **value}


def rename(**names: str) -> Change:
    """Fields of an object have other names: `rename(old="new")`."""
    return lambda value: {names.get(name, name): part for name, part in value.items()}


def given(test: Callable[[Any], object], change: Change) -> Change:
    """A change of those values that meet a test."""
    return lambda value: change(value) if test(value) else value


def of(kind: type, change: Change) -> Change:
    """A change of values of a type, which leaves nulls and invalid values as they are."""
    return given(lambda value: type(value) is kind, change)
