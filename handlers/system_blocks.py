"""The block types that every server has: those of an installed Prefect, else short definitions."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

Block = tuple[dict[str, Any], dict[str, Any]]
"""A block type, and its schema: fields, capabilities and version."""


def system_blocks() -> Iterator[Block]:
    return installed_blocks() if find_spec("prefect") is not None else iter(OWN)


def installed_blocks() -> Iterator[Block]:
    """The block types of the installed Prefect."""
    # It takes seconds to import, and is seldom needed.
    from prefect.blocks.system import Secret  # noqa: PLC0415
    from prefect.blocks.webhook import Webhook  # noqa: PLC0415
    from prefect.filesystems import LocalFileSystem  # noqa: PLC0415

    for block in (Webhook, Secret, LocalFileSystem):
        block_type = block._to_block_type().model_dump(mode="json", include={*TYPE_FIELDS})  # noqa: SLF001
        schema = block._to_block_schema().model_dump(mode="json", include={"fields", "capabilities", "version"})  # noqa: SLF001
        yield block_type, schema


TYPE_FIELDS = ("name", "slug", "logo_url", "documentation_url", "description", "code_example")


def own_block(name: str, description: str, capabilities: list[str], properties: dict[str, Any], **more: Any) -> Block:
    slug = name.lower().replace(" ", "-")
    fields = {
        "title": name.replace(" ", ""),
        "description": description,
        "type": "object",
        "properties": properties,
        "block_type_slug": slug,
        "block_schema_references": {},
        "secret_fields": [],
        **more,
    }
    schema = {"fields": fields, "capabilities": capabilities, "version": "non-versioned"}
    return {**dict.fromkeys(TYPE_FIELDS), "name": name, "slug": slug, "description": description}, schema


OWN = [
    own_block(
        "Webhook",
        "An address that is called when something happens.",
        [],
        {
            "method": {"title": "Method", "type": "string", "default": "POST"},
            "url": {"title": "URL", "type": "string", "format": "password", "writeOnly": True},
            "headers": {"title": "Headers", "type": "object"},
        },
        required=["url"],
        secret_fields=["url", "headers.*"],
    ),
    own_block(
        "Secret",
        "A value that is shown only to those who ask for secrets.",
        [],
        {"value": {"title": "Value", "format": "password", "writeOnly": True}},
        required=["value"],
        secret_fields=["value"],
    ),
    own_block(
        "Local File System",
        "A folder of this machine to store files in.",
        ["get-directory", "put-directory", "read-path", "write-path"],
        {"basepath": {"title": "Base path", "type": "string"}},
    ),
]

SYSTEM_SLUGS = frozenset(block_type["slug"] for block_type, _ in OWN)
"""They are protected, even if a client registers them."""
