"""Fields whose values change with time (`x-moving`), so that two responses are not compared by them."""

from collections.abc import Container, Iterator
from typing import Any

from understudy.contract.contract import Contract, Place


def moving_fields(contract: Contract) -> frozenset[str]:
    """The names of such fields in the rows of all tables."""
    return frozenset(name for schema in contract.schemas() if "x-table" in schema.value for name in moving_in(schema))


def moving_in(schema: Place) -> Iterator[str]:
    """The names of such fields of an object, nested ones included."""
    for name, part in schema.entries("properties"):
        if part.value.get("x-moving"):
            yield name
        elif part.value.get("type") == "array":
            yield from moving_in(part["items"])
        else:
            yield from moving_in(part)


def without(names: Container[str], value: Any) -> Any:
    """JSON without the fields of some names, wherever they are."""
    if not names:
        return value
    if isinstance(value, dict):
        return {name: without(names, part) for name, part in value.items() if name not in names}
    return [without(names, item) for item in value] if isinstance(value, list) else value
