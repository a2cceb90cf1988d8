"""Fields whose values change with time (`x-moving`), so that two responses are not compared by them."""

from collections.abc import Container, Iterator
from typing import Any

from understudy.contract.contract import Contract, Place


def moving_fields(contract: Contract) -> frozenset[str]:
    """The names of such fields in any schema of a contract."""
    return frozenset(name for schema in contract.schemas() for name in moving_in(schema))


def moving_in(schema: Place, within: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of such fields of an object, or of the objects in a list, nested ones included."""
    if schema.path in within:  # a schema that contains itself
        return
    within |= {schema.path}
    if schema.value.get("type") == "array":
        yield from moving_in(schema["items"], within)
    for name, part in schema.entries("properties"):
        if part.value.get("x-moving"):
            yield name
        else:
            yield from moving_in(part, within)


def without(names: Container[str], value: Any) -> Any:
    """JSON without the fields of some names, wherever they are."""
    if not names:
        return value
    if isinstance(value, dict):
        return {
            name: without(names, part) if isinstance(part, (dict, list)) else part
            for name, part in value.items()
            if name not in names
        }
    return [without(names, item) for item in value] if isinstance(value, list) else value
