"""Schemas in a normal form, so that equivalent schemas become equal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from understudy.drift.openapi_document import Document, Part, Raw

NUMERIC = ("enum", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
KEYWORDS = {
    "string": ("enum", "format", "pattern", "minLength", "maxLength"),
    "integer": NUMERIC,
    "number": NUMERIC,
    "boolean": ("enum",),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
}  # the keywords that constrain each type
NO_EFFECT = {"minLength": 0, "minItems": 0, "minProperties": 0, "uniqueItems": False}
STRICT_BOUNDS = (("minimum", "exclusiveMinimum", 1, max), ("maximum", "exclusiveMaximum", -1, min))
IMPLIED = {"properties": "object", "additionalProperties": "object", "items": "array"}
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array", dict: "object"}


@dataclass(frozen=True)
class Shape:
    """The values of one type that a schema allows; all values if `type` is None.

    `name` is the name of its component, if it is one.
    """

    type: str | None
    keywords: Mapping[str, Raw]
    name: str | None = None

    def __str__(self) -> str:
        detail = f" ({self.keywords['format']})" if "format" in self.keywords else ""
        return (self.name if self.type == "object" else None) or f"{self.type or 'anything'}{detail}"


@dataclass(frozen=True)
class Schema:
    """The values that a schema allows, with null separately. A default of null counts as no default."""

    shapes: tuple[Shape, ...]
    nullable: bool
    default: Any

    @property
    def types(self) -> list[str]:
        return sorted(str(shape.type) for shape in self.shapes)

    def __str__(self) -> str:
        null = ["null"] if self.nullable and self.shapes != (ANYTHING,) else []
        return " or ".join(dict.fromkeys([*map(str, self.shapes), *null])) or "nothing"


ANYTHING = Shape(None, {})
NULL = Shape("null", {})


def schema_of(document: Document, raw: Raw) -> Schema:
    schema, name = document.flat(raw)
    found = list(alternatives(document, schema, name))
    shapes = (ANYTHING,) if ANYTHING in found else tuple(joined([shape for shape in found if shape != NULL]))
    return Schema(shapes, NULL in found or ANYTHING in found, schema.get("default", schema.get("x-default")))


def alternatives(document: Document, schema: Part, name: str | None) -> Iterator[Shape]:
    """The shapes that a schema allows, before simplification."""
    for union in ("anyOf", "oneOf"):
        if union in schema:
            shared = {key: part for key, part in schema.items() if key != union}
            for raw in schema[union]:
                part, inner = document.flat(raw)
                yield from alternatives(document, {**shared, **part}, inner)
            return
    yield from lone(schema, name)


def lone(schema: Part, name: str | None) -> Iterator[Shape]:
    """The shapes of a schema without references and alternatives."""
    words = [schema["const"]] if "const" in schema else schema.get("enum")
    types = types_of(schema, words)
    for kind in types:
        yield NULL if kind == "null" else Shape(kind, keywords_of(kind, schema, words), name)
    if schema.get("nullable"):
        yield NULL
    if not types and words is None:
        yield ANYTHING


def types_of(schema: Part, words: list[Any] | None) -> list[str]:
    """The types of a schema, or else those of its enum or keywords."""
    if "type" in schema:
        return [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    meant = [kind for keyword, kind in IMPLIED.items() if keyword in schema]
    return list(dict.fromkeys(meant if words is None else [JSON_TYPES.get(type(word), "string") for word in words]))


def keywords_of(kind: str, schema: Part, words: list[Any] | None) -> dict[str, Raw]:
    """The keywords that constrain a type, without those that have no effect."""
    given = {**schema, "enum": None if words is None else [word for word in words if word is not None]}
    keywords = {
        keyword: given[keyword]
        for keyword in KEYWORDS[kind]
        if given.get(keyword) is not None and given[keyword] != NO_EFFECT.get(keyword, ...)
    }
    return bounded(keywords, kind) if KEYWORDS[kind] is NUMERIC else keywords


def bounded(keywords: dict[str, Raw], kind: str) -> dict[str, Raw]:
    """The keywords with exclusive bounds in the form of OpenAPI 3.1, or as inclusive ones for integers."""
    for bound, strict, step, tighter in STRICT_BOUNDS:
        limit = keywords.pop(strict, False)
        if limit is True:  # OpenAPI 3.0
            limit = keywords.pop(bound)
        if limit is not False and kind == "integer":
            keywords[bound] = tighter(limit + step, keywords.get(bound, limit + step))
        elif limit is not False:
            keywords[strict] = limit
    return keywords


def joined(shapes: list[Shape]) -> Iterator[Shape]:
    """Simplify shapes: enums of a type are merged, and integers are dropped beside numbers."""
    words: dict[str | None, list[Any]] = {}
    for shape in shapes:
        if shape.keywords.keys() == {"enum"}:
            words.setdefault(shape.type, []).extend(shape.keywords["enum"])
    numbers = any(shape.type == "number" and not shape.keywords for shape in shapes)
    for shape in shapes:
        if shape.keywords.keys() == {"enum"}:
            if shape.type in words:
                yield replace(shape, keywords={"enum": words.pop(shape.type)})
        elif not (numbers and shape.type == "integer"):
            yield shape
