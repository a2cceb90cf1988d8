"""Block types."""

from html import escape, unescape
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import Conflict, Forbidden, NotFound
from understudy.operations.actions import change, insert, matching, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.workspaces.workspace import Workspace

from .block_documents import documents_of_type, full_documents
from .block_schemas import register
from .system_blocks import SYSTEM_SLUGS, system_blocks

NAME, SLUG = Column(("name",)), Column(("slug",))
TEXTS = ("description", "code_example")  # texts that are escaped for HTML when a type is created
CHANGEABLE = ("logo_url", "documentation_url", *TEXTS)


def stripped(text: str | None) -> str | None:
    """A URL without surrounding spaces."""
    return None if text is None else text.strip()


def create_block_type(workspace: Workspace, body: dict[str, Any]) -> Answer:
    table, name = workspace["block_types"], body["name"]
    if name.lower().startswith("prefect"):
        raise Forbidden("Block type names beginning with 'Prefect' are reserved.")
    if same_row(table, body) is not None:
        raise Conflict(f'Block type with name "{name}" already exists')
    insert(table, {**escaped(body), "is_protected": body["slug"] in SYSTEM_SLUGS})
    # The real server finds what it made by its name, which other types may have, too.
    rows = matching(table, [(NAME, name)])
    return table.encoded(min(rows, key=lambda row: table.values(row)["created"]))


def update_block_type(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    table, row = workspace["block_types"], found(workspace, id)
    own = table.values(row)
    if unescaped(body) != unescaped({name: own[name] for name in CHANGEABLE}):
        change(table, row, body)
    return NO_CONTENT


def delete_block_type(workspace: Workspace, id: UUID) -> Answer:
    row = found(workspace, id)
    if workspace["block_types"].values(row)["is_protected"]:
        raise Forbidden("protected block types cannot be deleted.")
    workspace.delete("block_types", [row])
    return NO_CONTENT


def read_block_documents_for_block_type(workspace: Workspace, slug: str, include_secrets: bool) -> Answer:
    types = workspace["block_types"].index(SLUG).rows(slug)
    if not types:
        raise NotFound("Block type not found")
    rows = documents_of_type(workspace, types.min())
    anonymous = workspace["block_documents"].index(Column(("is_anonymous",))).rows(True)
    return full_documents(workspace, [row for row in rows if row not in anonymous], include_secrets)


def read_block_document_by_name_for_block_type(
    workspace: Workspace, slug: str, block_document_name: str, include_secrets: bool
) -> Answer:
    types = workspace["block_types"].index(SLUG).rows(slug)
    named = workspace["block_documents"].index(NAME).rows(block_document_name)
    rows = [row for row in documents_of_type(workspace, types.min()) if row in named] if types else []
    if not rows:
        raise NotFound("Block document not found")
    return full_documents(workspace, rows, include_secrets)[0]


def install_system_block_types(workspace: Workspace) -> Answer:
    table = workspace["block_types"]
    for block_type, schema in system_blocks():
        values = {**escaped(block_type), "is_protected": True}
        row = same_row(table, values)
        if row is None:
            row = insert(table, values)
        else:
            table.update(row, values)
        register(workspace, {**schema, "block_type_id": table.values(row)["id"]})


def found(workspace: Workspace, id: UUID) -> int:
    row = workspace["block_types"].find(id.int)
    if row is None:
        raise NotFound("Block type not found")
    return row


def escaped(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, **{name: escape(values[name], quote=False) for name in TEXTS if values.get(name) is not None}}


def unescaped(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, **{name: unescape(values[name]) for name in TEXTS if values.get(name) is not None}}
