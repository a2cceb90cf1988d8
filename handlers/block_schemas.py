"""Block schemas: the fields of a block type, in one version.

A field may hold a block of another type. Its schema is a row of its own, which `block_schema_references` refers to.
Responses show it among the definitions of the schema.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import Conflict, Forbidden, NotFound, Unprocessable
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import insert, matching
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.values import key_of
from understudy.workspaces.workspace import Workspace

CHECKSUM, VERSION, SLUG = Column(("checksum",)), Column(("version",)), Column(("slug",))
PARENT = Column(("parent_block_schema_id",))
NEWEST_FIRST = Sort(Column(("created",)), descending=True)
GIVEN = ("block_schema_references", "definitions")
DEFAULT_VERSION = "non-versioned"

Fields = dict[str, Any]


def create_block_schema(workspace: Workspace, body: dict[str, Any]) -> Answer:
    type_id = body["block_type_id"]
    if workspace["block_types"].find(type_id.int) is None:
        raise NotFound(f"Block type {type_id} not found.")
    existing = by_checksum(workspace, checksum(body["fields"]), body["version"])
    if existing is not None:
        return full_schema(workspace, existing), 200
    if body["fields"].get("block_schema_references"):
        register(workspace.fork(), body)  # what is wrong shows before anything is changed
    row = register(workspace, body)
    schema = full_schema(workspace, row)
    # What was made is shown with the references and definitions that the request has, and no others.
    given = {name: body["fields"][name] for name in GIVEN if body["fields"].get(name) is not None}
    schema["fields"] = {**workspace["block_schemas"].values(row)["fields"], "block_schema_references": {}, **given}
    return schema, 201


def read_block_schema_by_id(workspace: Workspace, id: UUID) -> Answer:
    return full_schema(workspace, found(workspace, id))


def delete_block_schema(workspace: Workspace, id: UUID) -> Answer:
    row = found(workspace, id)
    if type_of(workspace, workspace["block_schemas"].values(row))["is_protected"]:
        raise Forbidden("Block schemas for protected block types cannot be deleted.")
    workspace.delete("block_schemas", [row])
    return NO_CONTENT


def read_block_schemas(workspace: Workspace, criteria: Criteria, limit: int, offset: int) -> Answer:
    return full_schemas(workspace, workspace.first("block_schemas", criteria, NEWEST_FIRST, limit, offset))


def read_block_schema_by_checksum(workspace: Workspace, checksum: str, version: str | None = None) -> Answer:
    row = by_checksum(workspace, checksum, version)
    if row is None:
        raise NotFound("Block schema not found")
    return full_schema(workspace, row)


def read_available_block_capabilities(workspace: Workspace) -> Answer:
    capabilities = workspace["block_schemas"].index(Column(("capabilities",))).by_key
    return sorted(key for key, rows in capabilities.items() if key is not None and rows)


# ------------------------------------------------------------------- as stored


def found(workspace: Workspace, id: UUID) -> int:
    row = workspace["block_schemas"].find(id.int)
    if row is None:
        raise NotFound("Block schema not found")
    return row


def by_checksum(workspace: Workspace, digest: str, version: str | None = None) -> int | None:
    """The newest row with a checksum, and with a version if one is given."""
    table = workspace["block_schemas"]
    rows = matching(table, [(CHECKSUM, digest), *([] if version is None else [(VERSION, version)])])
    return max(rows, key=lambda row: table.key(NEWEST_FIRST.column, row), default=None)


def type_of(workspace: Workspace, values: Mapping[str, Any]) -> dict[str, Any]:
    """The block type of a block schema or document."""
    types = workspace["block_types"]
    row = types.find(values["block_type_id"].int)
    assert row is not None  # noqa: S101 - rows are deleted with their type
    return types.values(row)


# -------------------------------------------------------------------- checksum


def checksum(fields: Fields) -> str:
    """The checksum of a schema's fields, without the list of secret fields and without other blocks' definitions."""
    fields = without("secret_fields", fields)
    definitions = fields.get("definitions")
    if definitions:
        kept = own_definitions(fields, definitions)
        del fields["definitions"]
        fields |= {"definitions": kept} if kept else {}
    # The real server hashes the arguments of a call with the fields.
    return f"sha256:{hashlib.sha256(json.dumps([[fields], {}], sort_keys=True).encode()).hexdigest()}"


def without(key: str, value: Any) -> Any:
    """A copy of an object without a key, also in nested objects; lists are unchanged."""
    if not isinstance(value, dict):
        return value
    return {name: without(key, part) for name, part in value.items() if name != key}


def own_definitions(value: Any, definitions: Fields) -> Fields:
    """The definitions that a value refers to, directly or indirectly, except those of other blocks."""
    kept: Fields = {}
    for key in definition_keys(value):
        definition = definitions.get(key)
        if definition and definition.get("block_type_slug") is None and key not in kept:
            rest = {other: known for other, known in definitions.items() if other != key}
            kept |= {key: definition, **own_definitions(definition, rest)}
    return kept


def definition_keys(value: Any) -> Iterator[str]:
    """The definitions that a value refers to."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference:
            yield reference.replace("#/definitions/", "")
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from definition_keys(part)


# --------------------------------------------------------------------- written


def register(workspace: Workspace, values: Mapping[str, Any], definitions: Fields | None = None) -> int:
    """The row of a block schema. It is added, with those of nested blocks, if it does not exist.

    Args:
        workspace: the tables.
        values: the type, fields, capabilities and version.
        definitions: the definitions of the schema that it is nested in; by default its own.
    """
    fields = dict(values["fields"])
    definitions = definitions or fields.get("definitions")
    if definitions:
        fields["definitions"] = definitions
    digest = checksum(fields)
    existing = by_checksum(workspace, digest, values["version"])
    if existing is not None:
        return existing
    if definitions:
        kept = own_definitions(fields, definitions)
        del fields["definitions"]
        fields |= {"definitions": kept} if kept else {}
    references = fields.pop("block_schema_references", {})
    if not isinstance(references, dict):
        raise Unprocessable("The block schema references are not an object.")
    table = workspace["block_schemas"]
    row = insert(table, {**values, "fields": fields, "checksum": digest})
    parent = table.values(row)["id"]
    for name, each in references.items():
        for reference in each if isinstance(each, list) else [each]:
            refer(workspace, parent, name, register_nested(workspace, name, reference, fields, definitions or {}))
    return row


def register_nested(workspace: Workspace, name: str, reference: Any, fields: Fields, definitions: Fields) -> UUID:
    """The id of the schema that a field refers to. It is added from the definitions if it does not exist."""
    if not isinstance(reference, dict) or not {"block_type_slug", "block_schema_checksum"} <= reference.keys():
        raise Unprocessable(f"The block schema reference {name!r} has no block_type_slug and block_schema_checksum.")
    slug = reference["block_type_slug"]
    types = workspace["block_types"].index(SLUG).rows(slug)
    if not types:
        raise Conflict(
            f"Cannot create block schema because block type {slug!r} was not found."
            "Did you forget to register the block type?"
        )
    schemas = workspace["block_schemas"]
    row = by_checksum(workspace, reference["block_schema_checksum"])
    if row is None:
        definition = nested_definition(fields, name, slug, definitions)
        if definition is None:
            raise Unprocessable(f"The block schema has no definition of the block {slug!r} in {name!r}.")
        type_id = workspace["block_types"].values(types.min())["id"]
        nested = {"fields": definition, "block_type_id": type_id, "version": DEFAULT_VERSION}
        row = register(workspace, nested, definitions)
    id_: UUID = schemas.values(row)["id"]
    return id_


def nested_definition(fields: Fields, name: str, slug: str, definitions: Fields) -> Fields | None:
    """The definition of a block type that a field holds."""
    keys = list(definition_keys(fields.get("properties", {}).get(name)))
    candidates = [definitions[key] for key in keys if isinstance(definitions.get(key), dict)]
    if len(keys) > 1:
        candidates = [each for each in candidates if each.get("block_type_slug") == slug]
    return next(iter(candidates), None)


def refer(workspace: Workspace, parent: UUID, name: str, nested: UUID) -> None:
    """Add a reference from a schema to a nested one, if it does not exist."""
    table = workspace["block_schema_references"]
    values = {"name": name, "parent_block_schema_id": parent, "reference_block_schema_id": nested}
    known = (table.values(row) for row in table.index(PARENT).rows(key_of(parent)))
    if not any(values.items() <= row.items() for row in known):
        insert(table, values)


# ------------------------------------------------------------------------ read


def full_schemas(workspace: Workspace, rows: Iterable[int]) -> list[dict[str, Any]]:
    """Block schemas as responses show them: with their types, references and definitions of nested blocks."""
    rows = list(rows)
    family = Family(workspace, rows, lambda row: (workspace["block_schemas"].values(row)["created"], row))
    return [family.full(family.schemas[row]) for row in rows]


def full_schema(workspace: Workspace, row: int) -> dict[str, Any]:
    """One block schema. If several nested blocks have one title, the definition of the last row is shown."""
    family = Family(workspace, [row], lambda nested: nested)
    return family.full(family.schemas[row])


class Family:
    """Block schemas, and all schemas nested in them.

    Args:
        order: the key by which references to schemas are in order. That of a real server depends on the query.
    """

    def __init__(self, workspace: Workspace, rows: Iterable[int], order: Callable[[int], Any]) -> None:
        self._workspace = workspace
        self.schemas: dict[int, dict[str, Any]] = {}
        self._nested: dict[UUID, list[tuple[str, int]]] = {}
        table, ahead = workspace["block_schemas"], list(rows)
        while ahead:
            row = ahead.pop()
            if row not in self.schemas:
                self.schemas[row] = schema = table.values(row)
                self._nested[schema["id"]] = nested = self._references(schema["id"])
                ahead += [child for _, child in nested]
        in_order = sorted(self.schemas, key=order)
        self._place = {row: place for place, row in enumerate(in_order)}
        self._by_checksum = {self.schemas[row]["checksum"]: self.schemas[row] for row in reversed(in_order)}

    def _references(self, parent: UUID) -> list[tuple[str, int]]:
        table, schemas = self._workspace["block_schema_references"], self._workspace["block_schemas"]
        found = []
        for row in table.index(PARENT).rows(key_of(parent)):
            reference = table.values(row)
            child = schemas.find(reference["reference_block_schema_id"].int)
            if child is not None:
                found.append((reference["name"], child))
        return found

    def full(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **{name: schema[name] for name in ("id", "created", "updated", "checksum")},
            "fields": self.fields(schema),
            "block_type_id": schema["block_type_id"],
            "block_type": self._workspace["block_types"].get(schema["block_type_id"]),
            **{name: schema[name] for name in ("capabilities", "version")},
        }

    def fields(self, schema: Mapping[str, Any], above: frozenset[str] = frozenset()) -> Fields:
        """The fields of a schema with its references, and the definitions of nested blocks, each once."""
        references = self.references(schema)
        fields = {**schema["fields"], "block_schema_references": references}
        above |= {schema["checksum"]}
        definitions: Fields = {}
        for each in references.values():
            for reference in each if isinstance(each, list) else [each]:
                nested = self._by_checksum[reference["block_schema_checksum"]]
                title = nested["fields"].get("title")
                if title is not None and nested["checksum"] not in above:
                    inner = self.fields(nested, above)
                    inner_definitions = inner.pop("definitions", {})
                    definitions |= {title: inner, **inner_definitions}
        if definitions or fields.get("definitions"):
            fields["definitions"] = {**(fields.get("definitions") or {}), **definitions}
        return fields

    def references(self, schema: Mapping[str, Any]) -> Fields:
        """The schemas that a schema's fields refer to: one reference, or a list of several."""
        references: Fields = {}
        for name, row in sorted(self._nested[schema["id"]], key=lambda each: self._place[each[1]]):
            nested = self.schemas[row]
            slug = type_of(self._workspace, nested)["slug"]
            reference = {"block_schema_checksum": nested["checksum"], "block_type_slug": slug}
            known = references.setdefault(name, reference)
            several = known if isinstance(known, list) else [known]
            if reference not in several:
                references[name] = [*several, reference]
        return references
