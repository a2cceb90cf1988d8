"""Fields whose values change with time (`x-moving`), which are not compared."""

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from understudy.contract.contract import Contract, Place
from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import Request, safe_operations


@dataclass(frozen=True)
class Moving:
    """What changes with time: fields of some names, and the whole responses of some operations.

    Args:
        operations: the methods and paths of these operations.
    """

    fields: frozenset[str] = frozenset()
    operations: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, contract: Contract) -> "Moving":
        """The fields and responses of the contract's safe operations that change with time."""
        responses = {(method, path): each["responses"].get("200") for method, path, each in safe_operations(contract)}
        schemas = {operation: response and response.json_schema for operation, response in responses.items()}
        moving = (name for name, schema in schemas.items() if schema and schema.value.get("x-moving"))
        return cls(moving_fields(contract), frozenset(moving))

    def still(self, answer: Answer) -> Answer:
        """A response without these fields."""
        return replace(answer, body=without(self.fields, answer.body))

    def is_whole(self, request: Request) -> bool:
        """Whether the whole response to a request changes with time."""
        return (request.method, request.operation) in self.operations


STILL = Moving()
"""Nothing changes with time."""


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
        moving = part.value.get("x-moving")
        if isinstance(moving, list):
            yield from moving
        elif moving:
            yield name
        else:
            yield from moving_in(part, within)


def without(names: Container[str], value: Any) -> Any:
    """JSON without the fields of some names, wherever they are. Lists in no particular order are kept, sorted."""
    if not names:
        return value
    if isinstance(value, dict):
        return {
            name: without(names, in_order(part) if name in names else part) if isinstance(part, (dict, list)) else part
            for name, part in value.items()
            if name not in names or isinstance(part, list)
        }
    return [without(names, item) for item in value] if isinstance(value, list) else value


def in_order(value: Any) -> Any:
    """JSON in which a list without a defined order is sorted."""
    return sorted(value, key=partial(json.dumps, sort_keys=True)) if isinstance(value, list) else value
