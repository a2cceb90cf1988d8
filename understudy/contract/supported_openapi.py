"""The supported part of OpenAPI. Unsupported keywords are errors, so that nothing is silently ignored."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from understudy.contract.annotations import Tables, objection
from understudy.contract.contract import MEDIA_TYPE, METHODS, Contract
from understudy.errors import ContractErrors, ErrorList, did_you_mean

NAMED = re.compile(r"\{[^{}]+\}")

# What an object of each kind can have. The last lines of each are for people alone.
KEYS: Mapping[str, frozenset[str]] = {
    "document": frozenset({"openapi", "servers", "paths", "components", "info", "tags", "externalDocs"}),
    "server": frozenset({"url", "variables", "description"}),
    "path": frozenset({*METHODS, "parameters", "summary", "description"}),
    "operation": frozenset({
        "operationId", "parameters", "requestBody", "responses",
        "tags", "summary", "description", "externalDocs", "deprecated",
    }),
    "parameter": frozenset({
        "name", "in", "required", "schema",
        "description", "deprecated", "example", "examples",
    }),
    "request body": frozenset({"required", "content", "description"}),
    "media type": frozenset({"schema", "example", "examples"}),
    "response": frozenset({"content", "description", "headers", "links"}),
    "header": frozenset({"schema", "required", "description", "deprecated", "example", "examples"}),
    "components": frozenset({
        "schemas", "parameters", "requestBodies", "responses",
        "headers", "examples", "links", "securitySchemes",
    }),
    "tag": frozenset({"name", "description", "externalDocs"}),
    "info": frozenset({"title", "version", "summary", "description", "termsOfService", "contact", "license"}),
}  # fmt: skip

ABOUT = frozenset({"title", "description", "default", "example", "deprecated", "externalDocs", "nullable", "type"})
TYPES: Mapping[str, frozenset[str]] = {
    "string": frozenset({"enum", "format", "pattern", "minLength", "maxLength"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum"}),
    "boolean": frozenset({"enum"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}
TEXTS = ("text/plain", "text/csv")  # media types of responses
FORMATS = ("uuid", "date-time")
UNREAD = frozenset({"default", "example", "enum"})  # of a schema: values, not schemas
BESIDE_REFERENCE = frozenset({"$ref", "description", "summary", "title"})


def check(contract: Contract) -> None:
    """Check that a contract has nothing that could not be served, or would be ignored.

    Raises:
        ContractError: it does; the text lists all errors with their places.
    """
    walk = Walk(contract.document, contract.where)
    walk.document()
    if walk.errors:
        raise ContractErrors(str(walk.errors))


class Walk:
    """Walks a document once. Parts that are not valid OpenAPI are skipped, since validation reports them."""

    def __init__(self, document: Mapping[str, Any], where: Callable[[str], str]) -> None:
        self.errors = ErrorList()
        self._document = document
        self._where_is = where
        self._tables = tables_of(document)
        self._visited: set[str] = set()
        self._straight: set[str] = set()  # references that were followed to all their ends

    def refuse(self, path: str, reason: str) -> None:
        self.errors.add(f"{self._where_is('/' + path.lstrip('/'))}: {reason}")

    # ------------------------------------------------------------------ parts

    def document(self) -> None:
        self._keys(self._document, "", "document")
        self._servers(items(self._document.get("servers")))
        self._keys(mapping(self._document.get("info")), "info", "info")
        for number, tag in items(self._document.get("tags")):
            self._keys(mapping(tag), f"tags/{number}", "tag")
        for path, item in entries(self._document.get("paths")):
            self._path(path, item)
        components = mapping(self._document.get("components"))
        self._keys(components, "components", "components")
        for kind, visit in self._visits().items():
            for name, _ in entries(components.get(kind)):
                self._referred(f"#/components/{kind}/{name}", f"components/{kind}/{name}", visit)

    def _visits(self) -> Mapping[str, "Visit"]:
        return {
            "schemas": self._schema,
            "parameters": self._parameter,
            "requestBodies": self._body,
            "responses": self._response,
            "headers": self._header,
        }

    def _servers(self, servers: Iterator[tuple[int, Any]]) -> None:
        plain, varying = 0, 0
        for number, server in servers:
            path, url = f"servers/{number}", str(mapping(server).get("url", ""))
            self._keys(mapping(server), path, "server")
            if "{" in url:
                varying += 1
            else:
                plain += 1
            if not url.startswith("/") or url.startswith("//"):
                self.refuse(path, f"`url: {url}` is not served; it must be a path such as `/api`")
            elif number == 0 and "{" in url:
                self.refuse(path, f"`url: {url}` is not served; the first server's has no variables")
            elif plain > 1 or varying > 1:
                self.refuse(path, f"`url: {url}` is not served; there is one URL, and one with variables")

    def _path(self, path: str, item: Any) -> None:
        place = f"paths/{path}"
        item = mapping(self._followed(item))
        self._keys(item, place, "path")
        if any("{" in part and not NAMED.fullmatch(part) for part in path.split("/")):
            self.refuse(place, "a parameter takes a whole part of a path, between slashes")
        for number, parameter in items(item.get("parameters")):
            self._visit(parameter, f"{place}/parameters/{number}", self._parameter)
        for method in METHODS:
            if method in item:
                self._operation(mapping(item[method]), f"{place}/{method}")

    def _operation(self, operation: Mapping[str, Any], place: str) -> None:
        self._keys(operation, place, "operation")
        for number, parameter in items(operation.get("parameters")):
            self._visit(parameter, f"{place}/parameters/{number}", self._parameter)
        if "requestBody" in operation:
            self._visit(operation["requestBody"], f"{place}/requestBody", self._body)
        for status, response in entries(operation.get("responses")):
            if not status.isdecimal() and status != "default":
                self.refuse(f"{place}/responses/{status}", f"`{status}` is not served; name each status")
            self._visit(response, f"{place}/responses/{status}", self._response)

    def _parameter(self, parameter: Mapping[str, Any], place: str) -> None:
        self._keys(parameter, place, "parameter")
        schema = mapping(self._followed(parameter.get("schema")))
        where, name, kind = parameter.get("in"), parameter.get("name"), schema.get("type")
        if where == "cookie" or (where == "header" and "x-minimum-version" not in parameter):
            self.refuse(place, f"the {where} `{name}` would be ignored; parameters must be in the path or the query")
        elif where == "path" and (kind != "string" or not schema.keys() <= ABOUT | {"format", "enum"}):
            self.refuse(
                place,
                f"`{name}` in a path must be a plain text, one of an `enum`, or a UUID (`type: string, format: uuid`)",
            )
        elif where == "query" and kind in ("array", "object"):
            self.refuse(place, f"`type: {kind}` is not served in a query, such as for `{name}`; send it in a body")
        self._visit(parameter.get("schema"), f"{place}/schema", self._schema)

    def _body(self, body: Mapping[str, Any], place: str) -> None:
        self._keys(body, place, "request body")
        self._content(body, place, (MEDIA_TYPE,))
        media = mapping(mapping(body.get("content")).get(MEDIA_TYPE))
        self._check_circles(media.get("schema"), f"{place}/content/{MEDIA_TYPE}/schema", ())
        schema = mapping(self._followed(media.get("schema")))
        selects = "x-selects" in schema
        is_optional = selects or "x-embedded" in schema or "default" in schema
        if media and not is_optional and body.get("required") is not True:
            reason = "an optional body is served only with `x-selects`, `x-embedded` or a default"
            self.refuse(place, f"{reason}; use `required: true`")
        if selects and (body.get("required") is True) is not ("required" in schema):
            self.refuse(place, "a body with `x-selects` is required only if a name in it is; use `required: false`")

    def _response(self, response: Mapping[str, Any], place: str) -> None:
        self._keys(response, place, "response")
        self._content(response, place, (MEDIA_TYPE, *TEXTS))
        for name, header in entries(response.get("headers")):
            self._visit(header, f"{place}/headers/{name}", self._header)

    def _header(self, header: Mapping[str, Any], place: str) -> None:
        self._keys(header, place, "header")
        self._visit(header.get("schema"), f"{place}/schema", self._schema)

    def _content(self, owner: Mapping[str, Any], place: str, served: Sequence[str]) -> None:
        for media_type, media in entries(owner.get("content")):
            path = f"{place}/content/{media_type}"
            if media_type not in served:
                self.refuse(path, f"only {', '.join(served)} {'is' if len(served) == 1 else 'are'} served")
            self._keys(mapping(media), path, "media type")
            self._visit(mapping(media).get("schema"), f"{path}/schema", self._schema)

    # ---------------------------------------------------------------- schemas

    def _schema(self, schema: Mapping[str, Any], place: str) -> None:
        self._annotations(schema, place, "schema")
        allowed = ABOUT | self._allowed(schema, place) | {"format"}  # which is checked by itself
        for key in schema:
            if key not in allowed and not key.startswith("x-"):
                self.refuse(place, f"`{key}` is not served{self._where(schema)}{did_you_mean(key, allowed)}")
        self._check_format(schema, place)
        if "x-table" in schema:
            self._check_row(schema, place)
        for name, part in entries(schema.get("properties")):
            self._visit(part, f"{place}/properties/{name}", self._schema)
        for key in ("items", "additionalProperties"):
            self._visit(schema.get(key), f"{place}/{key}", self._schema)
        for key in ("anyOf", "allOf"):
            for number, part in items(schema.get(key)):
                self._visit(part, f"{place}/{key}/{number}", self._schema)

    def _allowed(self, schema: Mapping[str, Any], place: str) -> frozenset[str]:
        """The keywords that a schema can have beside descriptive ones."""
        kind = schema.get("type")
        if "anyOf" in schema:
            if kind is not None:
                self.refuse(place, "`type` is not served beside `anyOf`")
            return frozenset({"anyOf"})
        if "allOf" in schema:
            if len(schema["allOf"]) > 1:
                self.refuse(place, "`allOf` is served with one schema only; write the fields of all into one")
            return frozenset({"allOf"})
        if kind is None:
            return frozenset()
        if not isinstance(kind, str) or kind not in TYPES:
            self.refuse(place, f"`type: {kind}` is not served; a type is one of {', '.join(TYPES)}")
            return frozenset(schema)
        if kind == "object" and "properties" not in schema:
            return frozenset({"additionalProperties"})
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            self.refuse(place, "`additionalProperties` with a schema is not served beside `properties`")
        unknown = {*schema.get("required", ())} - {*mapping(schema.get("properties"))} if kind == "object" else ()
        for name in sorted(unknown):
            self.refuse(place, f"`required` names `{name}`, which is not in `properties`")
        return TYPES[kind]

    def _where(self, schema: Mapping[str, Any]) -> str:
        for key in ("anyOf", "allOf"):
            if key in schema:
                return f" beside `{key}`"
        return f" in a schema of `type: {schema['type']}`" if "type" in schema else " in a schema without a `type`"

    def _check_format(self, schema: Mapping[str, Any], place: str) -> None:
        wanted = schema.get("format")
        if schema.get("type") != "string":
            if wanted is not None:
                self.refuse(place, f"`format: {wanted}` is not served; only texts have formats here")
            return
        if wanted is not None and wanted not in FORMATS:
            self.refuse(place, f"`format: {wanted}` is not served; use {' or '.join(FORMATS)}")
        exclusive = [key for key in ("enum", "format") if key in schema]
        others = sorted(schema.keys() & TYPES["string"] - {*exclusive[:1]})
        if exclusive and others:
            self.refuse(place, f"`{others[0]}` is not served beside `{exclusive[0]}`")

    def _check_row(self, schema: Mapping[str, Any], place: str) -> None:
        self._check_circles(schema, place, (f"#/{place}",))
        row_id = mapping(self._followed(mapping(schema.get("properties")).get("id")))
        if (row_id.get("type"), row_id.get("format")) != ("string", "uuid"):
            self.refuse(place, "a row requires an `id` that is a UUID (`type: string, format: uuid`)")

    # -------------------------------------------------------------- references

    def _visit(self, value: Any, place: str, visit: "Visit") -> None:
        if not isinstance(value, dict):
            return
        reference = value.get("$ref")
        if not isinstance(reference, str):
            visit(value, place)
            return
        for key in value.keys() - BESIDE_REFERENCE:
            self.refuse(place, f"`{key}` would be ignored beside `$ref`; use `allOf: [{{$ref: …}}]`")
        self._referred(reference, place, visit)

    def _referred(self, reference: str, place: str, visit: "Visit") -> None:
        """Visit the target of a reference, once."""
        if reference in self._visited:
            return
        self._visited.add(reference)
        target = self._target(reference)
        if isinstance(target, dict):
            self._visit(target, reference.removeprefix("#/"), visit)
        elif not reference.startswith("#/"):
            self.refuse(place, f"`$ref: {reference}` is outside the document; copy its target into this one")
        else:
            self.refuse(place, f"`$ref: {reference}` cannot be resolved")

    def _target(self, reference: str) -> Any:
        value: Any = self._document
        for key in reference.removeprefix("#/").split("/"):
            value = mapping(value).get(key.replace("~1", "/").replace("~0", "~"))
        return value

    def _followed(self, value: Any) -> Any:
        """A value with its reference resolved; None if that is circular."""
        seen = set()
        while isinstance(value, dict) and isinstance(value.get("$ref"), str):
            if value["$ref"] in seen:
                return None
            seen.add(value["$ref"])
            value = self._target(value["$ref"])
        return value

    def _check_circles(self, value: Any, place: str, under_way: tuple[str, ...]) -> None:
        """Refuse a recursive schema. Schemas of responses can be recursive, since they are not compiled."""
        if isinstance(value, list):
            value = dict(enumerate(value))
        if not isinstance(value, dict):
            return
        reference = value.get("$ref")
        if not isinstance(reference, str):
            for key, part in value.items():
                if key not in UNREAD:
                    self._check_circles(part, f"{place}/{key}", under_way)
        elif reference in under_way:
            self.refuse(place, f"`$ref: {reference}` is recursive, which is not served")
        elif reference not in self._straight:
            self._check_circles(self._target(reference), reference.removeprefix("#/"), (*under_way, reference))
            self._straight.add(reference)

    # ------------------------------------------------------------------- keys

    def _keys(self, value: Mapping[str, Any], place: str, kind: str) -> None:
        self._annotations(value, place, kind)
        for key in value:
            if key not in KEYS[kind] and not str(key).startswith("x-"):
                self.refuse(place, f"`{key}` is not served{did_you_mean(str(key), KEYS[kind])}")

    def _annotations(self, value: Mapping[str, Any], place: str, kind: str) -> None:
        for key, part in value.items():
            if isinstance(key, str) and key.startswith("x-"):
                wrong = objection(key, part, kind, value, self._tables)
                if wrong is not None:
                    self.refuse(place, wrong)


Visit = Callable[[Mapping[str, Any], str], None]


def tables_of(document: Mapping[str, Any]) -> Tables:
    schemas = mapping(mapping(document.get("components")).get("schemas")).values()
    return {
        schema["x-table"]: mapping(schema.get("properties")).keys()
        for schema in schemas
        if isinstance(schema, dict) and isinstance(schema.get("x-table"), str)
    }


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    return ((str(key), part) for key, part in mapping(value).items())


def items(value: Any) -> Iterator[tuple[int, Any]]:
    return enumerate(value) if isinstance(value, list) else iter(())
