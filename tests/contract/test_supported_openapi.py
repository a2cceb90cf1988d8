"""The supported parts of OpenAPI: a dozen contracts as people write them, and what is rejected in them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from understudy.contract.yaml_text import parsed
from understudy.errors import ContractError
from understudy.operations.api_folder import Api

DOCUMENTS = Path(__file__).parents[1] / "documents"

# Each document, and all that is rejected in it: every line, in any order.
REFUSED: dict[str, set[str]] = {
    "petstore": {
        "servers/0: `url: https://petstore.example.com/v3` is not served; it must be a path such as `/api`",
        "paths//pets/get/parameters/0: `explode` is not served",
        "paths//pets/get/parameters/0: `type: array` is not served in a query, such as for `tags`; send it in a body",
        "paths//pets/get/parameters/1/schema: `format: int32` is not served; only texts have formats here",
        "paths//pets/get/responses/200/headers/x-total/schema: `format: int64` is not served; only texts have formats "
        "here",
        "paths//pets/{petId}/get/parameters/0: `petId` in a path must be a plain text, one of an `enum`, or a UUID "
        "(`type: string, format: uuid`)",
        "paths//pets/{petId}/get/parameters/0/schema: `format: int64` is not served; only texts have formats here",
        "components/schemas/Pet/properties/id: `format: int64` is not served; only texts have formats here",
        "components/schemas/Pet/properties/photoUrls: `xml` is not served in a schema of `type: array`",
        "paths//pets/post: `security` is not served",
    },
    "museum": {
        "the document: `security` is not served",
        "servers/0: `url: https://api.museum.example.com` is not served; it must be a path such as `/api`",
        "paths//special-events/get/parameters/0/schema: `format: date` is not served; use uuid or date-time",
        "components/schemas/Ticket: `allOf` is served with one schema only; write the fields of all into one",
        "paths//tickets/{ticketId}/qr/get/responses/200/content/image/png: only application/json, text/plain, text/csv"
        " are served",
    },
    "bookstore": {
        "paths//books/{isbn}.json: a parameter takes a whole part of a path, between slashes",
        "paths//books/get/parameters/0: the header `Accept-Language` would be ignored; parameters must be in the path "
        "or the query",
        "paths//books/get/parameters/1: the cookie `session` would be ignored; parameters must be in the path or the "
        "query",
        "components/schemas/Book/properties/isbn: `pattern` is not served beside `enum`",
        "components/schemas/Book: `minProperties` is not served in a schema of `type: object`; did you mean "
        "`properties`?",
        "components/schemas/Book: `required` names `author`, which is not in `properties`",
    },
    "comments": {"components/schemas/Comment/properties/replies/items: `$ref: #/components/schemas/Comment` is "
        "recursive, which is not served"},
    "payments": {
        "components/schemas/Method: `oneOf` is not served in a schema without a `type`",
        "components/schemas/Method: `discriminator` is not served in a schema without a `type`",
        "components/schemas/Amount: `multipleOf` is not served in a schema of `type: integer`",
        "components/schemas/Currency: `enum` is not served in a schema without a `type`",
        "paths//payments/post: `callbacks` is not served",
    },
    "split": {
        "paths//orders/get/responses/200/content/application/json/schema: "
        "`$ref: https://example.com/order.yaml#/Order` is outside the document; copy its target into this one",
        "components/schemas/Customer: `$ref: #/components/schemas/Persn` cannot be resolved",
    },
    "uploads": {
        "paths//files/post/requestBody/content/multipart/form-data: only application/json is served",
        "paths//files/post/requestBody/content/multipart/form-data: `encoding` is not served",
        "paths//files/post/requestBody/content/multipart/form-data/schema/properties/file: `format: binary` is not "
        "served; use uuid or date-time",
    },
    "statuses": {
        "paths//jobs/get/responses/2XX: `2XX` is not served; name each status",
        "paths//jobs: `servers` is not served",
        "paths//jobs/post/requestBody: an optional body is served only with `x-selects`, `x-embedded` or a "
        "default; use `required: true`",
    },
    "todos": {
        "components/schemas/Todo: a row requires an `id` that is a UUID (`type: string, format: uuid`)",
        "components/schemas/Todo/properties/owner: `x-references` no table is named `users`",
        "components/schemas/Todo/properties/title: `readOnly` is not served in a schema of `type: string`",
    },
    "annotated": {
        "the document: unknown annotation `x-tagGroups`",
        "info: unknown annotation `x-logo`",
        "tags/0: unknown annotation `x-displayName`",
        "paths//pets/get: unknown annotation `x-saf`; did you mean `x-safe`?",
        "paths//pets/post: `x-open` takes `true` or `false`, not `yes`",
        "paths//pets/{id}/get: `x-table` is not valid here; it is for: schema",
        "paths//pets/{id}/get/parameters/0: `x-names` takes TABLE.FIELD: `pets` has no field `nam`; did you mean "
        "`name`?",
        "components/schemas/Pet/properties/name: unknown annotation `x-uniqe`; did you mean `x-unique`?",
        "components/schemas/Pet/properties/name: `x-truncate` takes a number above 0, not `long`",
        "components/schemas/Pet: `x-unique` takes lists of fields on a row schema, `[[a, b]]`, not `name`",
        "servers/0: `x-environment-variable` takes a text, not `['PETS']`",
    },
}  # fmt: skip

VERSIONS = {
    "swagger": "must be OpenAPI 3.0 (`openapi: 3.0.3`), not 2.0",
    "modern": "must be OpenAPI 3.0 (`openapi: 3.0.3`), not 3.1.0",
}


def api_folder(folder: Path, document: Any) -> Path:
    (folder / "handlers").mkdir()
    (folder / "handlers" / "__init__.py").touch()
    (folder / "openapi.yaml").write_text(
        document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8"
    )
    return folder


def errors(folder: Path, document: Any) -> list[str]:
    with pytest.raises(ContractError) as raised:
        Api.load(api_folder(folder, document))
    lines = str(raised.value).splitlines()
    return [line.strip().removeprefix(f"{folder / 'openapi.yaml'}: ") for line in (lines[1:] or lines)]


@pytest.mark.parametrize("name", [*REFUSED, *VERSIONS])
def test_unsupported_parts_are_reported_together_in_a_line_each(tmp_path: Path, name: str) -> None:
    text = (DOCUMENTS / f"{name}.yaml").read_text(encoding="utf-8")
    assert set(errors(tmp_path, text)) == REFUSED.get(name, {VERSIONS.get(name)})


def test_every_document_is_tested() -> None:
    assert {path.stem for path in DOCUMENTS.iterdir()} == {*REFUSED, *VERSIONS}


# Each is a schema of a body, and why it is rejected.
SCHEMAS: dict[str, tuple[dict[str, Any], str]] = {
    "not": ({"type": "string", "not": {"enum": ["a"]}}, "`not` is not served in a schema of `type: string`"),
    "unique items": ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "`uniqueItems` is not"),
    "an integer's words": ({"type": "integer", "enum": [1, 2]}, "`enum` is not served in a schema of `type: integer`"),
    "bounds without a type": ({"minimum": 1}, "`minimum` is not served in a schema without a `type`"),
    "two types": ({"type": ["string", "null"]}, "`type: ['string', 'null']` is not served; a type is one of string"),
    "null": ({"type": "null"}, "`type: null` is not served"),
    "a constant": ({"const": 1}, "`const` is not served in a schema without a `type`"),
    "fields beside one allOf": (
        {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}], "properties": {}},
        "`properties` is not served beside `allOf`",
    ),
    "a type beside anyOf": ({"type": "string", "anyOf": [{"type": "string"}]}, "`type` is not served beside `anyOf`"),
    "bounds of a UUID": ({"type": "string", "format": "uuid", "maxLength": 3}, "`maxLength` is not served beside"),
    "fields and free ones": (
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
        "`additionalProperties` with a schema is not served beside `properties`",
    ),
    "required of a map": ({"type": "object", "required": ["a"]}, "`required` is not served in a schema of"),
    "a typo": ({"type": "string", "maxLenght": 3}, "`maxLenght` is not served in a schema of `type: string`; did you "
        "mean `maxLength`?"),
    "a circle of references": ({"$ref": "#/components/schemas/A"}, "is recursive, which is not served"),
    "more beside a reference": ({"$ref": "#/components/schemas/B", "nullable": True}, "`nullable` would be ignored "
        "beside `$ref`"),
}  # fmt: skip


def document_of(schema: Any) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    operation = {"operationId": "a.b", "requestBody": body, "responses": {"200": {"description": "Done."}}}
    circle = {"A": {"$ref": "#/components/schemas/C"}, "C": {"$ref": "#/components/schemas/A"}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "A", "version": "1"},
        "paths": {"/a": {"post": operation}},
        "components": {"schemas": {**circle, "B": {"type": "string"}}},
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_that_would_be_ignored_is_rejected(tmp_path: Path, name: str) -> None:
    schema, expected = SCHEMAS[name]
    assert any(expected in error for error in errors(tmp_path, document_of(schema)))


def test_recursive_response_is_served(tmp_path: Path) -> None:
    document = document_of({"type": "object"})
    tree = {"type": "object", "properties": {"parts": {"type": "array", "items": {"$ref": "#/components/schemas/T"}}}}
    document["components"]["schemas"] = {"T": tree}
    answer = {"description": "A tree.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}
    document["paths"]["/a"]["post"]["responses"]["200"] = answer
    assert errors(tmp_path, document) == [f"paths//a/post: `operationId: a.b` has no handler in {tmp_path}/handlers"]


@pytest.mark.parametrize("document", [
    {"openapi": "3.0.3"}, {"openapi": "3.0.3", "paths": []}, {"openapi": "3.0.3", "paths": {"/a": 1}, "info": 5},
    {"openapi": "3.0.3", "servers": "x", "tags": 1, "components": {"schemas": [1]}, "paths": {"/a": {"get": None}}},
    document_of({"type": "object", "properties": ["a"]}), document_of({"type": "object", "required": "a"}),
    document_of({"allOf": "a"}), document_of({"anyOf": {}}), document_of({"$ref": 5}), document_of([]),
    document_of({"type": {"a": 1}}), {"openapi": "3.0.3", 5: 6, "paths": {5: {7: {}}}},
])  # fmt: skip
def test_invalid_document_is_rejected_without_a_traceback(tmp_path: Path, document: Any) -> None:
    assert errors(tmp_path, document)


def test_error_of_an_invalid_document_is_short(tmp_path: Path) -> None:
    (error,) = errors(tmp_path, {"openapi": "3.0.3"})
    assert error.replace('"', "'") == "the document: 'info' is a required property"


def test_names_need_no_quotes() -> None:
    """YAML 1.1 reads `200` as a number, `no` as a boolean and `null` as nothing, where JSON only has texts."""
    document = document_of(
        {"type": "object", "properties": {each: {"type": "string"} for each in ("no", "null", "1.5")}}
    )
    text = yaml.safe_dump(document).replace("'", "")
    assert parsed(Path("openapi.yaml"), text)["paths"] == document["paths"]


def test_duplicate_name_is_rejected(tmp_path: Path) -> None:
    text = yaml.safe_dump(document_of({"type": "object"})).replace("    post:", "    post: {}\n    post:")
    line = text.splitlines().index("    post:") + 1
    with pytest.raises(ContractError, match=rf"openapi\.yaml, line {line}: has `post` twice$"):
        Api.load(api_folder(tmp_path, text))


def test_yaml_merge_keys() -> None:
    assert parsed(Path("x"), "a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}")["d"] == {"b": 1, "c": 3}


def test_contract_has_one_url_and_one_with_variables(tmp_path: Path) -> None:
    urls = ["/a", "/{x}/a", "/b", "/{y}/b"]
    document = {**document_of({"type": "object"}), "servers": [{"url": url} for url in urls]}
    refused = {error for error in errors(tmp_path, document) if error.startswith("servers/")}
    one = "is not served; there is one URL, and one with variables"
    assert refused == {f"servers/2: `url: /b` {one}", f"servers/3: `url: /{{y}}/b` {one}"}
    (tmp_path / "two").mkdir()
    document["servers"] = [{"url": "/a"}, {"url": "/{x}/a"}, {"url": "/{y}/b"}]
    assert f"servers/2: `url: /{{y}}/b` {one}" in errors(tmp_path / "two", document)
