"""Generated mutants of statuses: only those that some request can cause."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.mutants.generated import statuses
from understudy.contract.contract import Contract
from understudy.verify.requests.endpoint_map import EndpointMap

TEXT, ID, NUMBER = {"type": "string"}, {"type": "string", "format": "uuid"}, {"type": "integer"}
OPTIONAL = {**TEXT, "nullable": True}


def table(name: str, /, **properties: Any) -> Mapping[str, Any]:
    return {"type": "object", "x-table": name, "properties": {"id": ID, **properties}}


TABLES = {
    "Owner": table("owners", name=TEXT, note=OPTIONAL, first_pet_id={**ID, "x-references": "pets"}),
    "Pet": table(
        "pets", name={**TEXT, "x-unique": True}, owner_id={**ID, "x-references": "owners", "x-on-delete": "cascade"}
    ),
    "Toy": table("toys", color=TEXT, pet_id={**ID, "x-references": "pets", "nullable": True}),
}
NAMES = {"owner": "owners.id", "pet": "pets.id", "toy": "toys.id"}


def mutants(
    operation: str, *codes: int, body: Mapping[str, Any] | None = None, further: Mapping[str, Any] = {}
) -> Sequence[int]:
    """The statuses of an operation for which there are mutants."""
    method, path = operation.split()
    responses: dict[str, Any] = {str(code): {"description": ""} for code in codes}
    if 201 in codes:
        shown = {"schema": {"$ref": f"#/components/schemas/{path.strip('/').removesuffix('s').capitalize()}"}}
        responses["201"] = {"description": "", "content": {"application/json": shown}}
    value = {"operationId": "pets.run", "responses": responses, **further}
    if body is not None:
        value["requestBody"] = {"content": {"application/json": {"schema": {"type": "object", **body}}}}
    value["parameters"] = [
        {"name": name, "in": "path", "required": True, "schema": TEXT, "x-names": field}
        for name, field in NAMES.items()
        if f"{{{name}}}" in path
    ] + [*further.get("parameters", [])]
    document = {"paths": {path: {method.lower(): value}}, "components": {"schemas": TABLES}}
    names = [each.name for each in statuses.mutants(EndpointMap.of(Contract("pets.yaml", document)))]
    return [int(name.rpartition(":")[2]) for name in names]


def fields(**properties: Any) -> Mapping[str, Any]:
    return {"properties": properties}


@pytest.mark.parametrize(
    ("operation", "body", "possible"),
    [
        ("POST /pets/", fields(name=TEXT), True),  # unique
        ("POST /pets/", fields(color=TEXT), False),
        ("POST /pets/", fields(owner_id=ID), True),  # a reference that is checked
        ("POST /toys/", fields(pet_id=ID), False),  # one that is not
        ("PATCH /owners/{owner}", fields(name=TEXT), False),
        ("PATCH /owners/{owner}", fields(name=OPTIONAL), True),  # rows need a name
        ("PATCH /owners/{owner}", fields(name={**OPTIONAL, "x-null-replaced": True}), False),
        ("PATCH /owners/{owner}", fields(note=OPTIONAL), False),
        ("DELETE /toys/{toy}", None, False),
        ("DELETE /owners/{owner}", None, False),
        ("DELETE /pets/{pet}", None, True),  # the first of its owner
        ("POST /pets/{pet}/feed", None, False),
        ("POST /pets/{pet}/feed", fields(food=TEXT), True),  # not known
        ("POST /toys/delete", {"x-selects": "toys", **fields(toys={"x-filters": "toys"}, limit=NUMBER)}, False),
        ("POST /toys/paint", {"x-selects": "toys", **fields(toys={"x-filters": "toys"}, color=TEXT)}, True),
    ],
)
def test_conflicts_need_what_a_body_can_break(operation: str, body: Mapping[str, Any] | None, possible: bool) -> None:
    assert mutants(operation, 409, *([201] if operation.endswith("s/") else []), body=body).count(409) == possible


def test_creates_that_find_an_existing_row_do_not_conflict() -> None:
    assert mutants("POST /pets/", 200, 201, 409, body=fields(name=TEXT)) == [200, 201]


@pytest.mark.parametrize(
    ("query", "possible"),
    [
        ({"schema": TEXT}, False),
        ({"schema": OPTIONAL}, False),
        ({"schema": TEXT, "required": True}, True),
        ({"schema": NUMBER}, True),
        ({"schema": {**TEXT, "pattern": "^a$"}}, True),
    ],
)
def test_a_query_of_free_texts_cannot_be_invalid(query: Mapping[str, Any], possible: bool) -> None:
    parameters = [{"name": "a", "in": "query", **query}]
    assert mutants("GET /pets/{pet}/food", 200, 422, further={"parameters": parameters}) == [
        200,
        *([422] if possible else []),
    ]


def test_bodies_can_be_invalid() -> None:
    assert mutants("PATCH /toys/{toy}", 422, body=fields(color=TEXT)) == [422]


def test_tokens_that_are_off_by_default_are_not_issued() -> None:
    assert mutants("GET /token", 200, 405, further={"x-issues-tokens": True}) == [405]
