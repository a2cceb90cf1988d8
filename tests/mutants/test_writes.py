"""Generated mutants of writes: only those that some sequence of requests can show."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.mutants.generated import writes
from understudy.contract.contract import Contract
from understudy.verify.requests.endpoint_map import EndpointMap

TEXT, ID = {"type": "string"}, {"type": "string", "format": "uuid"}
FREE, LOWER = {**TEXT, "x-unique": True}, {**TEXT, "x-unique": True, "pattern": "^[a-z]+$", "maxLength": 255}
NAMESPACE = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
KINDS = ("POST", "PATCH", "DELETE")


def of(table: str, **annotations: str) -> Mapping[str, str]:
    """A field that refers to a row of a table."""
    return {**ID, "x-references": table, **annotations}


def deleted_with(table: str) -> Mapping[str, str]:
    return of(table, **{"x-on-delete": "cascade"})


TABLES: Mapping[str, Mapping[str, Any]] = {
    "shops": {"name": FREE, "code": LOWER, "color": TEXT},
    "visits": {"shop_id": of("shops")},
    "visitors": {"visit_id": deleted_with("visits")},
    "reports": {"visit_id": of("visits")},
    "brushes": {"size": TEXT},
    "offers": {"price": TEXT},
    "orders": {"offer_id": of("offers")},
    "items": {"order_id": deleted_with("orders")},
    "notes": {"order_id": of("orders")},
    "pets": {"owner_id": deleted_with("owners")},
    "owners": {"pet_id": of("pets")},
    "newest": {"color": TEXT, "code": TEXT, "shop_id": ID},
    "labels": {"text": TEXT},
}
ANNOTATIONS: Mapping[str, Mapping[str, Any]] = {
    "POST /offers/": {"x-replaces": True},
    "POST /brushes/": {"x-observes": ["shops", "brushes"]},
}
DERIVED = {"from": "shops", "per": "color", "newest": "code", "reference": "shop_id", "namespace": NAMESPACE}


def answer(name: str, listed: bool = False) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = {"$ref": f"#/components/schemas/{name}"}
    return {
        "description": "",
        "content": {"application/json": {"schema": {"type": "array", "items": schema} if listed else schema}},
    }


def body(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"content": {"application/json": {"schema": {"type": "object", **schema}}}}


def operation(label: str, statuses: Mapping[str, Any], **further: Any) -> Mapping[str, Any]:
    return {"operationId": f"m.{label}", "responses": statuses, **ANNOTATIONS.get(label, {}), **further}


def path(table: str, field: str) -> Mapping[str, Any]:
    return {
        "parameters": [{"name": "key", "in": "path", "required": True, "schema": TEXT, "x-names": f"{table}.{field}"}]
    }


def document() -> Mapping[str, Any]:
    """Rows can be created, except reports, read, listed and deleted. Only shops and labels can be changed."""
    done, schemas, paths = {"204": {"description": ""}}, {}, {}
    for table, fields in TABLES.items():
        derived = {"x-derived": DERIVED} if table == "newest" else {}
        stamps = {name: {**TEXT, "format": "date-time"} for name in ("created", "updated")}
        schemas[table] = {"type": "object", "x-table": table, **derived, "properties": {"id": ID, **stamps, **fields}}
        written = body({"properties": fields})
        row = path(table, "id")
        paths[f"/{table}/"] = {"post": operation(f"POST /{table}/", {"201": answer(table)}, requestBody=written)}
        paths[f"/{table}/{{key}}"] = {
            "get": operation(f"GET /{table}/", {"200": answer(table)}, **row),
            "delete": operation(f"DELETE /{table}/", done, **row),
        }
        filters = body({"x-selects": table, "properties": {"limit": {"type": "integer", "default": 200}}})
        found = operation("filter", {"200": answer(table, listed=True)}, requestBody=filters, **{"x-safe": True})
        paths[f"/{table}/filter"] = {"post": found}
    del paths["/reports/"]
    two, one = body({"properties": {"color": TEXT, "note": TEXT}}), body({"properties": {"text": TEXT}})
    paths["/shops/{key}"]["patch"] = operation("change", done, requestBody=two, **path("shops", "id"))
    paths["/labels/{key}"]["patch"] = operation("correct", done, requestBody=one, **path("labels", "id"))
    paths["/shops/named/{key}"] = {"get": operation("named", {"200": answer("shops")}, **path("shops", "name"))}
    paths["/shops/colored/{key}"] = {"get": operation("colored", {"200": answer("shops")}, **path("shops", "color"))}
    view = {"parameters": [{"name": "key", "in": "path", "required": True, "schema": TEXT}]}
    paths["/views/{key}"] = {"get": operation("view", {"200": {"description": ""}}, **view)}
    return {"paths": paths, "components": {"schemas": schemas}}


@pytest.fixture(scope="module")
def names() -> set[str]:
    return {each.name for each in writes.mutants(EndpointMap.of(Contract("shops.yaml", document())))}


def remembered(names: set[str], label: str) -> list[str]:
    return [kind for kind in KINDS if f"{label}:remembered-{kind}" in names]


@pytest.mark.parametrize(
    ("label", "kinds"),
    [
        ("GET /shops/{key}", ["PATCH", "DELETE"]),
        ("GET /shops/named/{key}", ["PATCH", "DELETE"]),  # by a unique field
        ("GET /shops/colored/{key}", ["POST", "PATCH", "DELETE"]),  # by one that several rows may share
        ("GET /visits/{key}", ["PATCH", "DELETE"]),  # may show a shop
        ("GET /visitors/{key}", ["PATCH", "DELETE"]),  # is deleted with a visit
        ("GET /reports/{key}", ["DELETE"]),
        ("GET /brushes/{key}", ["PATCH", "DELETE"]),  # is changed together with a shop
        ("GET /newest/{key}", ["POST", "PATCH", "DELETE"]),  # is derived from shops
        ("GET /offers/{key}", ["POST", "DELETE"]),  # is replaced
        ("GET /orders/{key}", ["POST", "DELETE"]),
        ("GET /items/{key}", ["POST", "DELETE"]),
        ("GET /notes/{key}", ["DELETE"]),
        ("GET /pets/{key}", ["POST", "DELETE"]),  # refers to an owner that refers to it
        ("GET /owners/{key}", ["POST", "DELETE"]),
        ("POST /notes/filter", ["POST", "DELETE"]),
        ("POST /reports/filter", ["DELETE"]),  # no operation creates them
        ("POST /visits/filter", ["POST", "PATCH", "DELETE"]),
        ("GET /views/{key}", []),
    ],
)
def test_answers_are_remembered_only_where_a_change_shows_it(names: set[str], label: str, kinds: list[str]) -> None:
    assert remembered(names, label) == kinds


def test_names_are_confused_only_if_different_ones_are_allowed(names: set[str]) -> None:
    kinds = {name.rpartition(":")[2] for name in names if name.startswith("POST /shops/:name:")}
    assert kinds == {"case", "space", "form", "width", "start", "taken"}
    assert {name for name in names if name.startswith("POST /shops/:code:")} == {
        "POST /shops/:code:start",
        "POST /shops/:code:taken",
    }


def test_changes_are_lost_only_where_a_body_has_several_fields(names: set[str]) -> None:
    assert {name for name in names if name.endswith(":lost")} == {"PATCH /shops/{key}:lost"}
