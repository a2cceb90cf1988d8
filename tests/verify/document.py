"""`openapi.yaml` as a plain document, to compare it with the engine's interpretation."""

from typing import Any

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

DOCUMENT = Contract.read(own_folder() / "openapi.yaml").document


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the document, with its references resolved at the top."""
    if "$ref" in part:
        _, _, kind, name = part["$ref"].split("/")
        return resolved(DOCUMENT["components"][kind][name])
    below = [resolved(each) for each in part.get("allOf", ())]
    return {name: value for each in (*below, part) for name, value in each.items()}


def body_of(label: str) -> dict[str, Any] | None:
    """The schema of an operation's body ("POST /pets/filter"); None if it has no body."""
    method, path = label.split()
    operation = DOCUMENT["paths"][path][method.lower()]
    if "requestBody" not in operation:
        return None
    return resolved(resolved(operation["requestBody"])["content"]["application/json"]["schema"])
