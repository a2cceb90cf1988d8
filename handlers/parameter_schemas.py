"""JSON Schemas of parameters and job variables, and the errors of values by them.

Schemas that pydantic 1 made are no valid JSON Schemas of 2020-12; they are read as they were meant.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import Draft202012Validator, create
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from understudy.errors import Unprocessable

from .hydration import HydrationError, Unrendered

CIRCULAR = "Invalid schema: Unable to validate schema with circular references."
HYDRATION = "_hydration"  # the keyword that every schema has
# A reference to a block document in place of its data: its id, or names of it.
REFERENCE = {
    "type": "object",
    "properties": {
        "$ref": {
            "oneOf": [
                {"type": "string", "format": "uuid"},
                {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
            ]
        }
    },
    "required": ["$ref"],
}
Schema = dict[str, Any]


class Mismatch(Exception):
    """Values are not valid by a schema, or it refers to a schema that is not there."""


def hydrated(_validator: Any, _keyword: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, HydrationError):
        yield ValidationError(str(instance))


VALIDATOR = create(
    meta_schema=Draft202012Validator.META_SCHEMA,
    validators={**Draft202012Validator.VALIDATORS, HYDRATION: hydrated},
    type_checker=Draft202012Validator.TYPE_CHECKER,
    format_checker=Draft202012Validator.FORMAT_CHECKER,
    id_of=Draft202012Validator.ID_OF,
    applicable_validators=lambda schema: [*schema.items(), (HYDRATION, None)],
)


def check_schema(schema: Schema) -> None:
    """Check that a schema is a JSON Schema.

    Raises:
        Unprocessable: it is not.
    """
    try:
        VALIDATOR.check_schema(schema, format_checker=VALIDATOR.FORMAT_CHECKER)
    except SchemaError as error:
        raise Unprocessable(f"Invalid schema: {error.message}") from None


def check(values: Any, schema: Schema, *, requires: bool = True, defaults_may_be_null: bool = False) -> None:
    """Check values by a schema.

    Args:
        values: the values.
        schema: the schema, as its maker wrote it.
        requires: whether required properties must be there.
        defaults_may_be_null: whether a property with a default may be null.

    Raises:
        Mismatch: they are not valid; the text has the first error.
        Unprocessable: the schema is not valid, or refers to itself without end.
    """
    meant = as_meant(schema, defaults_may_be_null)
    meant = meant if requires else without_required(meant)
    try:
        Draft202012Validator.check_schema(meant)
    except SchemaError as error:
        raise Unprocessable(f"Invalid schema: {error.message}") from None
    found = best_match(errors_of(values, meant, checks_formats=False))
    if found is not None:
        field = "" if found.json_path == "$" else f" for field {found.json_path.replace('$.', '')!r}"
        raise Mismatch(f"Validation failed{field}. Failure reason: {found.message}")


def errors_of(values: Any, schema: Schema, *, checks_formats: bool = True) -> list[ValidationError]:
    """All errors of values by a schema, which is used as it is.

    No schema is fetched from elsewhere.

    Raises:
        Mismatch: the schema refers to a schema that is not there.
        Unprocessable: the schema refers to itself without end.
    """
    formats = VALIDATOR.FORMAT_CHECKER if checks_formats else None
    validator = VALIDATOR(schema, registry=EMPTY_REGISTRY, format_checker=formats)
    try:
        return list(validator.iter_errors(values))
    except RecursionError:
        raise Unprocessable(CIRCULAR) from None
    except Unresolvable as error:
        raise Mismatch(f"Validation failed. Failure reason: {error}") from None


def error_tree(errors: list[ValidationError]) -> dict[str, Any]:
    """The messages of errors in objects and lists like those of the values."""
    tree: list[Any] = []
    for error in foremost(errors):
        if not isinstance(error.instance, Unrendered):
            add(tree, way_of(error), error.message)
    return {"errors": tree, "valid": not tree}


def foremost(errors: list[ValidationError]) -> list[ValidationError]:
    """Errors without those of values that could not be found out, except for that they could not."""
    by_way: dict[str, list[ValidationError]] = {}
    for error in errors:
        by_way.setdefault("->".join(map(str, error.relative_path)), []).append(error)
    found = []
    for of_value in by_way.values():
        unknown = [error for error in of_value if error.validator == HYDRATION]
        found += unknown or of_value
    return found


def way_of(error: ValidationError) -> list[str | int]:
    """The way to the value of an error; to the property that is missing where it is required."""
    way = list(error.relative_path)
    return [*way, error.message.partition(" ")[0].strip("'")] if error.validator == "required" else way


def add(tree: list[Any], way: list[str | int], message: str) -> None:
    """Add a message to a tree. Each has an entry of its own, in the first entry of what is around it."""
    if not way:
        tree.append(message)
        return
    for part in way[:-1]:
        entry = next((each for each in tree if isinstance(each, dict) and each.get(kind_of(part)) == part), None)
        if entry is None:
            entry = {kind_of(part): part, "errors": []}
            tree.append(entry)
        tree = entry["errors"]
    tree.append({kind_of(way[-1]): way[-1], "errors": [message]})


def kind_of(part: str | int) -> str:
    return "index" if isinstance(part, int) else "property"


# ------------------------------------------------------------ schemas as meant


def as_meant(schema: Schema, defaults_may_be_null: bool = False) -> Schema:
    """A schema as its maker meant it: what is not required may be null, and lists of schemas are those of tuples."""
    schema = deepcopy(schema)
    properties_as_meant(schema, defaults_may_be_null)
    definitions = schema.get("definitions", {})
    for definition in list(definitions.values()):
        properties_as_meant(definition, defaults_may_be_null)
        if "block_type_slug" in definition:
            definitions[definition["title"]] = {"oneOf": [definition, REFERENCE]}
    return schema


def properties_as_meant(schema: Schema, defaults_may_be_null: bool) -> None:
    required = schema.get("required", [])
    for name, part in schema.get("properties", {}).items():
        may_be_null = "default" not in part or defaults_may_be_null
        if name not in required and part.get("type", "null") != "null" and may_be_null:
            part["anyOf"] = [{"type": part.pop("type")}, {"type": "null"}]
        if isinstance(part.get("items"), list) and part["items"] and not part.get("prefixItems"):
            part["prefixItems"] = part.pop("items")
        if "properties" in part:
            properties_as_meant(part, defaults_may_be_null)


def without_required(schema: Any) -> Any:
    """A schema in which nothing is required, except in the members of a list."""
    if not isinstance(schema, dict):
        return schema
    return {name: without_required(part) for name, part in schema.items() if name != "required"}
