"""Planned operations: the published document lists them, and requests for them return 501."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

LINE = re.compile(r"([A-Z]+) (/\S*)")
PARAMETER = re.compile(r"\{(\w+)(:uuid)?\}")
STATUS, PLANNED = "x-status", "planned"


class PlannedOperation(NamedTuple):
    """An operation that is not served. `value` is its definition in the published document."""

    path: str
    method: str
    value: Mapping[str, Any]


def written(lines: Mapping[str, str]) -> Iterator[PlannedOperation]:
    """Parse lines such as `GET /pets/{id:uuid}: pets.read_pet`.

    Raises:
        ValueError: a line is not valid.
    """
    for line, operation_id in lines.items():
        match = LINE.fullmatch(str(line))
        if match is None or not isinstance(operation_id, str):
            raise ValueError(f"`{line}: {operation_id}` is not of the form `GET /pets/{{id:uuid}}: pets.read_pet`")
        method, path = match.groups()
        parameters = [parameter(name, bool(is_id)) for name, is_id in PARAMETER.findall(path)]
        yield PlannedOperation(PARAMETER.sub(r"{\1}", path), method.lower(), operation(operation_id, parameters))


def parameter(name: str, is_id: bool) -> dict[str, Any]:
    schema = {"type": "string", **({"format": "uuid"} if is_id else {})}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def operation(operation_id: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    module, _, name = operation_id.rpartition(".")
    return {
        "operationId": operation_id,
        STATUS: PLANNED,
        "summary": f"{name.replace('_', ' ').capitalize()} (planned)",
        "tags": [module],
        **({"parameters": parameters} if parameters else {}),
        "responses": {"501": {"description": "The operation is not served by Understudy."}},
    }


def separated(paths: Mapping[str, Any], methods: tuple[str, ...]) -> tuple[dict[str, Any], list[PlannedOperation]]:
    """The paths of a document without planned operations, and the planned operations."""
    served, planned = {}, []
    for path, item in paths.items():
        left = item
        if isinstance(item, dict):
            out = {name for name in methods if is_planned(item.get(name))}
            planned += [PlannedOperation(path, name, item[name]) for name in methods if name in out]
            left = {name: part for name, part in item.items() if name not in out}
            if out and not left.keys() & {*methods}:
                continue
        served[path] = left
    return served, planned


def is_planned(value: Any) -> bool:
    return isinstance(value, dict) and value.get(STATUS) == PLANNED
