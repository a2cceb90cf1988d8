"""Messages of automations: notifications, and webhook calls.

They are recorded in the table `automation_messages`. If the server was started with `--send-notifications`, they are
also sent: webhooks directly, notifications by the blocks of an installed Prefect.

Source: `prefect.server.events.actions`.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from understudy.errors import UnderstudyError
from understudy.network.ip_addresses import is_private
from understudy.operations.actions import insert
from understudy.workspaces.workspace import Workspace

from .. import block_documents
from .action_events import Invocation

TIMEOUT = 5  # seconds for each step of a request


def record(workspace: Workspace, invocation: Invocation, send: Callable[..., None], **text: str) -> None:
    """Record a message, and send it with a function that takes its block and its texts."""
    block_id = UUID(str(invocation.action["block_document_id"]))
    of = {"automation_id": invocation.automation["id"], "block_document_id": block_id}
    insert(workspace["automation_messages"], {**of, "kind": invocation.action["type"], **text})

    def compose() -> Callable[[], None]:
        document = block_documents.read_block_document_by_id(workspace, block_id, include_secrets=True)
        return partial(send, document, **text)

    workspace.outbox.add(compose)


def call(document: Mapping[str, Any], body: str) -> None:
    """Send a text to the URL of a block, with its method and headers.

    Raises:
        UnderstudyError: the block has no URL, or one that it does not allow.
    """
    # A lazy import: few servers send anything.
    import httpx  # noqa: PLC0415

    data = document["data"]
    url, method, headers = data.get("url"), data.get("method") or "POST", data.get("headers") or {}
    if not isinstance(url, str):
        raise UnderstudyError(f"the block {document['name']} has no URL")
    if not data.get("allow_private_urls", True) and is_private(httpx.URL(url).host):
        raise UnderstudyError(f"the block {document['name']} does not allow private URLs")
    verify = data.get("verify", True)
    httpx.request(method, url, headers=headers, content=body, timeout=TIMEOUT, verify=verify)


def notify(document: Mapping[str, Any], subject: str, body: str) -> None:
    """Send a text with a block of an installed Prefect.

    Raises:
        UnderstudyError: Prefect is not installed.
    """
    if find_spec("prefect") is None:
        raise UnderstudyError(
            "notifications are sent by Prefect's blocks, and Prefect is not installed: pip install prefect"
        )
    from prefect.blocks import notifications  # noqa: F401, PLC0415 - which registers its blocks
    from prefect.blocks.core import Block  # noqa: PLC0415
    from prefect.client.schemas.objects import BlockDocument  # noqa: PLC0415
    from prefect.settings import PREFECT_API_KEY, PREFECT_API_URL, temporary_settings  # noqa: PLC0415

    async def send() -> None:
        block: Any = Block._from_block_document(BlockDocument.model_validate(document))  # noqa: SLF001
        with block.raise_on_failure():
            await block.notify(body, subject)

    # Blocks emit events about what is done with them, for which Prefect starts a server if it has no URL and no key.
    with temporary_settings({PREFECT_API_KEY: "unused"}, restore_defaults={PREFECT_API_URL}):
        asyncio.run(send())
