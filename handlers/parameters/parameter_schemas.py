"""JSON Schemas from clients, and the errors of values by them.

Schemas made by pydantic 1 are not valid JSON Schemas of 2020-12; they are interpreted as pydantic 1 meant them.
"""

import json
from copy import deepcopy
from functools import lru_cache
from typing import Any

from jsonschema.exceptions import ValidationError, best_match
from referencing.exceptions import Unresolvable

from understudy.errors import Unprocessable

from .hydration import Unrendered
from .schema_validator import HYDRATION, validator_of, validator_of_schemas

CIRCULAR = "Invalid schema: Unable to validate schema with circular references."
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
NO_SCHEMA_THERE = (Unresolvable, ValueError)  # the latter if a reference or `$id` is not a URI
KNOWN, LONGEST = 100, 16_384  # schemas whose errors are remembered, the last ones, and their characters
Schema = dict[str, Any]


class Mismatch(Exception):
    """Values are not valid by a schema, or it refers to a schema that does not exist."""


def check_schema(schema: Schema) -> None:
    """Check that a schema is a JSON Schema.

    Raises:
        Unprocessable: it is not one.
    """
    error = schema_error(schema)
    if error is not None:
        raise Unprocessable(f"Invalid schema: {error.message}")


def schema_error(schema: Any) -> ValidationError | None:
    """The first error of a schema by the JSON Schema meta-schema; None if it is valid.

    Raises:
        Unprocessable: the check takes too long.
    """
    text = json.dumps(schema)
    return known_error(text) if len(text) <= LONGEST else first_error(schema)


@lru_cache(maxsize=KNOWN)
def known_error(text: str) -> ValidationError | None:
    """The first error of a schema in JSON, cached, since the schema of a deployment is checked for each of its runs."""
    return first_error(json.loads(text))


def first_error(schema: Any) -> ValidationError | None:
    return next(validator_of_schemas().iter_errors(schema), None)


def check(values: Any, schema: Schema, *, requires: bool = True, defaults_may_be_null: bool = False) -> None:
    """Check values by a schema.

    Args:
        values: the values.
        schema: the schema, as the client sent it.
        requires: whether required properties must be present.
        defaults_may_be_null: whether a property with a default may be null.

    Raises:
        Mismatch: they are not valid; the text has the first error.
        Unprocessable: the schema is not valid, or refers to itself endlessly.
    """
    meant = as_meant(schema, defaults_may_be_null)
    meant = meant if requires else without_required(meant)
    check_schema(meant)
    found = best_match(errors_of(values, meant, checks_formats=False))
    if found is not None:
        raise Mismatch(described(found))


def errors_of(values: Any, schema: Schema, *, checks_formats: bool = True) -> list[ValidationError]:
    """All errors of values by a schema, which is used unchanged.

    No schema is fetched from elsewhere.

    Raises:
        Mismatch: the schema refers to a schema that does not exist.
        Unprocessable: the schema refers to itself endlessly, or the validation takes too long.
    """
    try:
        return list(validator_of(schema, checks_formats=checks_formats).iter_errors(values))
    except RecursionError:
        raise Unprocessable(CIRCULAR) from None
    except NO_SCHEMA_THERE as error:
        raise Mismatch(f"Validation failed. Failure reason: {error}") from None


def error_tree(errors: list[ValidationError]) -> dict[str, Any]:
    """The messages of errors, in objects and lists with the structure of the values."""
    tree: list[Any] = []
    for error in foremost(errors):
        if not isinstance(error.instance, Unrendered):
            add(tree, way_of(error), error.message)
    return {"errors": tree, "valid": not tree}


def foremost(errors: list[ValidationError]) -> list[ValidationError]:
    """Errors without those of values that could not be determined, except the errors about that."""
    by_way: dict[str, list[ValidationError]] = {}
    for error in errors:
        by_way.setdefault("->".join(map(str, error.relative_path)), []).append(error)
    found = []
    for of_value in by_way.values():
        unknown = [error for error in of_value if error.validator == HYDRATION]
        found += unknown or of_value
    return found


def way_of(error: ValidationError) -> list[str | int]:
    """The path to the value of an error or, for a required property that is missing, to that property."""
    way = list(error.relative_path)
    return [*way, error.message.partition(" ")[0].strip("'")] if error.validator == "required" else way


def add(tree: list[Any], way: list[str | int], message: str) -> None:
    """Add a message to a tree: as an entry of its own, below the first entry of each enclosing value."""
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


def check_given(values: Any, schema: Schema | None) -> None:
    """Check the parameters of a request by its schema, which is used unchanged.

    Raises:
        ValueError: they are not valid, or the schema is not.
        Unprocessable: the validation takes too long.
    """
    if schema is None:
        return
    if values is not None:
        optional = without_required(schema)
        check_given_schema(optional)
        check_given_values(values, optional)
    check_given_schema(schema)


def check_given_schema(schema: Schema) -> None:
    try:
        invalid = schema_error(schema)
    except RecursionError:
        raise Unprocessable(CIRCULAR) from None
    if invalid is not None:
        text = f"The provided schema is not a valid json schema. Schema error: {invalid.message}"
        raise ValueError(text)


def check_given_values(values: Any, schema: Schema) -> None:
    try:
        found = best_match(validator_of(schema, checks_formats=False).iter_errors(values))
    except RecursionError:
        raise Unprocessable(CIRCULAR) from None
    except NO_SCHEMA_THERE as error:
        raise ValueError(f"Validation failed. Failure reason: {error}") from None
    if found is not None:
        raise ValueError(described(found))


def described(error: ValidationError) -> str:
    field = "" if error.json_path == "$" else f" for field {error.json_path.replace('$.', '')!r}"
    return f"Validation failed{field}. Failure reason: {error.message}"


# ------------------------------------------------------------ schemas as meant


def as_meant(schema: Schema, defaults_may_be_null: bool = False) -> Schema:
    """A schema as pydantic 1 meant it: optional values may be null, and a list of schemas is a tuple."""
    schema = deepcopy(schema)
    properties_as_meant(schema, defaults_may_be_null)
    definitions = object_at(schema, "definitions")
    for definition in [part for part in definitions.values() if isinstance(part, dict)]:
        properties_as_meant(definition, defaults_may_be_null)
        title = definition.get("title")
        if "block_type_slug" in definition and isinstance(title, str):
            definitions[title] = {"oneOf": [definition, REFERENCE]}
    return schema


def properties_as_meant(schema: Schema, defaults_may_be_null: bool) -> None:
    required = schema.get("required", [])
    required = required if isinstance(required, (list, str)) else []
    for name, part in object_at(schema, "properties").items():
        if not isinstance(part, dict):
            continue
        may_be_null = "default" not in part or defaults_may_be_null
        if name not in required and part.get("type", "null") != "null" and may_be_null:
            part["anyOf"] = [{"type": part.pop("type")}, {"type": "null"}]
        if isinstance(part.get("items"), list) and part["items"] and not part.get("prefixItems"):
            part["prefixItems"] = part.pop("items")
        properties_as_meant(part, defaults_may_be_null)


def object_at(schema: Schema, name: str) -> dict[str, Any]:
    """An object in a schema; an empty one if it is missing. Whether the schema is valid is checked later."""
    part = schema.get(name)
    return part if isinstance(part, dict) else {}


def without_required(schema: Any) -> Any:
    """A schema in which nothing is required, except in the members of a list."""
    if not isinstance(schema, dict):
        return schema
    return {name: without_required(part) for name, part in schema.items() if name != "required"}
