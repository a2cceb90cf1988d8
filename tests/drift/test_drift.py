"""Drift between the contract and published documents: small pairs of them, served by a real HTTP server."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers import free_port
from understudy.contract.contract import Contract
from understudy.drift.drift import drift, report
from understudy.errors import UnderstudyError
from understudy.operations.api_folder import Api

Json = dict[str, Any]
OK: Json = {"200": {"description": "Fine."}}
NODE = "#/components/schemas/Node"


@contextmanager
def site(pages: Mapping[str, str]) -> Iterator[str]:
    """A site with some pages, and 404 for all others; its URL."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path in pages
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(pages.get(self.path, "nothing here").encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def document(version: str, paths: Json, components: Json | None = None) -> Json:
    schemas = {"components": {"schemas": components}} if components else {}
    return {"openapi": version, "info": {"title": "Pets", "version": "1"}, "paths": paths, **schemas}


def operation(name: str = "pets.do", **parts: Any) -> Json:
    return {"operationId": name, "responses": OK, **parts}


def content(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def lines(folder: Path, ours: Json, theirs: Json) -> list[str]:
    """The report on a contract and a published document."""
    (folder / "openapi.yaml").write_text(yaml.safe_dump(ours, sort_keys=False), encoding="utf-8")
    contract = Contract.load(folder / "openapi.yaml")
    with site({"/openapi.json": json.dumps(theirs)}) as url, httpx.Client(base_url=f"{url}/api") as server:
        return report(drift(contract, server)).splitlines()


# Schemas of what is sent, in OpenAPI 3.0 and 3.1: two ways to write the same.
SAME: dict[str, tuple[Json, Json]] = {
    "null as an alternative": (
        {"type": "string", "nullable": True, "format": "uuid"},
        {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
    ),
    "what stands beside alternatives": (
        {"type": "string", "nullable": True, "maxLength": 5},
        {"anyOf": [{"type": "string"}, {"type": "null"}], "maxLength": 5},
    ),
    "null as a type": ({"type": "integer", "nullable": True}, {"type": ["integer", "null"]}),
    "null in an enum": ({"type": "string", "nullable": True, "enum": ["a", None]}, {"enum": ["a", None]}),
    "a constant": ({"type": "string", "enum": ["a"]}, {"const": "a"}),
    "constants as alternatives": (
        {"type": "string", "enum": ["a", "b"]},
        {"oneOf": [{"const": "b", "title": "B"}, {"const": "a", "title": "A"}]},
    ),
    "the order of an enum": ({"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["b", "a"]}),
    "a strict bound": (
        {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 9},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 9.0},
    ),
    "a strict bound of integers": (
        {"type": "integer", "minimum": 1, "maximum": 9},
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
    ),
    "a reference": ({"$ref": NODE}, {"type": "object", "properties": {"next": {"$ref": NODE}}}),
    "a lone allOf": ({"allOf": [{"$ref": NODE}], "nullable": True}, {"anyOf": [{"$ref": NODE}, {"type": "null"}]}),
    "several allOf": (
        {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        {
            "allOf": [
                {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
                {"type": "object", "required": ["b"], "properties": {"b": {"type": "string"}}},
            ]
        },
    ),
    "the order of alternatives": (
        {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "object", "maxProperties": 1}, {"$ref": NODE}]},
        {"oneOf": [{"$ref": NODE}, {"type": "object", "maxProperties": 1}, {"type": ["integer", "string"]}]},
    ),
    "integers among numbers": ({"type": "number"}, {"anyOf": [{"type": "integer"}, {"type": "number"}]}),
    "anything": ({"nullable": True}, {"anyOf": [{"type": "object"}, {}, {"type": "null"}]}),
    "anything at all": ({}, {"title": "Data", "description": "Whatever."}),
    "an object that does not say so": ({"type": "object", "properties": {}}, {"properties": {}}),
    "more fields": (
        {"type": "object", "additionalProperties": {}},
        {"type": "object", "additionalProperties": True},
    ),
    "words for people": (
        {"type": "string", "x-field": "name", "example": "Rex"},
        {"type": "string", "title": "Name", "description": "What it is called.", "examples": ["Rex"]},
    ),
    "a default of null": ({"type": "string", "nullable": True, "default": None}, {"type": ["string", "null"]}),
    "bounds that bound nothing": ({"type": "array", "items": {}}, {"type": "array", "minItems": 0}),
}

# Schemas of what is sent, and their reports.
APART: dict[str, tuple[Json, Any, list[str]]] = {
    "type": (
        {"type": "string"},
        {"type": ["integer", "null"]},
        ["body.x type: string in the contract, integer or null in the document"],
    ),
    "alternatives": (
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "string"},
        ["body.x type: string or integer in the contract, string in the document"],
    ),
    "one of the alternatives": (
        {"anyOf": [{"type": "object", "maxProperties": 1}, {"type": "object", "maxProperties": 2}]},
        {"anyOf": [{"type": "object", "maxProperties": 2}, {"type": "object", "maxProperties": 3}]},
        ["body.x maxProperties: 1 in the contract, 3 in the document"],
    ),
    "what is in alternatives": (
        {"anyOf": [{"properties": {"a": {"properties": {"b": {}}}}}, {"type": "object", "maxProperties": 1}]},
        {"anyOf": [{"properties": {"a": {"properties": {"c": {}}}}}, {"type": "object", "maxProperties": 2}]},
        [
            "body.x.a.b only in the contract: anything",
            "body.x.a.c only in the document: anything",
            "body.x maxProperties: 1 in the contract, 2 in the document",
        ],
    ),
    "null": (
        {"type": "string"},
        {"type": ["string", "null"]},
        ["body.x nullable: false in the contract, true in the document"],
    ),
    "format": (
        {"type": "string", "format": "uuid"},
        {"type": "string"},
        ["body.x format only in the contract: uuid"],
    ),
    "pattern": (
        {"type": "string", "pattern": "^a+$"},
        {"type": "string", "pattern": "^b+$"},
        ["body.x pattern: ^a+$ in the contract, ^b+$ in the document"],
    ),
    "bounds": (
        {"type": "integer", "minimum": 0, "maximum": 200},
        {"type": "integer", "minimum": 1},
        ["body.x minimum: 0 in the contract, 1 in the document", "body.x maximum only in the contract: 200"],
    ),
    "a strict bound": (
        {"type": "number", "minimum": 0},
        {"type": "number", "exclusiveMinimum": 0},
        ["body.x minimum only in the contract: 0", "body.x exclusiveMinimum only in the document: 0"],
    ),
    "words": (
        {"type": "string", "enum": ["a", "b"]},
        {"type": "string", "enum": ["b", "c"]},
        ["body.x enum value only in the contract: a", "body.x enum value only in the document: c"],
    ),
    "an enum": (
        {"type": "string"},
        {"type": "string", "enum": ["b", "c"]},
        ["body.x enum only in the document: b, c"],
    ),
    "default": (
        {"type": "string", "default": "5"},
        {"type": "string", "default": 5},
        ['body.x default: "5" in the contract, 5 in the document'],
    ),
    "items": (
        {"type": "array", "maxItems": 200, "items": {"type": "string"}},
        {"type": "array", "items": {"type": "integer"}},
        [
            "body.x maxItems only in the contract: 200",
            "body.x[] type: string in the contract, integer in the document",
        ],
    ),
    "a field that one side has, with all below it": (
        {"type": "object", "properties": {"a": {"$ref": NODE}}},
        {"type": "object", "properties": {"b": {"type": "object", "properties": {"c": {}}}}},
        ["body.x.a only in the contract: Node", "body.x.b only in the document: object"],
    ),
    "required": (
        {"type": "object", "required": ["a", "b"], "properties": {"a": {}, "b": {}, "c": {}}},
        {"type": "object", "required": ["c", "d"], "properties": {"a": {}, "b": {}, "c": {}, "d": {}}},
        [
            "body.x.d only in the document: anything",
            "body.x required only in the contract: a, b",
            "body.x required only in the document: c",
        ],
    ),
    "more fields": (
        {"type": "object", "additionalProperties": False},
        {"type": "object"},
        ["body.x additionalProperties: false in the contract, true in the document"],
    ),
    "what is in more fields": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "string", "maxLength": 5}},
        ["body.x.* maxLength only in the document: 5"],
    ),
    "a field that two places lack, of one schema here and of two there": (
        {"type": "object", "properties": {"a": {"$ref": NODE}, "b": {"$ref": NODE}}},
        {"type": "object", "properties": {"a": {"type": "object"}, "b": {"type": "object"}}},
        ["body.x.a.next only in the contract: Node", "body.x.b.next only in the contract: Node"],
    ),
    "what stands beside a reference, which counts from OpenAPI 3.1 on": (
        {"$ref": NODE, "default": {}},
        {"$ref": NODE, "default": {}},
        ["body.x default only in the document: {}"],
    ),
    "a schema that nothing fits": (
        {"type": "string"},
        False,
        ["body.x type: string in the contract, nothing in the document"],
    ),
}


def sending(version: str, schema: Any) -> Json:
    """A document with one operation, which is sent an object with a field `x`."""
    body = content({"type": "object", "properties": {"x": schema}})
    node = {"type": "object", "properties": {"next": {"$ref": NODE}}}
    return document(version, {"/pets": {"post": operation(requestBody=body)}}, {"Node": node})


@pytest.mark.parametrize("name", SAME)
def test_equivalent_schemas_have_no_drift(tmp_path: Path, name: str) -> None:
    ours, theirs = SAME[name]
    assert lines(tmp_path, sending("3.0.3", ours), sending("3.1.0", theirs)) == ["0 drifts."]


@pytest.mark.parametrize("name", APART)
def test_drift_shows_the_place_and_both_values(tmp_path: Path, name: str) -> None:
    ours, theirs, expected = APART[name]
    count = "1 drift." if len(expected) == 1 else f"{len(expected)} drifts."
    assert lines(tmp_path, sending("3.0.3", ours), sending("3.1.0", theirs)) == [
        "POST /pets",
        *(f"  {line}" for line in expected),
        "",
        count,
    ]


@pytest.mark.parametrize("name", [*SAME, *APART])
def test_document_has_no_drift_from_itself(tmp_path: Path, name: str) -> None:
    ours = sending("3.0.3", {**SAME, **APART}[name][0])
    assert lines(tmp_path, ours, ours) == ["0 drifts."]


def parameter(kind: str, name: str, schema: Json | None = None, **parts: Any) -> Json:
    return {"in": kind, "name": name, "schema": schema or {"type": "string"}, **parts}


def path_parameter(name: str, schema: Json | None = None) -> Json:
    return parameter("path", name, schema, required=True)


PET: Json = {"type": "object", "properties": {"name": {"type": "string"}}}
ID: Json = {"type": "string", "format": "uuid"}

# The paths of the contract, those of the document, and the report.
PATHS: dict[str, tuple[Json, Json, list[str]]] = {
    "names of parameters in a path": (
        {"/pets/{id}": {"get": operation(parameters=[path_parameter("id", ID)])}},
        {"/pets/{pet_id}": {"parameters": [path_parameter("pet_id", ID)], "get": {"responses": OK}}},
        [],
    ),
    "schemas of parameters in a path": (
        {"/pets/{id}/{key}": {"get": operation(parameters=[path_parameter("id", ID), path_parameter("key")])}},
        {"/pets/{a}/{b}": {"get": {"parameters": [path_parameter("b"), path_parameter("a")], "responses": OK}}},
        ["GET /pets/{id}/{key}", "  path id format only in the contract: uuid"],
    ),
    "a prefix with parameters of its own": (
        {"/health": {"get": operation()}, "/pets/{id}": {"get": operation("b", parameters=[path_parameter("id")])}},
        {
            "/ui/health": {"get": {"responses": {}}},
            "/shops/{shop}/health": {"get": {"responses": OK}},
            "/shops/{shop}/pets/{pet}": {
                "get": {"parameters": [path_parameter("shop", ID), path_parameter("pet")], "responses": OK}
            },
        },
        [],
    ),
    "no prefix where there is one as well": (
        {"/pets": {"get": operation()}},
        {"/ui/pets": {"get": {"responses": {}}}, "/pets": {"get": {"responses": OK}}},
        [],
    ),
    "operations that one side has": (
        {"/pets": {"get": operation("a"), "post": operation("b")}, "/owners": {"get": operation("c")}},
        {
            "/pets": {"get": {"responses": OK}, "put": {"responses": OK}},
            "/others": {"get": {"parameters": [{"$ref": "#/nowhere"}]}},
        },
        [
            "POST /pets, GET /owners",
            "  operation only in the contract",
            "",
            "PUT /pets",
            "  operation only in the document",
        ],
    ),
    "parameters": (
        {
            "/pets": {
                "get": operation(
                    parameters=[
                        parameter("query", "size", {"type": "integer"}),
                        parameter("query", "name"),
                        parameter("header", "x-version"),
                    ]
                )
            }
        },
        {
            "/pets": {
                "get": {
                    "parameters": [
                        parameter("query", "size", {"type": "integer"}, required=True),
                        parameter("header", "X-Version", {"type": "string", "maxLength": 9}),
                        parameter("header", "Authorization"),
                        parameter("cookie", "name"),
                    ],
                    "responses": OK,
                }
            }
        },
        [
            "GET /pets",
            "  query size required: false in the contract, true in the document",
            "  query name only in the contract: string",
            "  header x-version maxLength only in the document: 9",
            "  cookie name only in the document: string",
        ],
    ),
    "bodies": (
        {
            "/pets": {
                "post": operation("a", requestBody={"required": True, **content(PET)}),
                "put": operation("b", requestBody=content(PET)),
            }
        },
        {
            "/pets": {
                "post": {
                    "requestBody": {"content": {"application/json; charset=utf-8": {}, "text/csv": {}}},
                    "responses": OK,
                },
                "put": {"responses": OK},
            }
        },
        [
            "PUT /pets",
            "  body only in the contract",
            "",
            "POST /pets",
            "  body required: true in the contract, false in the document",
            "  body type: object in the contract, anything in the document",
            "  body text/csv content only in the document: anything",
        ],
    ),
    "responses": (
        {
            "/pets": {
                "get": operation(
                    responses={
                        "200": {"description": "", **content({"type": "integer", "default": 1})},
                        "404": {"description": "", **content(PET)},
                        "409": {"description": ""},
                    }
                )
            }
        },
        {
            "/pets": {
                "get": {
                    "responses": {
                        "200": content({"type": "integer", "default": 2}),
                        "201": {},
                        "4XX": content({"type": "object", "properties": {"name": {"type": "null"}}}),
                    }
                }
            }
        },
        [
            "GET /pets",
            "  response 404.name type: string in the contract, null in the document",
            "  response 409 content only in the document: object",
            "  response 201 only in the document",
            "  response 4XX only in the document",
        ],
    ),
}


@pytest.mark.parametrize("name", PATHS)
def test_operations_are_found_and_compared(tmp_path: Path, name: str) -> None:
    ours, theirs, expected = PATHS[name]
    found = lines(tmp_path, document("3.0.3", ours), document("3.1.0", theirs))
    assert found[:-1] == [*expected, ""] if expected else found == ["0 drifts."]


def trees(version: str, **fields: Any) -> Json:
    """Two operations that take trees, in fields of different names, and return one; `fields` are those of a tree."""
    tree = {"type": "object", "properties": {"left": {"$ref": NODE}, "right": {"$ref": NODE}, **fields}}

    def taking(name: str) -> Json:
        body = content({"type": "object", "properties": {name: {"$ref": NODE}}})
        return operation(name, requestBody=body, responses={"200": {"description": "", **content({"$ref": NODE})}})

    return document(version, {"/oaks": {"post": taking("oak")}, "/elms": {"post": taking("elm")}}, {"Node": tree})


def test_schema_with_the_same_name_is_reported_once(tmp_path: Path) -> None:
    theirs = trees("3.1.0", age={"type": "string", "default": "old"}, rings={})
    assert lines(tmp_path, trees("3.0.3", age={"type": "string"}), theirs) == [
        "POST /oaks, POST /elms",
        '  Node.age default only in the document: "old"',
        "  Node.rings only in the document: anything",
        "",
        "2 drifts.",
    ]


def test_recursive_schemas_are_compared(tmp_path: Path) -> None:
    """The cycle in the document has other steps than that in the contract, and another name."""
    theirs = trees("3.1.0")
    inner = {"type": "object", "properties": {"left": {"$ref": NODE}}}
    tree = {"type": "object", "properties": {"left": {"$ref": NODE}, "right": inner}}
    theirs["components"]["schemas"] = {"Node": {"$ref": "#/components/schemas/Tree"}, "Tree": tree}
    assert lines(tmp_path, trees("3.0.3"), theirs) == [
        "POST /oaks, POST /elms",
        "  response 200.left.right.right only in the contract: Node",
        "",
        "POST /oaks",
        "  body.oak.left.right.right only in the contract: Node",
        "",
        "POST /elms",
        "  body.elm.left.right.right only in the contract: Node",
        "",
        "3 drifts.",
    ]


PLAIN = document("3.1.0", {"/pets": {"get": {"responses": {}}}})
FOUND = ["GET /pets", "  response 200 only in the contract", "", "1 drift."]

# Where a document can be on a site, and the given URL.
PLACES = {
    "below the API": (["/api/openapi.json"], "/api"),
    "at the root": (["/openapi.json"], "/api"),
    "between them": (["/api/openapi.json"], "/api/accounts/a/workspaces/b"),
    "at the URL itself, as JSON": (["/v1/pets.json"], "/v1/pets.json"),
    "at the URL itself, as YAML": (["/v1/pets.yaml"], "/v1/pets.yaml"),
    "behind a page that is none": (["/openapi.json"], "/page"),
}


def text_of(path: str) -> str:
    return yaml.safe_dump(PLAIN) if path.endswith(".yaml") else json.dumps(PLAIN)


@pytest.mark.parametrize("name", PLACES)
def test_document_is_found(tmp_path: Path, name: str) -> None:
    paths, given = PLACES[name]
    pages = {
        "/page/openapi.json": "<!doctype html>\n<title>Pets: all</title>",
        **{path: text_of(path) for path in paths},
    }
    with site(pages) as url, httpx.Client(base_url=f"{url}{given}") as server:
        assert report(drift(pets(tmp_path), server)).splitlines() == FOUND


def test_nearest_document_is_used(tmp_path: Path) -> None:
    nearest = json.dumps({**PLAIN, "paths": {"/pets": {"get": {"responses": OK}}}})
    with site({"/openapi.json": json.dumps(PLAIN), "/api/openapi.json": nearest}) as url:
        for base in (f"{url}/api", f"{url}/api/"):
            with httpx.Client(base_url=base) as server:
                assert drift(pets(tmp_path), server) == []


def pets(folder: Path) -> Contract:
    (folder / "openapi.yaml").write_text(
        yaml.safe_dump(document("3.0.3", {"/pets": {"get": operation()}})), encoding="utf-8"
    )
    return Contract.load(folder / "openapi.yaml")


def answering(schema: Any) -> str:
    answer = {"get": {"responses": {"200": {"$ref": "#/components/responses/Pet"}}}}
    pet = {"description": "", "content": {"application/json": {"schema": schema}}}
    return json.dumps({"openapi": "3.1.0", "paths": {"/pets": answer}, "components": {"responses": {"Pet": pet}}})


# What a site publishes, and the beginning of the error after its URL.
ERRORS: dict[str, tuple[dict[str, str], str]] = {
    "nothing": (
        {},
        "/api: no OpenAPI document is published there (/api/openapi.json returned 404, /openapi.json returned 404)",
    ),
    "no JSON": (
        {"/openapi.json": "{]"},
        "/api: no OpenAPI document is published there (/api/openapi.json returned 404, "
        "/openapi.json is neither JSON nor YAML)",
    ),
    "a time that is none": (
        {"/openapi.json": "at: 2026-99-99"},
        "/api: no OpenAPI document is published there (/api/openapi.json returned 404, "
        "/openapi.json is neither JSON nor YAML)",
    ),
    "a depth without end": (
        {"/openapi.json": "[" * 100_000},
        "/api: no OpenAPI document is published there (/api/openapi.json returned 404, "
        "/openapi.json is neither JSON nor YAML)",
    ),
    "another version": (
        {"/openapi.json": '{"swagger": "2.0"}'},
        "/api: no OpenAPI document is published there (/api/openapi.json returned 404, "
        "/openapi.json is not an OpenAPI 3 document)",
    ),
    "no paths": ({"/openapi.json": '{"openapi": "3.1.0"}'}, "/openapi.json: cannot be processed (KeyError: 'paths')"),
    "paths that are none": (
        {"/openapi.json": '{"openapi": "3.1.0", "paths": {"/pets": [1]}}'},
        "/openapi.json: cannot be processed (",
    ),
    "a reference that cannot be resolved": (
        {"/openapi.json": answering({"$ref": "#/components/schemas/Nobody"})},
        "/openapi.json: `$ref: #/components/schemas/Nobody` cannot be resolved",
    ),
    "a reference to another document": (
        {"/openapi.json": answering({"$ref": "pets.json#/Pet"})},
        "/openapi.json: `$ref: pets.json#/Pet` cannot be resolved",
    ),
    "a reference to itself": (
        {"/openapi.json": answering({"$ref": "#/components/responses/Pet/content/application~1json/schema"})},
        "/openapi.json: cannot be processed (RecursionError: ",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_is_reported_in_one_line(name: str) -> None:
    pages, expected = ERRORS[name]
    contract = Contract("contract", json.loads(answering({"type": "string"})))
    with site(pages) as url, httpx.Client(base_url=f"{url}/api") as server:
        with pytest.raises(UnderstudyError) as raised:
            drift(contract, server)
        assert str(raised.value).startswith(f"{url}{expected}")
        assert "\n" not in str(raised.value)


def test_unreachable_server_is_reported_in_one_line(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with httpx.Client(base_url=f"{url}/api") as server, pytest.raises(UnderstudyError) as raised:
        drift(pets(tmp_path), server)
    assert str(raised.value).startswith(f"{url}/api/openapi.json: cannot be reached (")
    assert "\n" not in str(raised.value)


def test_understudy_publishes_what_it_serves(api: Api, small: httpx.Client) -> None:
    assert report(drift(api.contract, small)) == "0 drifts."


def test_drift_of_most_operations_names_only_the_exceptions(tmp_path: Path) -> None:
    ours = document("3.0.3", {f"/pets/{number}": {"get": operation(f"pets.do_{number}")} for number in range(7)})
    theirs = {path: {"get": {"responses": {**OK, "500": {"description": ""}}}} for path in ours["paths"]}
    assert lines(tmp_path, ours, document("3.1.0", theirs))[0] == "Every operation"
    theirs["/pets/6"]["get"]["responses"] = OK
    assert lines(tmp_path, ours, document("3.1.0", theirs))[0] == "Every operation except GET /pets/6"
