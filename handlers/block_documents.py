"""Block documents: named sets of values for a block.

A value may be another document: `block_document_references` refers to it, and its data is shown in place of the value.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import BadRequest, Conflict, NotFound, Unprocessable
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, check_keys, insert, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.values import is_id, key_of, new_id
from understudy.workspaces.workspace import Workspace

from . import CONFLICT
from .block_schemas import full_schemas, type_of

PARENT, TYPE = Column(("parent_block_document_id",)), Column(("block_type_id",))
BY_NAME = Sort(Column(("name",)))
MASK = "********"
MOST_SHOWN = 5000  # the maximum number of referenced documents in a response; each takes about 0.2 ms
DEEPEST = 50  # the maximum number of references from a document to the last one below it
SHOWN = (
    "id", "created", "updated", "name", "data", "block_schema_id", "block_schema", "block_type_id", "block_type_name",
    "block_type", "block_document_references", "is_anonymous",
)  # fmt: skip

Data = dict[str, Any]
Path = tuple[str, ...]
References = list[tuple[str, UUID]]
"""Documents that a document refers to, by the key of its data."""


def create_block_document(workspace: Workspace, body: dict[str, Any]) -> Answer:
    table = workspace["block_documents"]
    values = {**body, "name": body.get("name") or f"anonymous-{new_id()}"}
    if body.get("name") is not None and same_row(table, values) is not None:
        raise Conflict("Block already exists")
    values["data"], references = separated(body["data"])
    check_keys(workspace, table, values, CONFLICT)
    check_references(workspace, references)
    row = insert(table, {**values, "block_type_name": type_of(workspace, values)["name"]})
    refer(workspace, table.values(row)["id"], references)
    return full_documents(workspace, [row])[0]


def read_block_documents(
    workspace: Workspace, criteria: Criteria, limit: int, offset: int, sort: Sort, include_secrets: bool
) -> Answer:
    rows = workspace.first("block_documents", criteria, sort, limit, offset)
    return full_documents(workspace, rows, include_secrets, sort)


def read_block_document_by_id(workspace: Workspace, id: UUID, include_secrets: bool) -> Answer:
    return full_documents(workspace, [found(workspace, id)], include_secrets)[0]


def update_block_document_data(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    table, row = workspace["block_documents"], found(workspace, id)
    merges = body["merge_existing_data"]
    if merges and "data" not in body:
        table.update(row, {})  # neither the data nor the schema changes, but there is an event
        return NO_CONTENT
    own = table.values(row)
    data = unmasked(body.get("data", {}), own["data"], secret_fields(workspace, own))
    values, references = separated({**own["data"], **data} if merges else data)
    changes: Data = {"data": values}
    if body.get("block_schema_id") not in (None, own["block_schema_id"]):
        changes["block_schema_id"] = migrated(workspace, own, body["block_schema_id"])
    check_references(workspace, references, id)
    change(table, row, changes)
    former = workspace["block_document_references"].index(PARENT).rows(id.int)
    workspace.delete("block_document_references", former)
    refer(workspace, id, references)
    Documents(workspace, BY_NAME).shown(row)  # refuses references that no response could show
    return NO_CONTENT


# ------------------------------------------------------------------- as stored


def found(workspace: Workspace, id: UUID) -> int:
    row = workspace["block_documents"].find(id.int)
    if row is None:
        raise NotFound("Block document not found")
    return row


def documents_of_type(workspace: Workspace, type_row: int) -> list[int]:
    """The documents of a block type, by name."""
    id_, table = workspace["block_types"].values(type_row)["id"], workspace["block_documents"]
    return sorted(table.index(TYPE).rows(key_of(id_)), key=lambda row: table.key(BY_NAME.column, row))


def migrated(workspace: Workspace, document: Mapping[str, Any], schema_id: UUID) -> UUID:
    """The id of another schema for a document, which must be of the same block type."""
    schemas = workspace["block_schemas"]
    row = schemas.find(schema_id.int)
    if row is None:
        raise Conflict(CONFLICT)
    if schemas.values(row)["block_type_id"] != document["block_type_id"]:
        raise BadRequest("Must migrate block document to a block schema of the same block type.")
    return schema_id


def separated(data: Data) -> tuple[Data, References]:
    """Data without its references to other documents, and these references by key."""
    values, references = {}, []
    for key, value in data.items():
        if not isinstance(value, dict) or "$ref" not in value:
            values[key] = value
            continue
        reference = value["$ref"]
        if not isinstance(reference, dict):
            raise Unprocessable(f"The block reference in key {key} must be an object with a block_document_id.")
        id_ = reference.get("block_document_id")
        if id_ is None:
            raise BadRequest(f"Received block reference without a block_document_id in key {key}")
        if not is_id(str(id_)):
            raise BadRequest(f"Received block reference with an invalid block_document_id in key {key}")
        references.append((key, UUID(str(id_))))
    return values, references


def check_references(workspace: Workspace, references: References, parent: UUID | None = None) -> None:
    """Check that documents can be referenced: they exist, and do not refer to `parent` themselves."""
    for _, reference in references:
        if parent is not None and leads_to(workspace, reference, parent):
            raise BadRequest(
                "Cannot create block document reference: it would introduce a cycle into the "
                f"block_document_reference graph (parent={parent}, reference={reference})."
            )
        if workspace["block_documents"].find(reference.int) is None:
            raise Conflict(CONFLICT)


def refer(workspace: Workspace, parent: UUID, references: References) -> None:
    """Add the references of a document to others."""
    for name, reference in references:
        values = {"name": name, "parent_block_document_id": parent, "reference_block_document_id": reference}
        insert(workspace["block_document_references"], values)


def leads_to(workspace: Workspace, start: UUID, end: UUID) -> bool:
    """Whether references lead from one document to another, or both are the same."""
    table = workspace["block_document_references"]
    ahead, seen = [start], set()
    while ahead:
        id_ = ahead.pop()
        if id_ == end:
            return True
        if id_ not in seen:
            seen.add(id_)
            ahead += [table.values(row)["reference_block_document_id"] for row in table.index(PARENT).rows(id_.int)]
    return False


# --------------------------------------------------------------------- secrets


def secret_fields(workspace: Workspace, document: Mapping[str, Any]) -> list[Path]:
    """The paths to the secrets in a document's data. A `*` matches every key."""
    schemas = workspace["block_schemas"]
    row = schemas.find(document["block_schema_id"].int)
    return paths_of([] if row is None else schemas.values(row)["fields"].get("secret_fields", []))


def paths_of(fields: Iterable[Any]) -> list[Path]:
    """The paths to secrets from the `secret_fields` of a schema."""
    return [tuple(field.split(".")) for field in fields if isinstance(field, str)]


def masked(data: Data, secrets: Iterable[Path]) -> Data:
    """Data with its secrets masked."""
    leaves = flat(data)
    for secret in secrets:
        for path in secret_leaves(leaves, secret):
            leaves[path] = MASK
    return nested(leaves)


def unmasked(data: Data, own: Data, secrets: Iterable[Path]) -> Data:
    """Data that a client sends, in which masked secrets are replaced by those of a document."""
    leaves, known = flat(data), flat(own)
    for secret in secrets:
        for path in [secret] if known.get(secret) is not None else secret_leaves(leaves, secret):
            if leaves.get(path) == MASK and path in known:
                leaves[path] = known[path]
    return nested(leaves)


def secret_leaves(leaves: Mapping[Path, Any], secret: Path) -> list[Path]:
    """The leaves that a path to a secret matches."""
    if leaves.get(secret) is not None:
        return [secret]
    if "*" not in secret:
        return []
    start = secret[: secret.index("*")]
    return [path for path in leaves if path[: len(start)] == start]


def flat(data: Data, above: Path = ()) -> dict[Path, Any]:
    """The leaves of nested objects by their paths; an empty object is a leaf."""
    leaves: dict[Path, Any] = {}
    for key, value in data.items():
        path = (*above, key)
        leaves |= flat(value, path) if isinstance(value, dict) and value else {path: value}
    return leaves


def nested(leaves: Mapping[Path, Any]) -> Data:
    """Nested objects from their leaves."""
    data: Data = {}
    for (*way, key), value in leaves.items():
        part = data
        for name in way:
            part = part.setdefault(name, {})
        part[key] = value
    return data


# ------------------------------------------------------------------------ read


def full_documents(
    workspace: Workspace, rows: Iterable[int], include_secrets: bool = False, sort: Sort = BY_NAME
) -> list[dict[str, Any]]:
    """Block documents as responses show them: with their types, their schemas, and the data of referenced documents."""
    table, rows = workspace["block_documents"], list(rows)
    schema_ids = [table.values(row)["block_schema_id"] for row in rows]
    found_rows = (workspace["block_schemas"].find(id_.int) for id_ in dict.fromkeys(schema_ids))
    schemas = {each["id"]: each for each in full_schemas(workspace, (row for row in found_rows if row is not None))}
    reader = Documents(workspace, sort, include_secrets)
    documents = [reader.shown(row) for row in rows]
    for document in documents:
        document["block_schema"] = schemas.get(document["block_schema_id"])
    return [{name: document[name] for name in SHOWN} for document in documents]


class Documents:
    """The documents of one response, with the data of referenced documents.

    Documents that refer to others several times, which do so too, would be shown a number of times that grows
    exponentially. So there are limits.
    """

    def __init__(self, workspace: Workspace, sort: Sort, include_secrets: bool = False) -> None:
        self._workspace = workspace
        self._sort = sort
        self._include_secrets = include_secrets
        self._left = MOST_SHOWN

    def shown(self, row: int, above: tuple[int, ...] = ()) -> dict[str, Any]:
        """A document. If two references have the same name, the last one is used.

        Raises:
            Unprocessable: too many documents are referenced, or the references are nested too deep.
        """
        document = self._workspace["block_documents"].values(row)
        secrets = () if self._include_secrets else secret_fields(self._workspace, document)
        data = document["data"] if self._include_secrets else masked(document["data"], secrets)
        references: Data = {}
        for name, child in self._children(document["id"], (*above, row)):
            other = self._referenced(child, (*above, row))
            data = {**data, name: other["data"]}
            about = ("id", "name", "block_type", "is_anonymous", "block_document_references")
            references[name] = {"block_document": {key: other[key] for key in about}}
        return {
            **document,
            "data": data,
            "block_type": self._workspace["block_types"].get(document["block_type_id"]),
            "block_document_references": references,
        }

    def _children(self, id_: UUID, above: tuple[int, ...]) -> list[tuple[str, int]]:
        """The names of the references of a document, and the documents that they refer to."""
        table, links = self._workspace["block_documents"], self._workspace["block_document_references"]
        children = []
        for link in map(links.values, links.index(PARENT).rows(id_.int)):
            child = table.find(link["reference_block_document_id"].int)
            if child is not None and child not in above:
                children.append((link["name"], child))
        return sorted(children, key=lambda each: table.key(self._sort.column, each[1]), reverse=self._sort.descending)

    def _referenced(self, row: int, above: tuple[int, ...]) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0:
            raise Unprocessable(
                f"The block documents refer to more than {MOST_SHOWN:,} others, directly or through others. Remove "
                "references, or list fewer documents."
            )
        if len(above) > DEEPEST:
            raise Unprocessable(
                f"The references of block documents are nested more than {DEEPEST} levels deep. Remove some."
            )
        return self.shown(row, above)
