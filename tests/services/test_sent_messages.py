"""Messages of automations that are sent, with `--send-notifications`, and those that are not."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.conftest import SMALL
from tests.services.conftest import posted
from tests.services.test_running_automations import a_block, automation, emit, on
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace

Received = SimpleQueue[tuple[str, str | None, str]]
"""The method, the header `x-own` and the body of each request."""


@contextmanager
def receiver() -> Iterator[tuple[str, Received]]:
    """A server that receives messages; its URL."""
    received: Received = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
            received.put((self.command, self.headers["x-own"], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Do not log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", received
        finally:
            server.shutdown()
            thread.join()


def call_of(api: httpx.Client, url: str | None, **more: Any) -> dict[str, Any]:
    """An action that calls a URL."""
    block = a_block(api, "webhook")
    data = {"url": url, "method": "PUT", "headers": {"x-own": "mine"}, **more}
    api.patch(f"/block_documents/{block}", json={"data": data}).raise_for_status()
    return {"type": "call-webhook", "block_document_id": block, "payload": "{{ event.event }}"}


@contextmanager
def workspace_of(**options: Any) -> Iterator[tuple[RemoteWorkspace, httpx.Client]]:
    """A workspace of a server with these options, and its client."""
    with (
        StandIn(SMALL, services=True, **options) as server,
        server.workspace() as workspace,
        httpx.Client(base_url=workspace.url) as api,
    ):
        yield workspace, api


@pytest.mark.parametrize("stores", [False, True], ids=["memory", "store"])
def test_webhook_is_called(stores: bool, tmp_path: Path) -> None:
    store = {"store": str(tmp_path / "rows.json")} if stores else {}
    with receiver() as (url, received), workspace_of(send_notifications=True, **store) as (_, api):
        automation(api, on("my.event"), call_of(api, url))
        emit(api, "my.event")
        assert received.get(timeout=30) == ("PUT", "mine", "my.event")


def test_nothing_is_sent_by_default() -> None:
    with receiver() as (url, received):
        with workspace_of() as (workspace, api):
            automation(api, on("my.event"), call_of(api, url))
            emit(api, "my.event")
            assert [message.body for message in workspace.rows("automation_messages")] == ["my.event"]
        assert received.empty()


@pytest.mark.parametrize(
    ("url", "data", "reason"),
    [
        ("http://127.0.0.1:1/", {}, ""),
        (None, {}, "the block mine has no URL"),
        ("http://127.0.0.1:1/", {"allow_private_urls": False}, "the block mine does not allow private URLs"),
        ("http://localhost:1/", {"allow_private_urls": False}, "the block mine does not allow private URLs"),
    ],
)
def test_unsent_message_is_logged(
    caplog: pytest.LogCaptureFixture, url: str | None, data: dict[str, Any], reason: str
) -> None:
    caplog.set_level(logging.WARNING, "understudy")
    with workspace_of(send_notifications=True) as (_, api):
        automation(api, on("my.event"), call_of(api, url, **data))
        emit(api, "my.event")
        posted(api, "/events/filter", filter={})
    assert f"A message could not be sent: {reason}" in caplog.text
